"""A rollout plan as data: waves, and for each how fast, how long it is watched, and what stops it.

The limits are those of AWS IoT Jobs. An operator writes a plan as YAML, or names a ready one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from ..errors import InvalidInputError

SELECTORS: Final = ("count", "percent", "group", "attribute", "things", "rest")
"""What a wave may be chosen by; each wave has exactly one."""

DAY: Final = 86_400.0

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

MAX_PER_MINUTE: Final = 1000
"""Of AWS IoT Jobs: executions that a job may start each minute."""


@dataclass(frozen=True)
class Rate:
    """Devices that a wave starts each minute; with ``growth`` slowly at first, faster as it goes well."""

    per_minute: int = MAX_PER_MINUTE
    start_per_minute: int | None = None
    growth: float | None = None
    """Factor of the next rate, 1.1 to 5."""
    after_successes: int = 10
    """Successful devices after which the rate grows."""


@dataclass(frozen=True)
class Gate:
    """What is measured before the next wave, and the most that is allowed. ``None`` is not measured.

    Percentages are of the devices of the wave that have the program.
    """

    failed_percent: float = 0.0
    """Executions that ended FAILED, REJECTED or TIMED_OUT."""
    lost_percent: float | None = 0.0
    """Devices that were connected before the wave and are not any more."""
    lost_after_seconds: float = 30.0
    """How long a connection has to be gone for that: a board that restarts is not lost."""
    program_failed_percent: float | None = 0.0
    """Devices that report the program as failed, or another version of it."""
    error_log_percent: float | None = None
    """Devices that logged errors since the wave began."""
    memory_growth_percent: float | None = None
    """Growth of the median memory use against the wave's own devices before it."""
    cpu_growth_percent: float | None = None
    """Growth of the median processor use against the wave's own devices before it."""
    alarms: tuple[str, ...] = ()
    """CloudWatch alarms that must not be in ALARM; a name that ends with * is a prefix."""
    command: tuple[str, ...] = ()
    """A program and its arguments on the control host; anything but exit code 0 stops the rollout."""


@dataclass(frozen=True)
class Wave:
    """One step of a rollout."""

    name: str
    selector: str
    """One of `SELECTORS`."""
    value: Any
    at_least: int = 1
    """The fewest devices of a wave by percent."""
    at_most: int | None = None
    """The most devices of a wave by percent."""
    rate: Rate = Rate()
    jitter_seconds: int = 0
    """A device waits a random part of this before it begins."""
    timeout_minutes: int = 10
    """After so long in progress an execution counts as TIMED_OUT."""
    retries: int = 0
    abort_percent: float = 20.0
    """Failures, in percent of the finished devices, that stop the wave while it runs."""
    abort_after: int = 3
    """Finished devices before ``abort_percent`` counts."""
    patience_minutes: float = 30.0
    """How long the wave waits for devices that are offline; they get the program when they come back."""
    needed_percent: float = 80.0
    """Devices that must have finished when the patience ends; with fewer the rollout stops."""
    bake_minutes: float = 15.0
    """How long the wave is watched after its last device, before the gate."""
    gate: Gate = Gate()

    def patience_seconds(self, devices: int) -> float:
        """How long after its start the wave is waited for: its own rate's time, and the patience on top."""
        return (self.patience_minutes + devices // self.rate.per_minute) * 60

    def bake_looks(self, devices: int) -> int:
        """How often the wave is looked at while it is watched: a big one rarely, as a look costs pages."""
        return max(4, min(40, 4000 // max(1, devices)))


@dataclass(frozen=True)
class Window:
    """When waves may begin, each day."""

    start_minute: int
    """Minute of the day, UTC."""
    minutes: int

    def as_dict(self) -> dict[str, Any]:
        """As an operator writes it."""
        return {
            "start": f"{self.start_minute // 60:02d}:{self.start_minute % 60:02d}",
            "minutes": self.minutes,
        }


@dataclass(frozen=True)
class Plan:
    """Waves in order. Make one with `parse`, which checks it."""

    name: str
    waves: tuple[Wave, ...]
    spread_over: tuple[str, ...] = ("hardware_revision", "firmware_version")
    """Attributes over whose values every wave by count or percent is spread."""
    salt: str = ""
    """Changes which devices come first. The same salt, the same devices."""
    rollback: bool = True
    """Whether an abort takes every touched device back to the version it had."""
    windows: tuple[Window, ...] = ()
    """When waves may begin; none is always. A wave that has begun goes on, and a way back does not wait."""

    def seconds_to_window(self, second_of_day: float) -> float:
        """How long from this second of the day (UTC) until a wave may begin."""
        waits = []
        for window in self.windows:
            since = (second_of_day - window.start_minute * 60) % DAY
            waits.append(0.0 if since < window.minutes * 60 else DAY - since)
        return min(waits, default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain data that `parse` takes."""
        return {
            "name": self.name,
            "spread_over": list(self.spread_over),
            "salt": self.salt,
            "rollback": self.rollback,
            "windows": [window.as_dict() for window in self.windows],
            "waves": [_wave_as_dict(wave) for wave in self.waves],
        }


def parse(given: str | Mapping[str, Any]) -> Plan:
    """A plan from its name or from data; every mistake is named with its place."""
    if isinstance(given, str):
        if given not in READY:
            raise InvalidInputError(
                f"rollout_plan: there is no plan {given!r}.", f"Ready plans: {', '.join(READY)}."
            )
        given = READY[given]
    data = _mapping("rollout_plan", given)
    _only("rollout_plan", data, ("name", "waves", "spread_over", "salt", "rollback", "windows", "defaults"))
    defaults = _mapping("rollout_plan.defaults", data.get("defaults", {}))
    waves = data.get("waves")
    if not isinstance(waves, list | tuple) or not waves:
        raise InvalidInputError("rollout_plan.waves must be a list of at least one wave.")
    parsed = tuple(_wave(f"rollout_plan.waves[{n}]", n, wave, defaults) for n, wave in enumerate(waves))
    names = [wave.name for wave in parsed]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"rollout_plan: two waves have the same name ({', '.join(names)}).")
    if any(wave.selector == "rest" for wave in parsed[:-1]):
        raise InvalidInputError("rollout_plan: only the last wave may be `rest: true`.")
    return Plan(
        name=_text("rollout_plan.name", data.get("name", "own")),
        waves=parsed,
        spread_over=_texts("rollout_plan.spread_over", data.get("spread_over", Plan.spread_over)),
        salt=_text("rollout_plan.salt", data.get("salt", "")),
        rollback=_boolean("rollout_plan.rollback", data.get("rollback", True)),
        windows=_windows("rollout_plan.windows", data.get("windows", ())),
    )


def _wave_as_dict(wave: Wave) -> dict[str, Any]:
    data = asdict(wave)
    data[data.pop("selector")] = data.pop("value")
    if wave.at_most is None:
        del data["at_most"]
    data["rate"] = {name: value for name, value in data["rate"].items() if value is not None}
    data["gate"]["alarms"] = list(wave.gate.alarms)
    data["gate"]["command"] = list(wave.gate.command)
    return data


def _wave(where: str, number: int, given: Any, defaults: Mapping[str, Any]) -> Wave:
    own = _mapping(where, given)
    data = {**defaults, **own}
    if "gate" in defaults and "gate" in own:
        data["gate"] = {**defaults["gate"], **own["gate"]}
    chosen = [name for name in SELECTORS if name in data]
    if len(chosen) != 1:
        raise InvalidInputError(
            f"{where} must have exactly one of {', '.join(SELECTORS)}; it has {', '.join(chosen) or 'none'}."
        )
    numbers: dict[str, Callable[[str, Any], Any]] = {
        "at_least": _whole(1),
        "at_most": _whole(1),
        "jitter_seconds": _whole(0, 3600),
        "timeout_minutes": _whole(1, 10080),
        "retries": _whole(0, 10),
        "abort_percent": _number(0, 100),
        "abort_after": _whole(1),
        "patience_minutes": _number(0),
        "needed_percent": _number(0, 100),
        "bake_minutes": _number(0),
    }
    _only(where, data, (*SELECTORS, *numbers, "name", "rate", "gate"))
    selector = chosen[0]
    return Wave(
        name=_text(f"{where}.name", data.get("name", f"wave-{number + 1}")),
        selector=selector,
        value=_SELECTOR_VALUES[selector](f"{where}.{selector}", data[selector]),
        rate=_rate(f"{where}.rate", data.get("rate", {})),
        gate=_gate(f"{where}.gate", data.get("gate", {})),
        **{name: check(f"{where}.{name}", data[name]) for name, check in numbers.items() if name in data},
    )


def _rate(where: str, given: Any) -> Rate:
    data = _mapping(where, given)
    checks: dict[str, Callable[[str, Any], Any]] = {
        "per_minute": _whole(1, MAX_PER_MINUTE),
        "start_per_minute": _whole(1, MAX_PER_MINUTE),
        "growth": _number(1.1, 5),
        "after_successes": _whole(1),
    }
    _only(where, data, tuple(checks))
    rate = Rate(**{name: checks[name](f"{where}.{name}", value) for name, value in data.items()})
    if (rate.start_per_minute is None) != (rate.growth is None):
        raise InvalidInputError(f"{where}: start_per_minute and growth belong together.")
    if rate.start_per_minute is not None and rate.start_per_minute > rate.per_minute:
        raise InvalidInputError(f"{where}: start_per_minute is more than per_minute.")
    return rate


def _gate(where: str, given: Any) -> Gate:
    data = _mapping(where, given)
    _only(where, data, tuple(one.name for one in fields(Gate)))
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name in ("alarms", "command"):
            values[name] = _texts(f"{where}.{name}", value)
        elif value is None and name not in ("failed_percent", "lost_after_seconds"):
            values[name] = None
        else:
            share = name in ("failed_percent", "lost_percent", "program_failed_percent", "error_log_percent")
            values[name] = _number(0, 100 if share else None)(f"{where}.{name}", value)
    return Gate(**values)


def _mapping(where: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{where} must be a dictionary, not {given!r}.")
    return given


def _only(where: str, data: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    unknown = sorted(set(data) - set(allowed))
    if unknown:
        raise InvalidInputError(
            f"{where}: {', '.join(unknown)} is not known.", f"Allowed: {', '.join(sorted(allowed))}."
        )


def _text(where: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InvalidInputError(f"{where} must be text, not {given!r}.")
    return given


def _texts(where: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise InvalidInputError(f"{where} must be a list of texts, not {given!r}.")
    return tuple(given)


def _boolean(where: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise InvalidInputError(f"{where} must be true or false, not {given!r}.")
    return given


def _whole(low: int, high: int | None = None) -> Callable[[str, Any], int]:
    check = _number(low, high)

    def whole(where: str, given: Any) -> int:
        value = check(where, given)
        if value != int(value):
            raise InvalidInputError(f"{where} is {given!r}; it must be a whole number.")
        return int(value)

    return whole


def _number(low: float, high: float | None = None) -> Callable[[str, Any], float]:
    def number(where: str, given: Any) -> float:
        allowed = f"from {low:g} to {high:g}" if high is not None else f"at least {low:g}"
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise InvalidInputError(f"{where} is {given!r}; it must be a number {allowed}.")
        if given < low or (high is not None and given > high):
            raise InvalidInputError(f"{where} is {given!r}; it must be {allowed}.")
        return float(given)

    return number


def _attribute(where: str, given: Any) -> dict[str, str]:
    data = _mapping(where, given)
    if set(data) != {"name", "value"}:
        raise InvalidInputError(f"{where} must have name and value.")
    return {"name": _text(f"{where}.name", data["name"]), "value": _text(f"{where}.value", data["value"])}


def _windows(where: str, given: Any) -> tuple[Window, ...]:
    if not isinstance(given, list | tuple):
        raise InvalidInputError(f"{where} must be a list, not {given!r}.")
    return tuple(_window(f"{where}[{number}]", one) for number, one in enumerate(given))


def _window(where: str, given: Any) -> Window:
    data = _mapping(where, given)
    _only(where, data, ("start", "minutes"))
    found = _TIME.fullmatch(_text(f"{where}.start", data.get("start")))
    if not found:
        raise InvalidInputError(
            f'{where}.start is {data["start"]!r}; it must be a time (UTC) such as "22:30".'
        )
    minutes = _whole(1, 1440)(f"{where}.minutes", data.get("minutes"))
    return Window(int(found[1]) * 60 + int(found[2]), minutes)


def _rest(where: str, given: Any) -> bool:
    if given is not True:
        raise InvalidInputError(f"{where} can only be true.")
    return True


_SELECTOR_VALUES: Mapping[str, Callable[[str, Any], Any]] = {
    "count": _whole(1),
    "percent": _number(0.01, 100),
    "group": _text,
    "attribute": _attribute,
    "things": _texts,
    "rest": _rest,
}

READY: Final[Mapping[str, Mapping[str, Any]]] = {
    "cautious": {
        "name": "cautious",
        "defaults": {
            "bake_minutes": 30,
            "patience_minutes": 60,
            "jitter_seconds": 30,
            "abort_percent": 5,
            "gate": {"failed_percent": 1, "lost_percent": 1, "program_failed_percent": 1},
        },
        "waves": [
            {"name": "canary", "percent": 1, "at_least": 5, "at_most": 100, "bake_minutes": 60},
            {"name": "early", "percent": 9, "rate": {"per_minute": 100}},
            {"name": "half", "percent": 40, "rate": {"per_minute": 500}},
            {"name": "rest", "rest": True},
        ],
    },
    "standard": {
        "name": "standard",
        "defaults": {
            "bake_minutes": 15,
            "patience_minutes": 30,
            "jitter_seconds": 10,
            "abort_percent": 10,
            "gate": {"failed_percent": 2, "lost_percent": 2, "program_failed_percent": 2},
        },
        "waves": [
            {"name": "canary", "percent": 5, "at_least": 3, "at_most": 100},
            {"name": "early", "percent": 25},
            {"name": "rest", "rest": True},
        ],
    },
    "urgent": {
        "name": "urgent",
        "defaults": {
            "bake_minutes": 5,
            "patience_minutes": 5,
            "needed_percent": 50,
            "gate": {"failed_percent": 5, "lost_percent": 5, "program_failed_percent": 5},
        },
        "waves": [
            {"name": "canary", "percent": 5, "at_least": 3, "at_most": 100},
            {"name": "rest", "rest": True},
        ],
    },
}
"""Plans by name: ``cautious`` for what has never run, ``standard`` for every week, ``urgent`` for a fix."""
