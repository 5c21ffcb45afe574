"""The account's own request rates, from Service Quotas."""

from __future__ import annotations

import contextlib
from typing import Any

from ..core.quotas import SERVICE_CODE

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.exceptions import BotoCoreError, ClientError

_SUFFIX = " API TPS"


def account_rates(service_quotas: Any) -> tuple[dict[str, float], str]:
    """servicequotas:ListServiceQuotas: operation → requests per second, and why not when there are none.

    Not every operator may ask, and not every endpoint answers: then the published defaults have to do.
    """
    found, why_not = account_quotas(service_quotas, SERVICE_CODE)
    rates = {
        name.removesuffix(_SUFFIX): value
        for name, value in found.items()
        if name.endswith(_SUFFIX) and value > 0
    }
    return rates, why_not or ("" if rates else "none listed")


def account_quotas(service_quotas: Any, service: str) -> tuple[dict[str, float], str]:
    """servicequotas:ListServiceQuotas: name → value of a service's quotas, and why where there are none."""
    found: dict[str, float] = {}
    try:
        for page in service_quotas.get_paginator("list_service_quotas").paginate(ServiceCode=service):
            found |= {quota["QuotaName"]: float(quota["Value"]) for quota in page["Quotas"]}
    except ClientError as error:
        return {}, error.response["Error"].get("Code", "refused")
    except BotoCoreError as error:
        return {}, type(error).__name__
    return found, ""
