"""The devices as inventory: grouped, with what the index knows, in pages, never evaluated as templates."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import local_cloud

pytestmark = pytest.mark.cloud

PREFIX = "aws-iot-steel-local-"


@pytest.fixture
def fleet(aws):
    """Three devices, one of them connected and with a shadow, one with a template for a name."""
    iot = aws("iot")
    iot.create_thing_type(thingTypeName="SteelDevice")
    iot.create_thing_group(thingGroupName="aws-iot-steel-local")
    for number, firmware in ((1, "1.0.0"), (2, "1.0.0"), (3, "1.1.0")):
        name = f"{PREFIX}device-{number:03d}"
        iot.create_thing(
            thingName=name,
            thingTypeName="SteelDevice",
            attributePayload={
                "attributes": {
                    "device_id": f"device-{number:03d}",
                    "environment": "local",
                    "firmware_version": firmware,
                }
            },
        )
        iot.add_thing_to_thing_group(thingGroupName="aws-iot-steel-local", thingName=name)
    iot.create_thing(thingName="somebody-elses-thing")
    return iot


@pytest.fixture
def inventory(root, cloud, account, tmp_path):
    """``inventory(options)`` is what ansible-inventory says of an inventory file with these options more."""

    def run(*lines, settings=None, expect=0):
        directory = tmp_path / "inventory"
        (directory / "group_vars/all").mkdir(parents=True, exist_ok=True)
        (directory / "group_vars/all/fleet.yml").write_text(
            json.dumps(
                {
                    "fleet_name_prefix": "aws-iot-steel",
                    "fleet_environment": "local",
                    "fleet_aws_connection": {
                        "region": cloud.region,
                        "endpoint_url": cloud.endpoint_url,
                        "access_key": account,
                        "secret_key": local_cloud.SECRET_KEY,
                    },
                    **(settings or {}),
                }
            )
        )
        source = directory / "iot_things.yml"
        options = yaml.safe_load((root / "inventory/production/iot_things.yml").read_text())
        source.write_text(yaml.safe_dump(options | yaml.safe_load("\n".join(lines) or "{}")))
        found = subprocess.run(
            [Path(sys.executable).with_name("ansible-inventory"), "-i", directory, "--list", "--export"],
            cwd=root,
            capture_output=True,
            text=True,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
            },
        )
        assert (found.returncode == 0) == (expect == 0), found.stderr
        return json.loads(found.stdout) if expect == 0 else found.stderr

    return run


def variables(found, host):
    return plain(found["_meta"]["hostvars"][host])


def plain(value):
    """The value without the marks by which Ansible writes strings that must not be evaluated."""
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("indexed", [False, True])
def test_devices_are_grouped_by_type_environment_and_firmware(fleet, inventory, indexed):
    if indexed:
        turn_index_on(fleet)
    found = inventory()
    names = [f"{PREFIX}device-{number:03d}" for number in (1, 2, 3)]
    assert sorted(found["devices"]["hosts"]) == names
    assert sorted(found["type_SteelDevice"]["hosts"]) == names
    assert sorted(found["env_local"]["hosts"]) == names
    assert sorted(found["fw_1_0_0"]["hosts"]) == names[:2]
    assert found["fw_1_1_0"]["hosts"] == names[2:]
    assert variables(found, names[0])["iot_groups"] == ["aws-iot-steel-local"]
    assert variables(found, names[0])["iot_device_id"] == "device-001"


def turn_index_on(iot):
    iot.update_indexing_configuration(
        thingIndexingConfiguration={
            "thingIndexingMode": "REGISTRY_AND_SHADOW",
            "thingConnectivityIndexingMode": "STATUS",
        }
    )


def test_the_index_tells_the_reported_shadow(fleet, inventory, aws):
    turn_index_on(fleet)
    report = {"state": {"reported": {"runtime_status": "Idle", "uptime": 5}}}
    aws("iot-data").update_thing_shadow(thingName=f"{PREFIX}device-001", payload=json.dumps(report))
    found = inventory()
    assert variables(found, f"{PREFIX}device-001")["iot_shadow_reported"]["runtime_status"] == "Idle"
    assert variables(found, f"{PREFIX}device-002")["iot_shadow_reported"] is None


def test_a_query_is_answered_by_the_service(fleet, inventory):
    turn_index_on(fleet)
    found = inventory('query: "attributes.firmware_version:1.1.0"')
    assert found["devices"]["hosts"] == [f"{PREFIX}device-003"]


def test_a_query_without_index_says_what_to_do(fleet, inventory):
    assert "query needs fleet indexing" in inventory('query: "attributes.firmware_version:1.1.0"', expect=1)


def test_what_a_device_says_is_never_a_template(fleet, inventory, aws):
    turn_index_on(fleet)
    evil = "{{ lookup('pipe', 'echo evaluated') }}"
    report = {"state": {"reported": {"note": evil}}}
    aws("iot-data").update_thing_shadow(thingName=f"{PREFIX}device-001", payload=json.dumps(report))
    found = inventory("compose:", "  note: iot_shadow_reported.note")
    assert variables(found, f"{PREFIX}device-001")["note"] == evil


def test_a_thing_index_page_boundary_loses_nobody(inventory, aws):
    iot = aws("iot")
    for number in range(1, 253):
        iot.create_thing(thingName=f"{PREFIX}device-{number:03d}")
    assert len(inventory()["devices"]["hosts"]) == 252
    turn_index_on(iot)
    assert len(inventory()["devices"]["hosts"]) == 252


DEAD = {
    "fleet_aws_connection": {"region": "us-west-2", "endpoint_url": "http://127.0.0.1:1", "access_key": "x"}
}


def test_an_endpoint_that_does_not_answer_is_an_error(inventory):
    connection = DEAD["fleet_aws_connection"] | {"secret_key": "x"}
    text = inventory(settings={"fleet_aws_connection": connection}, expect=1)
    assert "http://127.0.0.1:1 does not answer" in text


def test_an_endpoint_that_does_not_answer_is_an_empty_fleet_where_the_file_says_so(inventory):
    connection = DEAD["fleet_aws_connection"] | {"secret_key": "x"}
    found = inventory("when_unreachable: empty", settings={"fleet_aws_connection": connection})
    assert found["_meta"]["hostvars"] == {}


@pytest.fixture
def hanging():
    """The address of one who accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_endpoint_that_hangs_is_named_while_it_is_waited_for_and_given_up(inventory, hanging):
    connection = DEAD["fleet_aws_connection"] | {"secret_key": "x", "endpoint_url": hanging}
    text = inventory("when_unreachable: empty", settings={"fleet_aws_connection": connection}, expect=1)
    assert f"Waiting for {hanging}" in text
    assert f"{hanging}/indexing/config did not answer in time" in " ".join(text.split())


EXPRESSIONS = """
compose:
  firmware: iot_attributes.firmware_version
  spoken: "'v' ~ iot_attributes.firmware_version"
  absent: iot_attributes.nothing
  shown: iot_attributes.firmware_version | default('none') | upper
groups:
  newest: iot_attributes.firmware_version == '1.1.0'
  silent: iot_connected_at is none
  named: inventory_hostname.endswith('002')
  by_composed: firmware == '1.0.0'
  no_answer: iot_attributes.nothing
keyed_groups:
  - {key: iot_type, prefix: kind, separator: "-"}
  - {key: iot_groups, prefix: member}
  - {key: iot_attributes, prefix: has}
  - {key: iot_attributes.nothing | default(none), prefix: without, default_value: thing}
  - {key: iot_attributes.environment, prefix: ""}
"""


def test_expressions_compiled_once_mean_what_ansible_means(fleet, inventory):
    lines = yaml.safe_dump(yaml.safe_load(EXPRESSIONS)).splitlines()
    quick = inventory(*lines)
    assert {"newest", "silent", "named", "by_composed", "kind_SteelDevice", "without_thing"} <= quick.keys()
    # With extra variables allowed in expressions, every one of them is left to Ansible.
    assert inventory(*lines, "use_extra_vars: true") == quick


def test_a_second_run_within_the_cache_time_asks_nobody(fleet, inventory, aws, tmp_path):
    lines = (
        "cache: true",
        "cache_plugin: ansible.builtin.jsonfile",
        f"cache_connection: {tmp_path / 'cache'}",
    )
    first = inventory(*lines)
    aws("iot").delete_thing(thingName=f"{PREFIX}device-003")
    assert inventory(*lines)["devices"]["hosts"] == first["devices"]["hosts"]
