"""A board's programs in the real engine, without a cloud."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from twin.engines import EngineMissingError, Engines
from twin.memory import Memory
from twin.programs import MOST_PROGRAMS, FailedError, Programs, RejectedError


def message(code, program_id="blink", **changes):
    checksum = hashlib.sha256(code.encode()).hexdigest()
    about = {"program_id": program_id, "program_name": "Blink", "version": "1.0.0", "auto_start": True}
    return {**about, "steel_code": code, "checksum": checksum, **changes}


class Desk:
    """A board of which only the programs are real."""

    def __init__(self):
        self.memory, self.told, self.events, self.fails = Memory("t"), [], [], False
        self.news = asyncio.Event()

    def changed(self):
        pass

    def report(self, program, milliseconds=None):
        self.told.append((program.id, program.status, program.message))
        self.news.set()

    def happened(self, program, event):
        self.events.append(event)

    def used(self, program, cpu_milliseconds):
        pass

    def scenario(self):
        return {"thing": "t"}

    def program_fails(self):
        return self.fails

    async def until(self, status):
        while not self.told or self.told[-1][1] != status:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 20)
        return [one[1] for one in self.told]


def finish(work):
    """In a thread of its own: the browser's tests leave an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


@pytest.fixture
def play(root, steel_test):
    """``play(scene)`` runs ``scene(desk, programs)`` with the engine."""

    def play(scene, checkout=root):
        async def run():
            desk, engines = Desk(), Engines(checkout)
            try:
                await scene(desk, Programs(desk, engines))
            finally:
                await engines.close()

        finish(run())

    return play


def test_a_program_runs_to_its_end(play):
    async def scene(desk, programs):
        await programs.load(message('(log-info "hello")'))
        assert await desk.until("Completed") == ["Loading", "Running", "Completed"]
        assert [event["message"] for event in desk.events if event["kind"] == "log"] == ["hello"]
        assert programs.running == []

    play(scene)


def test_a_program_that_fails_says_where(play):
    async def scene(desk, programs):
        await programs.load(message("(led-on)\n(car 1)"))
        await desk.until("Failed")
        assert "(line 2)" in desk.told[-1][2]

    play(scene)


def test_a_program_is_stopped_replaced_and_removed(play):
    forever = "(schedule-interval 60 (lambda () (led-on)))"

    async def scene(desk, programs):
        await programs.load(message(forever))
        assert [one.id for one in programs.running] == ["blink"]
        await programs.load(message(forever + "(led-off)", version="2.0.0"))
        assert desk.memory.programs["blink"].version == "2.0.0"
        await programs.stop("blink")
        assert (programs.running, desk.told[-1][1]) == ([], "Stopped")
        await programs.start_all()
        assert programs.running == [], "what was stopped on purpose stays so"
        await programs.execute("blink")
        await programs.remove("blink")
        assert (desk.memory.programs, desk.told[-1]) == ({}, ("blink", "Stopped", "removed"))

    play(scene)


def test_what_starts_by_itself_is_started_after_a_restart(play):
    async def scene(desk, programs):
        await programs.load(message("(sleep 600)"))
        await programs.load(message("(sleep 600)", "other", auto_start=False))
        await programs.end_all()
        await programs.start_all()
        assert [one.id for one in programs.running] == ["blink"]

    play(scene)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (message("x" * 4097), "too_large"),
        (message("(led-on)", checksum="0" * 64), "checksum"),
        (message('(log-info ":(")'), "unbalanced"),
        (message("(no-such-thing)"), "does_not_load"),
        ({**message("(led-on)"), "version": None}, "invalid"),
        ({**message("(led-on)"), "auto_start": "yes"}, "invalid"),
    ],
)
def test_a_program_that_cannot_be_taken_leaves_the_former_one_alone(play, change, code):
    async def scene(desk, programs):
        await programs.load(message("(sleep 600)", version="0.9.0"))
        with pytest.raises(RejectedError) as refused:
            await programs.load(change)
        assert refused.value.code == code
        assert not isinstance(refused.value, FailedError)
        assert [(one.version, one.status) for one in programs.running] == [("0.9.0", "Running")]

    play(scene)


def test_a_full_board_takes_no_more(play):
    async def scene(desk, programs):
        for number in range(MOST_PROGRAMS):
            await programs.load(message("(led-on)", f"p{number}"))
        with pytest.raises(RejectedError, match="holds 8 programs"):
            await programs.load(message("(led-on)", "one-more"))
        await programs.load(message("(led-off)", "p3"))

    play(scene)


def test_a_program_that_is_not_there_cannot_run(play):
    async def scene(desk, programs):
        with pytest.raises(RejectedError, match="does not hold blink"):
            await programs.execute("blink")
        assert desk.told == [("blink", "Failed", "this board does not hold it")]

    play(scene)


def test_a_fault_that_was_asked_for_fails_the_start(play):
    async def scene(desk, programs):
        desk.fails = True
        with pytest.raises(FailedError, match="a fault that was asked for"):
            await programs.load(message("(led-on)"))
        assert desk.memory.programs["blink"].status == "Failed"

    play(scene)


def test_an_engine_that_ends_takes_its_programs_with_it_and_another_is_started(play, root):
    async def scene(desk, programs):
        await programs.load(message("(sleep 600)"))
        process = programs._engines._running[0]._process
        process.kill()
        await desk.until("Failed")
        assert desk.told[-1][2] == "the Steel engine ended"
        await programs.execute("blink")
        assert [one.id for one in programs.running] == ["blink"]

    play(scene)


def test_without_an_engine_a_board_says_so(tmp_path):
    async def scene():
        desk = Desk()
        with pytest.raises(FailedError, match=r"engine not available: .*make engine"):
            await Programs(desk, Engines(tmp_path)).load(message("(led-on)"))
        with pytest.raises(EngineMissingError):
            await Engines(None).check("")
        assert desk.told[-1][1] == "Failed"

    finish(scene())
