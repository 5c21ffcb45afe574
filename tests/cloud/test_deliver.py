"""Delivering to one board over real MQTT, and by a job."""

from __future__ import annotations

import json
import threading

import pytest
from fleetlib import delivery
from fleetlib.core.delivery import ACTIONS, topic
from fleetlib.mqtt.listener import Listener

from tests.cloud.http_boards import Boards
from tests.module_runner import run_module

pytestmark = pytest.mark.cloud
THING, PROGRAM = "aws-iot-steel-local-device-001", "blink"


@pytest.fixture
def websocket(cloud):
    return f"ws://127.0.0.1:{cloud.port}"


@pytest.fixture
def answers(aws, websocket):
    """``answers(action, *messages)``: a board that answers an action with (topic, payload)."""
    ended, threads = threading.Event(), []

    def answers(action, *messages):
        asked = {}
        ready = threading.Event()

        def live():
            where = delivery.gateway(aws("iot"), websocket, f"board-{action}")
            with Listener(where, [topic(THING, one) for one in ACTIONS]) as board:
                ready.set()
                while not ended.is_set():
                    heard = board.wait(bool, 0.1)
                    if heard and not asked:
                        asked.update(json.loads(heard[0][1]), topic=heard[0][0])
                        for where_to, payload in messages:
                            board.publish(where_to, json.dumps(payload).encode())

        threads.append(threading.Thread(target=live))
        threads[-1].start()
        assert ready.wait(10)
        return asked

    yield answers
    ended.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def deliver(aws, account, connection, websocket, tmp_path):
    bucket = f"programs-{account}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    path = tmp_path / f"{PROGRAM}.scm"
    path.write_text("(led-on)\n")
    run_module(
        "steel_package",
        bucket=bucket,
        programs=[{"path": str(path), "version": "1.0.0"}],
        signing_key_file=str(tmp_path / "key"),
        **connection,
    )

    def deliver(check_mode=False, **options):
        return run_module(
            "iot_deliver",
            check_mode,
            name_prefix="aws-iot-steel",
            environment_name="local",
            thing=THING,
            packages_bucket=bucket,
            **{
                "websocket_url": websocket,
                "program": PROGRAM,
                "timeout_seconds": 5,
                "watch_seconds": 0.3,
                **options,
            },
            **connection,
        )

    return deliver


def report(status, **more):
    return f"steel-programs/{THING}/status/report", {"program_id": PROGRAM, "status": status, **more}


def test_a_program_is_loaded_and_the_boards_word_and_log_come_back(deliver, answers):
    log = {"timestamp": "T", "level": "info", "program_id": PROGRAM, "message": "on"}
    asked = answers("load", report("Loading"), report("Running"), (f"steel-telemetry/{THING}/logs", log))
    result = deliver()
    assert (result.get("msg"), result["status"], result["version"]) == (None, "Running", "1.0.0")
    assert result["log"] == ["T info: on"]
    assert (asked["topic"], asked["steel_code"]) == (topic(THING, "load"), "(led-on)\n")


def test_a_board_that_fails_is_quoted(deliver, answers):
    answers("execute", report("Failed", message="stack overflow"))
    result = deliver(action="execute")
    assert result["failed"]
    assert f"{THING} reported Failed when asked to execute blink: stack overflow" in result["msg"]


def test_a_board_that_does_not_answer_is_named(deliver):
    assert "has not answered in 0.5 s" in deliver(action="stop", timeout_seconds=0.5)["msg"]


def test_what_a_board_holds_is_shown(deliver, answers):
    held = [{"program_id": PROGRAM, "status": "Running"}]
    answers("status", (f"steel-programs/{THING}/status/full-report", {"programs": held}))
    assert deliver(action="status", program="")["programs"] == held


def test_a_job_does_the_same(deliver, aws):
    aws("iot").create_thing(thingName=THING)
    with Boards(aws, [THING], PROGRAM) as boards:
        assert deliver(via="job")["status"] == "SUCCEEDED"
        assert boards.versions == {THING: "1.0.0"}
        assert deliver(via="job", action="remove")["status"] == "SUCCEEDED"
        assert boards.versions == {THING: ""}


def test_a_job_that_is_not_taken_is_cancelled(deliver, aws):
    aws("iot").create_thing(thingName=THING)
    assert deliver(via="job", timeout_seconds=0.1)["failed"]
    assert [job["status"] for job in aws("iot").list_jobs()["jobs"]] == ["CANCELED"]


def test_mistakes_are_named_and_check_mode_sends_nothing(deliver):
    assert "A job cannot stop" in deliver(via="job", action="stop")["msg"]
    assert "action=load needs program" in deliver(program="")["msg"]
    assert "blink 2.0.0 is not published" in deliver(version="2.0.0")["msg"]
    assert "There is no device" in deliver(via="job")["msg"]
    assert "must begin with ws" in deliver(websocket_url="http://x")["msg"]
    assert deliver(check_mode=True)["changed"]
