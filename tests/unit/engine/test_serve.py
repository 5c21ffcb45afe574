"""The service: one JSON object a line in, one a line out; and boards that live in real time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Line = dict[str, Any]


class Service:
    """A client that sees every line."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, **request: Any) -> None:
        self.write(json.dumps(request) + "\n")

    def write(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def hear(self) -> Line:
        assert self.process.stdout
        line: Line = json.loads(self.process.stdout.readline())
        return line

    def hear_until(self, wanted: Callable[[Line], bool]) -> Line:
        while not wanted(line := self.hear()):
            pass
        return line


def is_log(message: str) -> Callable[[Line], bool]:
    return lambda line: line.get("event", {}).get("message") == message


@pytest.fixture
def service(steel_test: Path) -> Iterator[Service]:
    service = Service(steel_test)
    yield service
    service.process.kill()
    service.process.wait()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not json\n", "a JSON object in one line"),
        ("[1]\n", "a JSON object in one line"),
        ("{}\n", 'a request has an "op"'),
        ('{"op": "fly"}\n', 'unknown op "fly"'),
        ('{"op": "check"}\n', "missing field `source`"),
        ('{"op": "send", "id": 1, "input": {"event": "x"}}\n', "no live board has the id 1"),
        ('{"op": "stop", "id": 1}\n', "no live board has the id 1"),
    ],
)
def test_says_what_is_wrong_with_a_request_and_goes_on(service: Service, text: str, problem: str) -> None:
    service.write(text)
    assert problem in service.hear()["error"]
    service.say(op="check", source="1", id="next")
    assert service.hear()["id"] == "next"


def test_finishes_what_was_asked_when_the_requests_end(service: Service) -> None:
    assert service.process.stdin
    for number in range(20):
        service.say(op="check", source="(led-on)", id=number)
    service.write('{"op": "check", "source": "1", "id": 20}')
    service.process.stdin.close()
    assert sorted(service.hear()["id"] for _ in range(21)) == list(range(21))
    assert service.process.wait(10) == 0


def test_a_quick_program_does_not_wait_for_a_slow_one(service: Service) -> None:
    service.say(op="run", source="(while #t 1)", limits={"seconds": 1}, id="slow")
    service.say(op="run", source="1", id="quick")
    assert [service.hear()["id"] for _ in range(2)] == ["quick", "slow"]


def test_a_live_board_tells_its_events_as_they_happen_and_takes_inputs(service: Service) -> None:
    source = """
      (register-event-handler "button" (lambda (data) (log-info (format "button ~a" data))))
      (register-event-handler "mqtt-message" (lambda (topic payload) (log-info payload)))
      (log-info "ready")
    """
    service.say(op="start", id="b", source=source, limits={"until": None})
    service.hear_until(is_log("ready"))
    service.say(op="send", id="b", input={"event": "button", "data": 3})
    service.hear_until(is_log("button 3"))
    service.say(op="send", id="b", input={"topic": "t", "payload": "hello"})
    service.hear_until(is_log("hello"))
    service.say(op="send", id="b", input={"nonsense": 1})
    assert "an input has" in service.hear_until(lambda line: "error" in line)["error"]
    service.say(op="stop", id="b")
    end = service.hear_until(lambda line: "outcome" in line)
    assert (end["ok"], end["outcome"], end["id"]) == (True, "stopped", "b")


def test_a_live_board_really_waits(service: Service) -> None:
    service.say(op="start", id=1, source='(sleep 0.3) (log-info "later")', limits={"until": None})
    later = service.hear_until(is_log("later"))
    assert 0.3 <= later["event"]["t"] < 5
    end = service.hear_until(lambda line: "outcome" in line)
    assert end["outcome"] == "finished"


def test_a_live_board_that_computes_is_stopped_where_it_is(service: Service) -> None:
    service.say(op="start", id=1, source='(log-info "spinning")\n(while #t 1)', limits={"until": None})
    service.hear_until(is_log("spinning"))
    service.say(op="stop", id=1)
    assert service.hear_until(lambda line: "outcome" in line)["outcome"] == "stopped"


def test_a_live_board_may_compute_so_long_between_two_waits(service: Service) -> None:
    service.say(op="start", id=1, source="(while #t 1)", limits={"until": None, "seconds": 0.2})
    assert service.hear_until(lambda line: "outcome" in line)["limit"] == "time"


def test_two_live_boards_need_two_names(service: Service) -> None:
    service.say(op="start", id=1, source="(sleep 60)", limits={"until": None})
    assert service.hear()["started"]
    service.say(op="start", id=1, source="(sleep 60)", limits={"until": None})
    assert "there is a live board" in service.hear()["error"]


def test_live_boards_end_with_the_service(service: Service) -> None:
    service.say(op="start", id=1, source="(sleep 60)", limits={"until": None})
    assert service.hear()["started"]
    assert service.process.stdin
    service.process.stdin.close()
    assert service.hear_until(lambda line: "outcome" in line)["outcome"] == "stopped"
    assert service.process.wait(10) == 0


def test_tells_what_steel_binds_by_itself_and_offers(service: Service) -> None:
    service.say(op="globals", id=1)
    bound = {entry["name"]: entry["arity"] for entry in service.hear()["globals"]}
    assert (bound["car"], bound["list"], bound["cond"], bound["led-on"]) == ("1", "0+", "macro", "0")
    assert not [name for name in bound if name.startswith("#%board")]
