"""A registry of things that answers as AWS IoT does, in pages, with things made up by their number.

    python benchmarks/fake_registry.py --port 9999 --count 100000 --prefix bench-local-

ListThings (and ListThingGroups, ListThingsInThingGroup) in pages of 250, SearchIndex in pages of 100 with
groups, shadow and connectivity. Fleet indexing is on until ``PUT /_indexing/off``. ``GET /_counts`` tells the
requests by path. Pages are made before the first request, so that what is measured is the one who asks.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from aiohttp import web

LISTED, SEARCHED = 250, 100
"""Things in a page of ListThings and of SearchIndex."""
CONNECTED_AT = 1_790_000_000_000


def thing(prefix: str, number: int) -> dict[str, Any]:
    """The thing of this number, as SearchIndex answers it."""
    device_id = f"device-{number:06d}"
    firmware = f"1.{number % 4}.0"
    reported = {
        "runtime_status": ("Idle", "Running", "Error")[number % 3],
        "uptime": number * 7,
        "loaded_programs": number % 5,
        "hardware_state": {"memory_usage": {"free_bytes": 100_000 + number, "used_bytes": 200_000}},
        "firmware_version": firmware,
    }
    return {
        "thingName": f"{prefix}{device_id}",
        "thingId": f"00000000-0000-0000-0000-{number:012d}",
        "thingTypeName": "SteelDevice",
        "thingGroupNames": [prefix.rstrip("-"), f"{prefix}wave-{number % 10}"],
        "attributes": {
            "device_id": device_id,
            "environment": "local",
            "firmware_version": firmware,
            "hardware_revision": f"r{number % 3}",
            "certificate_id": f"{number:064x}",
        },
        "shadow": json.dumps({"reported": reported, "metadata": {}, "hasDelta": False, "version": 3}),
        "connectivity": {"connected": number % 10 != 0, "timestamp": CONNECTED_AT + number * 1000},
    }


def listed(found: dict[str, Any]) -> dict[str, Any]:
    """The same thing, as ListThings answers it."""
    return {
        "thingName": found["thingName"],
        "thingTypeName": found["thingTypeName"],
        "thingArn": f"arn:aws:iot:us-west-2:000000000000:thing/{found['thingName']}",
        "attributes": found["attributes"],
        "version": 1,
    }


def pages(items: list[Any], name: str, size: int) -> list[bytes]:
    """The answers, page by page; a page's token is the number of the next one."""
    parts = [items[start : start + size] for start in range(0, len(items), size)] or [[]]
    return [
        json.dumps({name: part} | ({"nextToken": str(number)} if number < len(parts) else {})).encode()
        for number, part in enumerate(parts, 1)
    ]


def make_app(count: int, prefix: str) -> web.Application:
    """The registry as an aiohttp application."""
    things = [thing(prefix, number) for number in range(1, count + 1)]
    members: dict[str, list[str]] = {}
    for one in things:
        for group in one["thingGroupNames"]:
            members.setdefault(group, []).append(one["thingName"])
    answers = {
        "/things": pages([listed(one) for one in things], "things", LISTED),
        "/indices/search": pages(things, "things", SEARCHED),
        "/thing-groups": pages([{"groupName": name} for name in members], "thingGroups", LISTED),
    } | {f"/thing-groups/{name}/things": pages(names, "things", LISTED) for name, names in members.items()}
    counts: Counter[str] = Counter()
    indexing = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}

    async def answer(request: web.Request) -> web.Response:
        counts[request.path] += 1
        if request.path not in answers:
            return web.json_response({"message": f"{request.path} is not known here"}, status=404)
        asked = await request.json() if request.method == "POST" else request.query
        body = answers[request.path][int(asked.get("nextToken", 0))]
        return web.Response(body=body, content_type="application/json")

    async def configuration(request: web.Request) -> web.Response:
        counts[request.path] += 1
        return web.json_response({"thingIndexingConfiguration": indexing})

    async def tell(request: web.Request) -> web.Response:
        return web.json_response(dict(counts))

    async def turn_off(request: web.Request) -> web.Response:
        indexing.update(thingIndexingMode="OFF", thingConnectivityIndexingMode="OFF")
        return web.json_response(indexing)

    app = web.Application()
    app.router.add_get("/_counts", tell)
    app.router.add_put("/_indexing/off", turn_off)
    app.router.add_get("/indexing/config", configuration)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--prefix", default="bench-local-")
    chosen = parser.parse_args()
    web.run_app(make_app(chosen.count, chosen.prefix), host="127.0.0.1", port=chosen.port, print=None)


if __name__ == "__main__":
    main()
