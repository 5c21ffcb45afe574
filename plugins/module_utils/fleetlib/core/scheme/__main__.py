"""The command line for authors of programs: ``python -m fleetlib.core.scheme [options] PATH…``.

The exit status is 0 when every program may go to a device, 1 when one may not, 2 when the check could not be
made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import FleetError
from ..program_folder import check_program
from .files import find_programs
from .profiles import DEFAULT_PROFILE, PROFILES
from .render import FORMATS, render


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the programs that the arguments name and print the report."""
    options = _parser().parse_args(arguments)
    limits = {"max_bytes": options.max_bytes, "max_depth": options.max_depth}
    try:
        given = {name: limit for name, limit in limits.items() if limit is not None}
        reports = [check_program(path, options.profile, given) for path in find_programs(options.paths)]
    except FleetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(render(reports, options.format))
    refused = [one for one in reports if not one.ok or (options.fail_on == "warning" and one.warnings)]
    return 1 if refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fleetlib.core.scheme",
        description="Check Steel programs as a device would.",
        epilog="Exit status: 0 fine, 1 a program is refused, 2 the check could not be made.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a directory or a glob pattern")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    parser.add_argument(
        "--profile",
        choices=list(PROFILES),
        help=f"default: the one that program.toml beside the program names, or {DEFAULT_PROFILE}",
    )
    parser.add_argument("--max-bytes", type=int, help="another limit for the size than the profile's")
    parser.add_argument("--max-depth", type=int, help="another limit for the nesting than the profile's")
    parser.add_argument(
        "--fail-on", choices=["error", "warning"], default="error", help="default: %(default)s"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
