# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of teardown have in common: their options, and how these become a `Teardown`."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .fleet_module import FLEET_SPEC, Context
from .fleetlib.aws.pacing import Pacer
from .fleetlib.core.clock import SystemClock
from .fleetlib.core.errors import FleetError
from .fleetlib.core.naming import fleet_name
from .fleetlib.core.teardown.names import Names
from .fleetlib.teardown import Settings, Teardown
from .paced_module import ARGUMENT_SPEC, concurrency, rates, shown

with contextlib.suppress(ImportError):  # the module runner names the missing library
    from botocore.exceptions import ClientError

OPTIONS: dict[str, Any] = {
    **FLEET_SPEC,
    "account_id": {"type": "str", "required": True},
    "region_name": {"type": "str", "required": True},
    "state_directory": {"type": "path", "required": True},
    "snapshot": {"type": "bool", "default": True},
    "snapshot_directory": {"type": "path"},
    "maintenance_journal": {"type": "path"},
    "key_days": {"type": "int", "default": 30, "no_log": False},
    "thing_type_wait_seconds": {"type": "float", "default": 330.0},
    **ARGUMENT_SPEC,
}

_REFUSED = ("AccessDenied", "AccessDeniedException", "UnauthorizedException", "UnauthorizedOperation")


def teardown(context: Context) -> Teardown:
    """The teardown that the options mean, with every call to AWS IoT paced."""
    params, clock, quotas = context.params, SystemClock(), rates(context)
    settings = Settings(
        params["name_prefix"],
        params["environment_name"],
        Names(
            fleet_name(params["name_prefix"], params["environment_name"]),
            params["account_id"],
            params["region_name"],
        ),
        Path(params["state_directory"]),
        maintenance_journal=Path(params["maintenance_journal"]) if params["maintenance_journal"] else None,
        wants_snapshot=params["snapshot"],
        snapshot_directory=Path(params["snapshot_directory"]) if params["snapshot_directory"] else None,
        key_days=params["key_days"],
        type_wait_seconds=params["thing_type_wait_seconds"],
        concurrency=concurrency(context),
    )
    return Teardown(_paced(context.client, Pacer(quotas, clock)), settings, quotas, shown(context), clock)


@contextlib.contextmanager
def rights_explained() -> Iterator[None]:
    """Say who can do it, where AWS refuses a call for want of rights."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _REFUSED:
            raise
        raise FleetError(
            f"AWS refuses {error.operation_name}: {error.response['Error'].get('Message', error)}",
            "Teardown needs an administrator's credentials: no role of the fleet may take it apart "
            "(docs/teardown.md). What was done is in the journal, and running again goes on there.",
        ) from error


def _paced(make: Callable[..., Any] | None, pacer: Pacer) -> Callable[..., Any]:
    @functools.cache
    def client(service: str, **options: Any) -> Any:
        assert make is not None  # noqa: S101  # run_aws_module sets it
        made = make(service, **options)
        if service == "iot":
            pacer.attach(made)
        return made

    return client
