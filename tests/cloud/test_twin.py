"""Virtual boards on a local cloud: real flash, real MQTT over mutual TLS, the real engine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from fleetlib.crypto import signatures

from tests.cloud.twin_world import GROUP, PREFIX, Twins, provision, running, thing, until
from tests.module_runner import run_module
from twin import factory

pytestmark = pytest.mark.cloud
PROGRAM = '(log-info "hello")\n(led-on)\n(schedule-interval 1 (lambda () (led-off)))\n'
STORES = '(store "k" "v")\n(shadow-update "mood" "fine")\n(emit-event "hot" 1)\n'


@pytest.fixture
def devices(aws, tmp_path):
    """Three provisioned devices."""
    return provision(aws("iot"), tmp_path / "state", 3)


@pytest.fixture
def twins(cloud, devices, tmp_path):
    """Boards of two of them, made and not started."""
    twins = Twins(tmp_path / "twin", cloud, tmp_path / "state/devices")
    twins.factory(2)
    return twins


@pytest.fixture
def live(twins, steel_test):
    """The two boards, with the engine."""
    with running(twins, "--confirm-seconds", "30"):
        yield twins


@pytest.fixture
def reported(aws):
    """What the shadow of the first device says."""

    def reported():
        data = aws("iot-data")
        try:
            shadow = data.get_thing_shadow(thingName=thing(1))
        except data.exceptions.ResourceNotFoundException:
            return {}
        return json.loads(shadow["payload"].read())["state"].get("reported", {})

    return reported


@pytest.fixture
def publish(aws, account, connection, tmp_path):
    """``publish(code, version)``: a package of the program ``blink``."""
    bucket = f"programs-{account}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})

    def publish(code, version="1.0.0"):
        path = tmp_path / "blink.scm"
        path.write_text(code)
        made = run_module(
            "steel_package",
            bucket=bucket,
            programs=[{"path": str(path), "version": version}],
            signing_key_file=str(tmp_path / "key"),
            **connection,
        )
        assert not made["failed"], made.get("msg")

    return publish


@pytest.fixture
def deliver(cloud, account, connection):
    def deliver(program="blink", action="load"):
        return run_module(
            "iot_deliver",
            name_prefix=PREFIX,
            environment_name="local",
            thing=thing(1),
            action=action,
            program=program,
            packages_bucket=f"programs-{account}",
            websocket_url=f"ws://127.0.0.1:{cloud.port}",
            timeout_seconds=20,
            watch_seconds=1.5,
            **connection,
        )

    return deliver


@pytest.fixture
def job(aws, account, cloud):
    """``job(document)`` sends a job to the first device and waits for its end: status and details."""

    def job(document, name="job", status=None):
        iot = aws("iot")
        iot.create_job(
            jobId=name,
            targets=[f"arn:aws:iot:{cloud.region}:{account}:thing/{thing(1)}"],
            document=json.dumps(document),
        )

        def look():
            found = iot.describe_job_execution(jobId=name, thingName=thing(1))["execution"]
            return found["status"], found.get("statusDetails", {}).get("detailsMap", {})

        return until(look, lambda seen: seen[0] not in ("QUEUED", "IN_PROGRESS"))

    return job


def load_document(code, **changes):
    request = {
        "program_id": "blink",
        "program_name": "Blink",
        "steel_code": code,
        "version": "1.0.0",
        "checksum": hashlib.sha256(code.encode()).hexdigest(),
        "auto_start": True,
    }
    return {"schema": 1, "operation": "program.load", "request": {**request, **changes}}


def test_boards_connect_as_who_their_flash_says_and_report(live, reported, aws):
    boards = live.boards()
    assert {one["thing"] for one in boards.values()} == {thing(1), thing(2)}
    assert {one["state"] for one in boards.values()} == {"connected"}
    state = until(reported, bool)
    assert state["firmware"] == {"version": "1.0.0", "slot": "ota_0", "confirmed": True}
    assert (state["runtime_status"], state["system_info"]["steel_runtime_version"]) == ("Idle", "0.7.0")
    hits = until(
        lambda: aws("iot").search_index(queryString="connectivity.connected:true")["things"],
        lambda hits: len(hits) == 2,
    )
    assert {one["thingName"] for one in hits} == {thing(1), thing(2)}


def test_a_program_is_delivered_runs_logs_and_survives_a_restart(live, publish, deliver, reported):
    publish(PROGRAM)
    result = deliver()
    assert (result.get("msg"), result["status"]) == (None, "Running")
    assert "info: hello" in " ".join(result["log"])
    assert until(reported, lambda state: state.get("programs"))["programs"]["blink"]["version"] == "1.0.0"
    live("fault", "reboot", "--boards", "device-001")
    again = live.until(lambda boards: boards["device-001"]["boots"] == 2)
    assert again["device-002"]["boots"] == 1
    live.until(lambda boards: boards["device-001"]["programs"] == {"blink": "Running"})
    assert deliver(action="status", program="")["programs"][0]["status"] == "Running"
    assert deliver(action="stop")["status"] == "Stopped"
    assert deliver(action="execute")["status"] == "Running"
    assert deliver(action="remove")["status"] == "Stopped"
    until(reported, lambda state: not state.get("programs"))


def test_what_a_program_does_reaches_the_cloud_and_is_kept(live, publish, deliver, reported):
    publish(STORES)
    assert deliver()["status"] == "Completed"
    assert until(reported, lambda state: "mood" in state)["mood"] == "fine"
    kept = json.loads((live.folder / "boards/device-001/state.json").read_text())
    assert kept["storage"] == {"k": "v"}


REFUSED_PROGRAMS = [
    ({"checksum": "0" * 64}, "checksum"),
    ({"steel_code": "(" * 5000}, "too_large"),
    ({"version": None}, "invalid"),
]


def test_a_program_that_a_board_cannot_take_is_rejected_for_good(live, job):
    for changes, code in REFUSED_PROGRAMS:
        status, details = job(load_document("(led-on)", **changes), code)
        assert (status, details["code"]) == ("REJECTED", code)


def test_jobs_load_refuse_and_remove_programs(live, job, reported):
    assert job(load_document(PROGRAM), "one") == ("SUCCEEDED", {"code": "done", "version": "1.0.0"})
    until(reported, lambda state: state.get("programs", {}).get("blink", {}).get("status") == "Running")
    status, details = job(load_document("(no-such-thing)", version="2.0.0"), "two")
    assert (status, details["code"]) == ("REJECTED", "does_not_load")
    assert live.boards()["device-001"]["programs"] == {"blink": "Running"}, "the former version stays"
    assert job({"schema": 1, "operation": "certificate.paint"}, "three")[1]["code"] == "unsupported"
    removal = {"program_id": "blink", "action": "Remove"}
    assert job({"schema": 1, "operation": "program.remove", "request": removal}, "four")[0] == "SUCCEEDED"
    assert live.boards()["device-001"]["programs"] == {}


def test_without_the_engine_a_board_says_so(twins, publish, deliver):
    publish(PROGRAM)
    with running(twins, "--no-engine"):
        assert "engine not available" in deliver()["msg"]


def test_the_shadow_is_obeyed(live, aws, reported):
    until(reported, bool)
    desired = {"led_control": True, "configuration": {"log_level": "debug", "reporting_interval": 1}}
    payload = json.dumps({"state": {"desired": desired}})
    aws("iot-data").update_thing_shadow(thingName=thing(1), payload=payload)
    state = until(reported, lambda state: state["hardware_state"]["led_status"])
    assert {name: state[name] for name in desired} == desired


@pytest.fixture
def update(aws, account, job, tmp_path):
    """``update(version)`` sends firmware by a job whose document names an address on this machine."""
    bucket = f"firmware-{account}"
    s3 = aws("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})

    def update(version, image=None, **changes):
        image = image or factory.app_image(version, size=300_000)
        s3.put_object(Bucket=bucket, Key=version, Body=image)
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": version})
        request = {
            "request_id": "r",
            "firmware_version": version,
            "compatibility_version": "1.0.0",
            "download_url": url,
            "checksum": hashlib.sha256(image).hexdigest(),
            "size_bytes": len(image),
        }
        document = {"schema": 1, "operation": "firmware.update", "request": {**request, **changes}}
        return job(document, f"update-{version.replace('.', '-')}")

    return update


def test_firmware_is_installed_started_and_confirmed(live, update, reported):
    assert update("1.1.0") == ("SUCCEEDED", {"code": "done", "version": "1.1.0"})
    board = live.boards()["device-001"]
    assert board["firmware"] == {"version": "1.1.0", "slot": "ota_1", "confirmed": True}
    assert board["boots"] == 2
    until(reported, lambda state: state["firmware"] == board["firmware"])
    assert update("1.2.0")[0] == "SUCCEEDED"
    assert live.boards()["device-001"]["firmware"]["slot"] == "ota_0"


def test_firmware_that_is_not_well_is_given_up(live, update, reported):
    live("fault", "fail_updates=1", "--boards", "device-001")
    status, details = update("1.1.0")
    assert (status, details["code"], details["message"]) == ("FAILED", "rolled_back", "went back to 1.0.0")
    board = live.boards()["device-001"]
    assert (board["firmware"]["version"], board["boots"]) == ("1.0.0", 3)
    until(reported, lambda state: state["firmware"]["version"] == "1.0.0")


REFUSED_FIRMWARE = [
    ({"checksum": "0" * 64}, "FAILED", "checksum"),
    ({"image": b"\xe9" + bytes(5000)}, "REJECTED", "image"),
    ({"image": factory.app_image("9.9.9")}, "REJECTED", "version"),
    ({"compatibility_version": "1.0.1"}, "REJECTED", "incompatible"),
    ({"download_url": "http://example.com/x"}, "REJECTED", "insecure_url"),
    ({"download_url": "http://127.0.0.1:1/x"}, "FAILED", "download"),
]


def test_firmware_that_is_not_what_was_announced_is_not_started(live, update):
    for number, (changes, status, code) in enumerate(REFUSED_FIRMWARE):
        found, details = update(f"1.1.{number}", **changes)
        assert (found, details["code"]) == (status, code)
    assert live.boards()["device-001"]["boots"] == 1


def test_firmware_has_to_be_signed_by_the_key_that_the_board_trusts(twins, update, tmp_path):
    signatures.LocalSigner(tmp_path / "signing/private.key")
    with running(twins, "--public-key", str(tmp_path / "signing/public.pem")):
        assert update("1.1.0", signature="bm8=")[1]["code"] == "signature"


def test_a_damaged_flash_is_not_started_and_a_new_one_is(live):
    live("fault", "corrupt=identity", "reboot", "--boards", "device-001")
    boards = live.until(lambda boards: boards["device-001"]["state"] == "refused")
    assert boards["device-001"]["why"].startswith("identity: ")
    assert boards["device-002"]["state"] == "connected"
    live("fault", "none")
    made = live.factory(2)["made"]
    assert made == ["device-001"], "the damaged one only"
    live.until(lambda boards: boards["device-001"]["state"] == "connected")


def test_a_board_that_is_made_later_is_taken_in(live):
    assert live.factory(3)["made"] == ["device-003"]
    live.until(lambda boards: boards.get("device-003", {}).get("state") == "connected")


def test_connections_are_dropped_and_come_back(live):
    live("fault", "drop")
    live.until(lambda boards: all(one["connections"] == 2 for one in boards.values()))
    live("fault", "offline=true", "--boards", "device-002")
    live.until(lambda boards: boards["device-002"]["state"] == "offline")
    live("fault", "none")
    live.until(lambda boards: boards["device-002"]["state"] == "connected")
    live("fault", "flap_seconds=0.2", "--boards", "device-001")
    live.until(lambda boards: boards["device-001"]["connections"] >= 5)


def test_jobs_and_programs_fail_when_that_is_asked_for(live, job, publish, deliver):
    live("fault", "refuse_jobs=1")
    assert job(load_document(PROGRAM), "one") == (
        "REJECTED",
        {"code": "fault", "message": "this board refuses jobs, as it was asked to", "version": "1.0.0"},
    )
    live("fault", "refuse_jobs=0", "fail_programs=1")
    assert job(load_document(PROGRAM), "two")[0] == "FAILED"
    publish(PROGRAM)
    assert "a fault that was asked for" in deliver()["msg"]


def test_a_share_of_the_boards_is_always_the_same_one(live):
    first = live("fault", "slow_seconds=0.1", "--share", "0.5")
    again = live("fault", "slow_seconds=0.1", "--share", "0.5")
    assert len(first["boards"]) == 1
    assert (again["boards"], again["changed"]) == (first["boards"], [])
    with pytest.raises(RuntimeError, match="There is no board x"):
        live("fault", "drop", "--boards", "x")


def test_a_rollout_reaches_the_boards(live, publish, aws, account, connection):
    bucket = f"deploy-{account}"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    publish(PROGRAM)
    result = run_module(
        "iot_rollout",
        name_prefix=PREFIX,
        environment_name="local",
        action="start",
        program="blink",
        version="1.0.0",
        target=GROUP,
        bucket=bucket,
        packages_bucket=f"programs-{account}",
        plan={
            "defaults": {"bake_minutes": 0.02, "patience_minutes": 0.2},
            "waves": [{"name": "canary", "things": [thing(1)]}, {"name": "rest", "things": [thing(2)]}],
        },
        poll_seconds=0.2,
        lease_seconds=30,
        rate_factor=1000,
        **connection,
    )
    assert (result.get("msg"), result["state"]) == (None, "finished")
    assert {one["programs"]["blink"] for one in live.boards().values()} == {"Running"}


def test_a_second_process_for_the_same_boards_is_refused(live):
    with pytest.raises(RuntimeError, match="already"):
        live("start")


def test_without_certificates_the_factory_says_what_to_do(twins):
    with pytest.raises(RuntimeError, match=f"There is no certificate of {GROUP}-device-004"):
        twins.factory(4)


def test_the_role_starts_boards_shows_them_and_stops_them(
    cloud, devices, connection, ansible_playbook, tmp_path
):
    playbook = tmp_path / "playbook.yml"
    play = {
        "name": "Try the role",
        "hosts": "localhost",
        "gather_facts": False,
        "roles": ["steel.fleet.twin"],
    }
    playbook.write_text(yaml.safe_dump([play]))

    def run(*arguments, **variables):
        given = {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "fleet_name_prefix": PREFIX,
            "fleet_environment": "local",
            "fleet_region": "us-west-2",
            "fleet_state_dir": str(tmp_path / "state"),
            "fleet_mqtt_endpoint": "127.0.0.1",
            "fleet_mqtt_port": cloud.mqtt_port,
            "fleet_mqtt_ca_url": f"{cloud.endpoint_url}/_ministack/iot/ca.pem",
            "twin_boards": 2,
        }
        words = ["-i", "localhost,", "-c", "local", "-e", json.dumps(given | variables), *arguments]
        done = ansible_playbook(str(playbook), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        assert "changed=1" in run("--check")
        first = run()
        assert "2 virtual boards: 2 connected" in first
        assert "PRIVATE KEY" not in first
        assert "changed=0" in run()
    finally:
        assert "No virtual boards run." in run(twin_state="stopped")
    assert not (tmp_path / "twin/twin.json").exists()


def test_the_module_starts_changes_and_stops_boards(cloud, devices, connection, tmp_path, root):
    authority = Twins(tmp_path / "twin", cloud, tmp_path / "state/devices")
    authority.factory(1, "--dry-run")

    def module(check_mode=False, **options):
        return run_module(
            "twin_fleet",
            check_mode,
            checkout=str(root),
            directory=str(tmp_path / "twin"),
            devices_directory=str(tmp_path / "state/devices"),
            name_prefix=PREFIX,
            environment_name="local",
            boards=2,
            mqtt_port=cloud.mqtt_port,
            region="us-west-2",
            ca_certificates=Path(tmp_path / "twin/ca.pem").read_text(),
            **{"endpoint": "127.0.0.1", **options},
        )

    try:
        planned = module(check_mode=True)
        assert (planned["changed"], planned["made"]) == (True, ["device-001", "device-002"])
        assert not (tmp_path / "twin/boards").exists()
        first = module()
        assert (first.get("msg"), first["boards"]["summary"]) == (None, "2 connected")
        assert module()["changed"] is False
        assert module(faults={"slow_seconds": 0.1}, faults_boards="*-001")["faulty"] == ["device-001"]
        assert module(faults={"slow_seconds": 0.1}, faults_boards="*-001")["changed"] is False
        assert "is no fault" in module(faults={"sleepy": 1})["msg"]
        assert module(state="stopped", check_mode=True)["changed"]
        assert module(state="stopped")["changed"]
        assert not module(state="stopped")["changed"]
        assert "no endpoint" in module(endpoint="")["msg"]
    finally:
        module(state="stopped")
