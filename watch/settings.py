"""Where the fleet is, as the inventory says: Ansible is asked, so that its rules hold here, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fleetlib.core.errors import FleetError
from fleetlib.core.naming import fleet_name

_WANTED: Final = ("fleet_environment", "fleet_name_prefix", "fleet_region", "fleet_aws_connection")
_QUESTION: Final = "{{ {" + ", ".join(f"'{name}': {name}" for name in _WANTED) + "} }}"


@dataclass(frozen=True)
class Settings:
    """A fleet and the way to it."""

    fleet: str
    region: str
    connection: Mapping[str, Any] = field(repr=False)
    """Options of `fleetlib.aws.clients.client`; may hold a secret key."""


def ask(checkout: Path, environment: str, more: Sequence[str] = ()) -> Settings:
    """What ``inventory/<environment>`` says; ``more`` are options such as ``-e name=value``.

    Only control.yml is read, and the variables beside it: to list the devices would take an inventory
    plugin's time, and this is about to count them anyway. Raises `FleetError` with Ansible's words.
    """
    inventory = checkout / "inventory" / environment / "control.yml"
    if not inventory.is_file():
        raise FleetError(
            f"There is no inventory/{environment}/control.yml.", "ENV names a directory below inventory/."
        )
    run = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "adhoc", "control", "--one-line"),
            *("-i", str(inventory), *more),
            *("-m", "ansible.builtin.debug", "-a", f'msg="{_QUESTION}"'),
        ],
        cwd=checkout,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return answered(run.stdout, run.stderr)


def answered(out: str, problems: str) -> Settings:
    """The settings in what ``ansible --one-line`` printed."""
    _, arrow, said = out.partition(" => ")
    try:
        known = json.loads(said)["msg"] if arrow else None
    except (ValueError, KeyError):
        known = None
    if not isinstance(known, Mapping) or not isinstance(known.get("fleet_aws_connection"), Mapping):
        why = (problems.strip() or out.strip()).splitlines()
        raise FleetError(
            f"The inventory does not say where the fleet is: {why[-1] if why else 'Ansible said nothing'}"
        )
    return Settings(
        fleet_name(known["fleet_name_prefix"], known["fleet_environment"]),
        str(known["fleet_region"]),
        known["fleet_aws_connection"],
    )
