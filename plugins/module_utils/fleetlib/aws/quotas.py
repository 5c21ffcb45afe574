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
    rates = {}
    try:
        for page in service_quotas.get_paginator("list_service_quotas").paginate(ServiceCode=SERVICE_CODE):
            for quota in page["Quotas"]:
                if quota["QuotaName"].endswith(_SUFFIX) and quota["Value"] > 0:
                    rates[quota["QuotaName"].removesuffix(_SUFFIX)] = quota["Value"]
    except ClientError as error:
        return {}, error.response["Error"].get("Code", "refused")
    except BotoCoreError as error:
        return {}, type(error).__name__
    return rates, "" if rates else "none listed"
