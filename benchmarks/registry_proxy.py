"""A proxy that makes a local AWS IoT endpoint as far away, and as limited, as the real one.

    python benchmarks/registry_proxy.py --upstream http://127.0.0.1:4566 --port 9999 --latency 0.08

Every call takes ``--latency`` seconds longer. An operation called more often than `core.quotas` allows is
answered with 429 ThrottlingException; an idle second's worth may be made up for. ``GET /_counts`` tells what
was let through and refused, by operation.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator

from aiohttp import ClientSession, TCPConnector, web
from fleetlib.core.quotas import Quotas

ROUTES = [
    ("POST", r"/certificates", "CreateCertificateFromCsr"),
    ("GET", r"/certificates", "ListCertificates"),
    ("GET", r"/certificates/[^/]+", "DescribeCertificate"),
    ("PUT", r"/target-policies/[^/]+", "AttachPolicy"),
    ("POST", r"/policy-targets/[^/]+", "ListTargetsForPolicy"),
    ("GET", r"/things", "ListThings"),
    ("POST", r"/things/[^/]+", "CreateThing"),
    ("PATCH", r"/things/[^/]+", "UpdateThing"),
    ("PUT", r"/things/[^/]+/principals", "AttachThingPrincipal"),
    ("PUT", r"/thing-groups/addThingToThingGroup", "AddThingToThingGroup"),
    ("GET", r"/thing-groups/[^/]+/things", "ListThingsInThingGroup"),
    ("GET", r"/thing-types/[^/]+", "DescribeThingType"),
]
"""The calls of provisioning, as botocore's service model writes them."""


def operation_of(method: str, path: str) -> str:
    """The operation that a request asks for; empty when provisioning does not use it."""
    for wanted, pattern, operation in ROUTES:
        if method == wanted and re.fullmatch(pattern, path):
            return operation
    return ""


class Allowance:
    """A token bucket that holds one second's worth."""

    def __init__(self, rate: float) -> None:
        """A full bucket."""
        self.rate = rate
        self.tokens = rate
        self.at = time.monotonic()

    def take(self) -> bool:
        """Whether a call may pass now."""
        now = time.monotonic()
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def make_app(upstream: str, latency_seconds: float, quotas: Quotas) -> web.Application:
    """The proxy as an aiohttp application."""
    allowances: dict[str, Allowance] = {}
    passed: Counter[str] = Counter()
    refused: Counter[str] = Counter()

    async def session(app: web.Application) -> AsyncIterator[None]:
        app["session"] = ClientSession(connector=TCPConnector(limit=0), auto_decompress=False)
        yield
        await app["session"].close()

    async def counts(request: web.Request) -> web.Response:
        return web.json_response({"passed": dict(passed), "refused": dict(refused)})

    async def forward(request: web.Request) -> web.Response:
        operation = operation_of(request.method, request.path)
        await asyncio.sleep(latency_seconds)
        if operation:
            allowance = allowances.setdefault(operation, Allowance(quotas.rate(operation)))
            if not allowance.take():
                refused[operation] += 1
                return web.json_response(
                    {"message": "Rate exceeded"},
                    status=429,
                    headers={"x-amzn-ErrorType": "ThrottlingException"},
                )
            passed[operation] += 1
        async with request.app["session"].request(
            request.method,
            f"{upstream}{request.raw_path}",
            data=await request.read(),
            headers=request.headers,
        ) as answer:
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in {"content-length", "transfer-encoding", "connection", "server", "date"}
            }
            return web.Response(status=answer.status, body=await answer.read(), headers=headers)

    app = web.Application(client_max_size=1 << 20)
    app.cleanup_ctx.append(session)
    app.router.add_get("/_counts", counts)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.08)
    chosen = parser.parse_args()
    web.run_app(
        make_app(chosen.upstream, chosen.latency, Quotas()), host="127.0.0.1", port=chosen.port, print=None
    )


if __name__ == "__main__":
    main()
