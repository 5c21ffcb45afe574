# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules have in common that make calls for many devices at the quotas (doc fragment `paced`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .fleet_module import Context
from .fleetlib.aws.quotas import account_rates
from .fleetlib.core import progress
from .fleetlib.core.errors import FleetError, InvalidInputError
from .fleetlib.core.progress import Progress
from .fleetlib.core.quotas import Quotas

QUOTAS_SPEC: Mapping[str, Any] = {
    "account_quotas": {"type": "bool", "default": True},
    "quotas": {"type": "dict", "default": {}},
    "rate_factor": {"type": "float", "default": 1.0},
}

ARGUMENT_SPEC: Mapping[str, Any] = {
    **QUOTAS_SPEC,
    "concurrency": {"type": "int", "default": 32},
    "progress_file": {"type": "path"},
}

NAMED_IN_MESSAGE = 3


def rates(context: Context) -> Quotas:
    """The table, the account's own values, the inventory's: the later win."""
    params = context.params
    quotas = Quotas()
    if params["account_quotas"]:
        found, why_not = account_rates(context.client("service-quotas"))
        quotas = quotas.with_rates(found, "Service Quotas") if not why_not else quotas
    try:
        given = {operation: float(rate) for operation, rate in params["quotas"].items()}
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"quotas: {error}; requests per second are numbers.") from error
    return quotas.with_rates(given, "inventory").scaled(params["rate_factor"])


def concurrency(context: Context) -> int:
    """How many devices are worked on at the same time."""
    given: int = context.params["concurrency"]
    if not 1 <= given <= 256:
        raise InvalidInputError(f"concurrency is {given}; it must be from 1 to 256.")
    return given


def shown(context: Context) -> Callable[[Progress], None]:
    """Where the run tells how far it is."""
    path = context.params["progress_file"]
    return progress.to_file(Path(path)) if path else lambda moment: None


def require_all(
    broken: Mapping[str, str], wanted: int, stopped: FleetError | None, what: str, done: str
) -> None:
    """Fail when the run was stopped or devices are not ``what``: the message names some, the details all."""
    if stopped is not None:
        raise FleetError(stopped.message, f"{stopped.hint} {done}".strip(), failed_devices=dict(broken))
    if broken:
        few = list(broken.items())[:NAMED_IN_MESSAGE]
        named = " ".join(f"{name}: {reason}" for name, reason in few)
        more = f" … and {len(broken) - len(few):,} more (failed_devices)." if len(broken) > len(few) else ""
        raise FleetError(
            f"{len(broken):,} of {wanted:,} devices are not {what}. {named}{more}",
            done,
            failed_devices=dict(broken),
        )
