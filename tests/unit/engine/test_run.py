"""Running: a simulated board whose time moves only when the program waits."""

from __future__ import annotations

from typing import Any

import pytest
from fleetlib.core.errors import FleetError
from fleetlib.steel_engine import Answer, Engine


def told(answer: Answer, kind: str, *fields: str) -> list[Any]:
    """Of the events of one kind: when, and these fields."""
    found = [event for event in answer["events"] if event["kind"] == kind]
    return [(event["t"], *(event[field] for field in fields)) for event in found]


def test_records_what_a_program_does_in_order(engine: Engine) -> None:
    answer = engine.run(
        """
        (led-on)
        (display "half a ") (displayln "line")
        (log "warn" "hot")
        (sleep 2)
        (mqtt-publish "room/1" "{}")
        (shadow-update "mode" (list (cons 'level 3)))
        (store "key" "value")
        (delete "key")
        """,
        board={"thing": "t-1"},
    )
    assert answer["outcome"] == "finished"
    assert answer["events"] == [
        {"t": 0.0, "kind": "led", "on": True},
        {"t": 0.0, "kind": "output", "text": "half a line\n"},
        {"t": 0.0, "kind": "log", "level": "warn", "message": "hot"},
        {"t": 2.0, "kind": "publish", "topic": "steel-data/t-1/room/1", "payload": "{}"},
        {"t": 2.0, "kind": "shadow", "key": "mode", "value": {"level": 3}},
        {"t": 2.0, "kind": "store", "key": "key", "value": "value"},
        {"t": 2.0, "kind": "delete", "key": "key", "known": True},
    ]
    assert answer["board"] == {"led": True, "pending": 0, "shadow": {"mode": {"level": 3}}, "storage": {}}


def test_an_hour_of_sleep_takes_no_time(engine: Engine) -> None:
    answer = engine.run("(sleep 3600)", limits={"until": 7200})
    assert answer["clock"] == 3600
    assert answer["cpu_seconds"] < 1


def test_the_same_program_tells_the_same_every_time(engine: Engine) -> None:
    source = "(blink-led 3 0.5) (log-info (json-encode (read-sensors)))"
    assert engine.run(source)["events"] == engine.run(source)["events"]


def test_a_board_is_what_the_scenario_says(engine: Engine) -> None:
    answer = engine.run(
        '(list (get (read-sensors) \'temperature) (load "count") (led-state) (uptime) (current-time))',
        board={
            "sensors": {"temperature": 31},
            "storage": {"count": "7"},
            "led": True,
            "uptime": 100,
            "start": "2026-06-01T12:00:00Z",
        },
    )
    assert answer["value"] == '(31 "7" #true 100 1780315200)'


def test_timers_fire_once_in_order_after_the_program_has_ended(engine: Engine) -> None:
    answer = engine.run(
        '(set-timer "b" 2 (lambda () (log-info "b"))) (set-timer "a" 1 (lambda () (log-info "a")))'
    )
    assert answer["outcome"] == "finished"
    assert told(answer, "log", "message") == [(1.0, "a"), (2.0, "b")]


def test_a_timer_of_the_same_name_is_replaced(engine: Engine) -> None:
    answer = engine.run(
        '(set-timer "t" 1 (lambda () (log-info "old"))) (set-timer "t" 2 (lambda () (log-info "new")))'
    )
    assert told(answer, "log", "message") == [(2.0, "new")]


def test_timers_go_on_while_the_program_sleeps(engine: Engine) -> None:
    answer = engine.run('(set-timer "t" 1 (lambda () (log-info "timer"))) (sleep 3) (log-info "main")')
    assert told(answer, "log", "message") == [(1.0, "timer"), (3.0, "main")]


def test_while_a_callback_sleeps_the_others_wait(engine: Engine) -> None:
    answer = engine.run(
        """
        (set-timer "long" 1 (lambda () (log-info "long begins") (sleep 5) (log-info "long ends")))
        (set-timer "short" 2 (lambda () (log-info "short")))
        """
    )
    assert told(answer, "log", "message") == [(1.0, "long begins"), (6.0, "long ends"), (6.0, "short")]


def test_an_interval_recurs_until_the_time_is_over_and_skips_what_it_missed(engine: Engine) -> None:
    answer = engine.run(
        "(define n 0) (schedule-interval 2 (lambda () (set! n (+ n 1)) (when (= n 2) (sleep 5))))",
        limits={"until": 13},
    )
    assert answer["outcome"] == "stopped"
    assert answer["clock"] == 13
    fired = [event["t"] for event in answer["events"] if event.get("action") == "fire"]
    assert fired == [2.0, 4.0, 9.0, 10.0, 12.0]


def test_a_schedule_fires_at_the_times_of_its_cron_expression(engine: Engine) -> None:
    answer = engine.run(
        '(schedule "*/30 * * * *" (lambda () (log-info "half hour")))',
        board={"start": "2026-01-01T00:29:30Z"},
        limits={"until": 3600},
    )
    assert told(answer, "log", "message") == [(30.0, "half hour"), (1830.0, "half hour")]


def test_events_reach_every_handler_with_their_data(engine: Engine) -> None:
    answer = engine.run(
        """
        (register-event-handler "hot" (lambda (data) (log-info (format "1: ~a" (get data 'degrees)))))
        (register-event-handler "hot" (lambda (data) (log-info "2")))
        (emit-event "hot" (list (cons 'degrees 40)))
        (log-info "first")
        """
    )
    assert told(answer, "log", "message") == [(0.0, "first"), (0.0, "1: 40"), (0.0, "2")]


def test_inputs_reach_the_board_at_their_time(engine: Engine) -> None:
    answer = engine.run(
        """
        (register-event-handler "button" (lambda (data) (log-info (format "button ~a" data))))
        (register-event-handler "mqtt-message" (lambda (topic text) (log-info (format "~a: ~a" topic text))))
        (sleep 10)
        (log-info (format "~a" (get (read-sensors) 'temperature)))
        """,
        inputs=[
            {"at": 1, "event": "button", "data": 5},
            {"at": 2.5, "topic": "a/b", "payload": "hello"},
            {"at": 3, "sensors": {"temperature": 44}},
        ],
    )
    assert told(answer, "log", "message") == [(1.0, "button 5"), (2.5, "a/b: hello"), (10.0, "44")]


def test_what_callbacks_close_over_survives_garbage_collection(engine: Engine) -> None:
    answer = engine.run(
        """
        (define (counter)
          (let ((n 0)) (lambda () (set! n (+ n 1)) n)))
        (define (litter) (let loop ((i 0)) (when (< i 20000) (box i) (counter) (loop (+ i 1)))))
        (let ((next (counter))) (schedule-interval 1 (lambda () (litter) (log-info (->string (next))))))
        (litter)
        """,
        limits={"until": 5},
    )
    assert [message for _, message in told(answer, "log", "message")] == ["1", "2", "3", "4", "5"]


def test_an_error_has_its_place_also_in_a_callback(engine: Engine) -> None:
    answer = engine.run('(led-on)\n(set-timer "t" 5 (lambda ()\n  (car 1)))')
    assert (answer["outcome"], answer["clock"]) == ("failed", 5)
    found = answer["diagnostic"]
    assert (found["kind"], found["location"]["line"], found["location"]["column"]) == ("TypeMismatch", 3, 4)
    assert told(answer, "led", "on") == [(0.0, True)]


def test_a_program_may_take_a_name_of_the_device_api(engine: Engine) -> None:
    answer = engine.run("(define (blink-led n) (led-on) n) (blink-led 7)")
    assert (answer["value"], told(answer, "led", "on")) == ("7", [(0.0, True)])


@pytest.mark.parametrize(
    ("scenario", "problem"),
    [
        ({"bord": {}}, "unknown field `bord`"),
        ({"board": {"temperature": 1}}, "board.temperature: unknown field"),
        ({"limits": {"seconds": "a"}}, "limits.seconds: invalid type"),
        ({"inputs": [{"at": 1}]}, "an input has sensors, or event and data, or topic and payload"),
    ],
)
def test_a_scenario_with_a_mistake_is_refused_and_the_mistake_named(
    engine: Engine, scenario: dict[str, Any], problem: str
) -> None:
    with pytest.raises(FleetError, match="refused a request") as refused:
        engine.run("1", **scenario)
    assert problem in str(refused.value)
