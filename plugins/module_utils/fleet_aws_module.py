# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`fleet_module` for modules that call AWS. Options and credentials are those of amazon.aws, on purpose:
one set of connection variables serves both collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from .fleet_module import Context, Work, finish
from .fleetlib.aws.answers import insist_on_whole

try:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ProfileNotFound
except ImportError:  # AnsibleAWSModule reports the missing library before any of these is used
    BotoCoreError = ClientError = HTTPClientError = ProfileNotFound = Exception

ATTEMPTS = 8
"""Of botocore's standard retry mode, the only retry layer: AWSRetry of amazon.aws does not know IoT's
ThrottlingException."""


def run_aws_module(work: Work, argument_spec: Mapping[str, Any], **module_options: Any) -> None:
    """Run ``work`` with a client factory and exit with what it returns."""
    module = AnsibleAWSModule(argument_spec=dict(argument_spec), supports_check_mode=True, **module_options)

    def client(
        service: str, max_connections: int = 10, attempts: int = ATTEMPTS, timeout_seconds: float = 60
    ) -> Any:
        config = Config(
            retries={"mode": "standard", "max_attempts": attempts},
            max_pool_connections=max_connections,
            connect_timeout=timeout_seconds,
            read_timeout=timeout_seconds,
        )
        made = module.client(service, aws_config=config)
        return insist_on_whole(made, attempts)

    def guarded(context: Context) -> dict[str, Any]:
        try:
            return work(context)
        except ProfileNotFound as error:
            module.fail_json(
                msg=f"{error}. It comes from fleet_profile or AWS_PROFILE: correct or unset that one."
            )
        except HTTPClientError as error:
            module.fail_json_aws(
                error,
                msg="AWS does not answer. Run it again once it does; deploy.yml starts a local cloud anew",
            )
        except (BotoCoreError, ClientError) as error:
            operation = getattr(error, "operation_name", "an AWS call")
            module.fail_json_aws(error, msg=f"AWS refused {operation}")

    finish(module, guarded, Context(module.params, module.check_mode, module.warn, client))
