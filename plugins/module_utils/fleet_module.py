# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one runner around every module of the collection: it turns library errors into `fail_json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ansible.module_utils.basic import AnsibleModule

from .fleetlib.core.errors import FleetError

FLEET_SPEC: Final[Mapping[str, Any]] = {
    "name_prefix": {"type": "str", "required": True},
    "environment_name": {"type": "str", "required": True},
}
"""Which fleet it is (doc fragment `fleet`)."""


class _Module(Protocol):
    params: Mapping[str, Any]
    check_mode: bool

    def warn(self, warning: str) -> None: ...
    def exit_json(self, **result: Any) -> None: ...
    def fail_json(self, msg: str, **details: Any) -> None: ...


@dataclass(frozen=True)
class Context:
    """What the work of a module may use. Never the Ansible module itself: work returns, it does not exit."""

    params: Mapping[str, Any]
    check_mode: bool
    warn: Callable[[str], None]
    client: Callable[..., Any] | None = None
    """``client(service, **boto3_kwargs)`` makes a boto3 client; only set by `run_aws_module`."""


Work = Callable[[Context], dict[str, Any]]


def run_module(work: Work, argument_spec: Mapping[str, Any], **module_options: Any) -> None:
    """Run ``work`` for a module that needs no AWS credentials and exit with what it returns."""
    module = AnsibleModule(argument_spec=dict(argument_spec), supports_check_mode=True, **module_options)
    finish(module, work, Context(module.params, module.check_mode, module.warn))


def finish(module: _Module, work: Work, context: Context) -> None:
    """Call ``work`` and end the module with its result, or with the error it raised."""
    try:
        result = work(context)
    except FleetError as error:
        module.fail_json(msg=str(error), **error.details)
    else:
        module.exit_json(**result)
