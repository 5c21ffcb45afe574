"""``python -m twin``: make boards, start them, look at them, make things go wrong, stop them."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "plugins/module_utils"))

from fleetlib.core import naming  # noqa: E402
from fleetlib.core.errors import FleetError  # noqa: E402
from fleetlib.device_store import DeviceStore  # noqa: E402

from twin import faults, process  # noqa: E402
from twin.places import BOARDS  # noqa: E402

DEFAULT_FOLDER = CHECKOUT / ".local/twin"


def main(words: Sequence[str] | None = None) -> int:
    """The command line; the exit status is 1 for an error that is told, 2 for wrong words."""
    options = _parser().parse_args(words)
    try:
        answer = options.act(options)
    except FleetError as error:
        print(f"twin: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if answer is not None:
        print(json.dumps(answer, indent=2))  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m twin", description="Virtual boards: docs/twin.md")
    commands = parser.add_subparsers(required=True, metavar="command")

    make = _command(commands, "factory", _factory, "make the flash of provisioned devices")
    make.add_argument("--devices", type=Path, required=True, help="<fleet_state_dir>/devices")
    make.add_argument("--prefix", default="aws-iot-steel", help="fleet_name_prefix")
    make.add_argument("--environment", default="local", help="fleet_environment")
    make.add_argument("--count", type=int, default=10, help="how many, from --start-id on")
    make.add_argument("--start-id", type=int, default=1)
    make.add_argument("--endpoint", default="127.0.0.1")
    make.add_argument("--port", type=int, default=8883)
    make.add_argument("--region", default="us-west-2")
    make.add_argument("--ca-file", required=True, help="root certificates, PEM; - for standard input")
    make.add_argument("--firmware-version", default="1.0.0")
    make.add_argument("--report-seconds", type=int, default=300)
    make.add_argument("--dry-run", action="store_true", help="only say which would be made")

    for name, act, help_ in (
        ("start", _start, "start the boards in the background"),
        ("run", _run, "run them here, until Ctrl-C"),
    ):
        start = _command(commands, name, act, help_)
        start.add_argument("--no-engine", action="store_true", help="programs fail: engine not available")
        start.add_argument("--seed", default="twin", help="of the faults")
        start.add_argument("--public-key", type=Path, help="key that firmware has to be signed by, PEM")
        start.add_argument("--confirm-seconds", type=float, default=60.0, help="for new firmware to be well")
        start.add_argument("--share", type=float, default=1.0, help="of the boards that have --fault")
        start.add_argument("--fault", nargs="+", default=[], metavar="FAULT", help=", ".join(faults.NAMES))
        if name == "start":
            start.add_argument("--wait", type=float, default=60.0, help="seconds for them to connect")

    status = _command(commands, "status", _status, "how they are")
    status.add_argument("--boards", action="store_true", help="each of them")
    status.add_argument("--wait", type=float, default=0.0, help="seconds for them to connect")
    status.add_argument("--if-running", action="store_true", help="an empty answer where none run")
    fault = _command(commands, "fault", _fault, "make something go wrong, or end that")
    fault.add_argument(
        "faults", nargs="+", help=f"{', '.join(faults.NAMES)}=<value>; drop, reboot, corrupt=…; none"
    )
    fault.add_argument("--boards", default="*", help="a pattern of names")
    fault.add_argument("--share", type=float, default=1.0, help="of those boards, always the same ones")
    _command(commands, "stop", _stop, "stop them")
    download = _command(commands, "download", _download, "serve boards in download mode to esptool")
    download.add_argument("names", nargs="*", help="their names; none ends it")
    return parser


def _command(commands: Any, name: str, act: Any, help_: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_)
    command.add_argument("--dir", type=Path, default=DEFAULT_FOLDER, help="where the boards are")
    command.set_defaults(act=act)
    return command


def _factory(options: argparse.Namespace) -> dict[str, Any]:
    from twin import factory  # esptool takes half a second to import, which other commands need not wait for

    ids = naming.numbered_device_ids(options.start_id, options.count)
    things = [(one, naming.thing_name(options.prefix, options.environment, one)) for one in ids]
    try:
        root_ca = sys.stdin.read() if options.ca_file == "-" else Path(options.ca_file).read_text()
    except OSError as error:
        raise FleetError(f"{options.ca_file}: {error.strerror}.", "Name the file with --ca-file.") from error
    place = factory.Place(
        options.endpoint,
        options.port,
        options.region,
        root_ca,
        options.environment,
        options.firmware_version,
        report_seconds=options.report_seconds,
    )
    store = DeviceStore(options.devices)
    made = factory.make(options.dir / BOARDS, store, things, place, dry=options.dry_run)
    return {"made": made, "kept": [one for one in ids if one not in made]}


def _start(options: argparse.Namespace) -> dict[str, Any]:
    if process.is_running(options.dir):
        raise FleetError(f"Twins run in {options.dir} already.", "Stop them: python -m twin stop")
    process.start(options.dir, _as_words(options))
    return process.settle(options.dir, options.wait)


def _as_words(options: argparse.Namespace) -> list[str]:
    words = ["--seed", options.seed, "--confirm-seconds", str(options.confirm_seconds)]
    words += ["--share", str(options.share)]
    words += ["--no-engine"] if options.no_engine else []
    words += ["--public-key", str(options.public_key)] if options.public_key else []
    return words + (["--fault", *options.fault] if options.fault else [])


def _run(options: argparse.Namespace) -> None:
    from twin.fleet import Fleet, Settings

    settings = Settings(
        options.dir,
        None if options.no_engine else CHECKOUT,
        options.seed,
        options.public_key,
        options.confirm_seconds,
        faults.parse(options.fault),
        options.share,
    )

    async def live() -> None:
        await Fleet(settings).run(os.getpid())

    with process.locked(options.dir):
        asyncio.run(live())


def _status(options: argparse.Namespace) -> dict[str, Any]:
    if options.if_running and not process.is_running(options.dir):
        return {}
    if options.wait:
        process.settle(options.dir, options.wait)
    return process.ask(options.dir, {"op": "status", "boards": options.boards})


def _fault(options: argparse.Namespace) -> dict[str, Any]:
    request = {"op": "fault", "faults": faults.parse(options.faults)}
    return process.ask(options.dir, {**request, "boards": options.boards, "share": options.share})


def _download(options: argparse.Namespace) -> dict[str, Any]:
    if not options.names:
        process.hang_up(options.dir)
        return {"ports": {}}
    return process.serve(options.dir, options.names)


def _stop(options: argparse.Namespace) -> dict[str, Any]:
    process.hang_up(options.dir)
    return {"stopped": process.stop(options.dir)}


if __name__ == "__main__":
    sys.exit(main())
