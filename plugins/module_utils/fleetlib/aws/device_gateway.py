"""How an operator, who has AWS credentials and no device certificate, connects to MQTT over WebSocket."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote, urlsplit

with contextlib.suppress(
    ImportError
):  # the module runner names the missing library before anything here is called
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

SERVICE = "iotdevicegateway"
SECONDS = 60
"""How long the signature may be used to open the connection."""


def signed_path(iot: Any, host: str) -> str:
    """``/mqtt?…`` signed with the client's credentials, for the endpoint's host name.

    A session token is appended after signing: AWS IoT does not count it to what is signed.
    """
    signer = iot._request_signer
    auth = signer.get_auth_instance(SERVICE, iot.meta.region_name, "v4-query", expires=SECONDS)
    token = auth.credentials.token
    auth.credentials = Credentials(auth.credentials.access_key, auth.credentials.secret_key)
    request = AWSRequest("GET", f"https://{host}/mqtt", headers={"Host": host})
    auth.add_auth(request)
    query = urlsplit(request.url).query
    return f"/mqtt?{query}" + (f"&X-Amz-Security-Token={quote(token, safe='')}" if token else "")
