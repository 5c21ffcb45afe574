"""What telemetry costs: python benchmarks/telemetry_cost.py [--devices 1000] [--interval 60]

Computes, from the prices in fleetlib/core/prices.py, what each way to CloudWatch costs a month, and the bill
of the way that the telemetry stack takes. Nothing is measured and nothing is called. The tables are Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "plugins/module_utils"))

from fleetlib.core import prices, telemetry_cost  # noqa: E402  # after the path to fleetlib


def tables(traffic: telemetry_cost.Traffic) -> str:
    """Both tables."""
    bill = telemetry_cost.bill(traffic)
    total = telemetry_cost.Cost("Together", sum(one.dollars for one in bill), "")
    said = (
        f"{traffic.devices:,} devices, metrics every {traffic.interval_seconds:g} s,"
        f" {traffic.lines_per_hour:g} log messages and {traffic.reports_per_hour:g} program reports an hour;"
        f" {prices.REGION}, prices of {prices.LOOKED_UP}."
    )
    ways = _rows("Way from message to metrics", telemetry_cost.metrics(traffic))
    return "\n".join([said, "", *ways, "", *_rows("Part of the bill", [*bill, total])])


def _rows(title: str, costs: Iterable[telemetry_cost.Cost]) -> list[str]:
    return [
        f"| {title} | $ a month | |",
        "|---|---:|---|",
        *(f"| {one.way} | {one.dollars:,.2f} | {one.why} |" for one in costs),
    ]


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--interval", type=float, default=60)
    given = parser.parse_args()
    if given.devices < 1 or given.interval <= 0:
        parser.error("--devices must be 1 or more, --interval above 0.")
    print(tables(telemetry_cost.Traffic(given.devices, given.interval)))


if __name__ == "__main__":
    main()
