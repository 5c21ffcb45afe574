"""Whatever a program tries, it is stopped and told why, and the next program finds the engine as it was."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.steel_engine import Engine

LIMITS = {"seconds": 0.5}


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("(while #t 1)", "time"),
        ("(define (spin) (spin)) (spin)", "time"),
        ("(with-handler (lambda (problem) (let spin () (spin))) (let spin () (spin)))", "time"),
        ("(while #t (with-handler (lambda (problem) 1) (while #t 1)))", "time"),
        ('(set-timer "t" 1 (lambda () (while #t 1)))', "time"),
        ("(make-vector 1000000000 0)", "memory"),
        ("(define (deep n) (+ 1 (deep n))) (deep 1)", "memory"),
        ("(while #t (sleep 0))", "calls"),
        ("(while #t (led-on))", "events"),
        ("(while #t (display (make-string 1000 #\\a)))", "output"),
    ],
)
def test_stops_what_has_no_end(engine: Engine, source: str, limit: str) -> None:
    answer = engine.run(source, limits={**LIMITS, "memory_mb": 64, "calls": 100_000, "events": 1000})
    assert (answer["ok"], answer["outcome"], answer.get("limit")) == (False, "limit", limit)


def test_a_program_that_computes_without_end_is_told_where(engine: Engine) -> None:
    answer = engine.run("(define (spin)\n  (spin))\n(spin)", limits=LIMITS)
    assert answer["diagnostic"]["location"]["line"] == 2


def test_a_macro_without_end_is_refused(engine: Engine) -> None:
    answer = engine.check("(define-syntax again (syntax-rules () ((_ x) (again x)))) (again 1)")
    assert answer["outcome"] == "refused"


def test_a_program_that_never_ends_by_itself_ends_with_the_time_to_simulate(engine: Engine) -> None:
    answer = engine.run("(while #t (led-on) (sleep 1) (led-off) (sleep 1))", limits={"until": 10})
    assert (answer["ok"], answer["outcome"], answer["clock"]) == (True, "stopped", 10)
    assert len(answer["events"]) == 11


@pytest.mark.parametrize(
    "source",
    [
        '(open-output-file "{path}")',
        '(call-with-output-file "{path}" (lambda (port) (write 1 port)))',
        '(create-directory! "{path}")',
        '(spawn-process (command "touch" (list "{path}")))',
        '(eval \'(open-output-file "{path}"))',
        '(begin-for-syntax (open-output-file "{path}")) 1',
        '(defmacro (mine) (open-output-file "{path}")) (mine)',
    ],
)
def test_leaves_no_trace_on_the_machine(engine: Engine, tmp_path: Path, source: str) -> None:
    path = tmp_path / "trace"
    source = source.replace("{path}", str(path))
    engine.check(source)
    engine.run(source)
    assert not path.exists()


def test_cannot_read_files(engine: Engine, tmp_path: Path) -> None:
    secret = tmp_path / "secret.scm"
    secret.write_text('(provide found) (define found "found")')
    for source in (
        f'(open-input-file "{secret}")',
        f'(require "{secret}") (displayln found)',
        f'(path-exists? "{secret}")',
    ):
        answer = engine.run(source)
        assert "found" not in str(answer["events"])
        assert answer["outcome"] != "finished" or answer["value"] == "#false"


def test_cannot_reach_the_network(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        answer = engine.run(f'(require-builtin steel/tcp) (tcp-connect "127.0.0.1:{port}")')
        assert answer["outcome"] == "failed"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_knows_nothing_of_the_machine(steel_test: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_SECRET", "hidden")
    with Engine(steel_test) as engine:
        assert "hidden" not in str(engine.run('(env-var "FLEET_SECRET")'))
        assert engine.run("(current-directory)")["value"] == '"/"'


def test_input_from_the_terminal_is_at_its_end(engine: Engine) -> None:
    answer = engine.run("(read-line-from-port (current-input-port))", limits=LIMITS)
    assert answer["outcome"] != "limit"


def test_a_crash_of_the_engine_is_the_programs_end_only(engine: Engine) -> None:
    answer = engine.run('(string-join (list "a" "b") "c" "d")')
    assert answer["outcome"] == "crashed"
    assert "not yet implemented" in answer["message"]
    assert engine.run("1")["ok"]


def test_says_how_programs_are_shut_in(engine: Engine) -> None:
    assert "process" in engine.about()["sandbox"]


def test_an_engine_that_is_killed_is_reported(steel_test: Path) -> None:
    engine = Engine(steel_test)
    engine.close()
    with pytest.raises((FleetError, ValueError)):
        engine.check("1")
