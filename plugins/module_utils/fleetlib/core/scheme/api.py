"""The device API: every function that the fleet's runtime adds to Steel. The one source of it.

The checks, the engine's functions, the virtual boards and docs/api-reference.md all come from `FUNCTIONS`;
`catalogue` shows it as JSON and as a document.

Status says how a function may be used:

- ``core``, ``embedded``, ``doc``: offered by every device of the fleet (they differ only in where they were
  first described: in both published runtimes, in the one for boards, in the design);
- ``example``, ``deprecated``: offered so that old programs run, with a warning that names the replacement;
- ``internal``: belongs to the runtime. It is not offered and a program that names it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Status = Literal["core", "embedded", "doc", "example", "deprecated", "internal"]
Type = Literal["any", "boolean", "number", "integer", "string", "symbol", "procedure", "list", "alist"]
Format = Literal["mqtt-topic", "cron", "template"]

LOG_LEVELS: Final = ("error", "warn", "info", "debug", "trace")


@dataclass(frozen=True)
class Argument:
    """One argument; the limits are those that the device enforces when it runs the program."""

    name: str
    type: Type = "any"
    above: float | None = None
    """Exclusive lower limit of a number."""
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    min_bytes: int | None = None
    """Limits of a string, in bytes of UTF-8."""
    max_bytes: int | None = None
    choices: tuple[str, ...] = ()
    format: Format | None = None
    calls_with: int | None = None
    """Arguments with which the device calls a procedure."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data without what does not apply."""
        facts = {name: value for name, value in vars(self).items() if value not in (None, ())}
        return facts | ({"choices": list(self.choices)} if self.choices else {})


@dataclass(frozen=True)
class Function:
    """One function of the device API."""

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    category: str
    status: Status
    description: str
    rest: bool = False
    """The last argument may be given any number of times, also not at all."""
    replacement: str | None = None
    """What to write instead, for the functions that should not be used any more."""

    @property
    def minimum(self) -> int:
        """The fewest arguments."""
        return len(self.arguments) - self.rest

    @property
    def maximum(self) -> int | None:
        """The most arguments; None for any number."""
        return None if self.rest else len(self.arguments)

    @property
    def offered(self) -> bool:
        """Whether a program can call it."""
        return self.status != "internal"

    def argument(self, index: int) -> Argument | None:
        """The argument at a position counted from 0, if the function takes so many."""
        if index < len(self.arguments):
            return self.arguments[index]
        return self.arguments[-1] if self.rest else None

    @property
    def signature(self) -> str:
        """How a call looks, such as ``(sleep seconds)``."""
        names = [argument.name for argument in self.arguments]
        return f"({' '.join([self.name, *names])}{' …' if self.rest else ''})"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as the JSON has it."""
        return {
            "name": self.name,
            "min": self.minimum,
            "max": self.maximum,
            "arguments": [argument.as_dict() for argument in self.arguments],
            "returns": self.returns,
            "category": self.category,
            "status": self.status,
            "description": self.description,
            "replacement": self.replacement,
        }


MOST_SLASHES: Final = 5
"""In a program's topic. AWS IoT Core allows seven in all; the prefix ``steel-data/<thing>/`` has two of
them."""

SECONDS: Final = Argument("seconds", "number", minimum=0, maximum=3600, unit="s")
MESSAGE: Final = Argument("message", "string", max_bytes=1024)
KEY: Final = Argument("key", "string", min_bytes=1, max_bytes=256)
TIMER: Final = Argument("name", "string", min_bytes=1, max_bytes=256)
EVENT: Final = Argument("event", "string", min_bytes=1, max_bytes=256)
THUNK: Final = Argument("procedure", "procedure", calls_with=0)
# A topic of AWS IoT Core has at most 256 bytes. The runtime puts "steel-data/<thing>/" before the program's
# part, and the name of a thing has at most 128 bytes, so this part fits on every device.
TOPIC: Final = Argument("topic", "string", min_bytes=1, max_bytes=116, format="mqtt-topic")


def _internal(name: str, *arguments: Argument, replacement: str) -> Function:
    text = "Part of the runtime; programs must not use it."
    return Function(name, arguments, "any", "internal", "internal", text, replacement=replacement)


FUNCTIONS: Final[tuple[Function, ...]] = (
    Function("sleep", (SECONDS,), "boolean", "timing", "core", "Waits. Timers and events go on meanwhile."),
    Function("led-on", (), "boolean", "led", "core", "Switches the LED on; returns #t."),
    Function("led-off", (), "boolean", "led", "core", "Switches the LED off; returns #f."),
    Function("led-state", (), "boolean", "led", "core", "Whether the LED is on."),
    Function(
        "device-info",
        (),
        "alist",
        "system",
        "core",
        "What the device is: `device-id`, `platform`, `version`, `firmware-version`, `steel-version`.",
    ),
    Function(
        "memory-info",
        (),
        "alist",
        "system",
        "core",
        "Memory in bytes: `total-bytes`, `free-bytes`, `used-bytes`, `largest-free-block`.",
    ),
    Function("uptime", (), "number", "system", "core", "Seconds since the device started."),
    Function(
        "log",
        (Argument("level", "string", choices=LOG_LEVELS), MESSAGE),
        "boolean",
        "logging",
        "core",
        "Writes a log entry. Takes the place of Steel's mathematical `log`.",
    ),
    Function("log-error", (MESSAGE,), "boolean", "logging", "core", "Writes a log entry of level error."),
    Function("log-warn", (MESSAGE,), "boolean", "logging", "core", "Writes a log entry of level warn."),
    Function("log-info", (MESSAGE,), "boolean", "logging", "core", "Writes a log entry of level info."),
    Function("log-debug", (MESSAGE,), "boolean", "logging", "core", "Writes a log entry of level debug."),
    Function(
        "repeat",
        (Argument("times", "integer", minimum=0), THUNK),
        "any",
        "control",
        "embedded",
        "Calls the procedure so many times.",
    ),
    Function(
        "blink-led",
        (
            Argument("times", "integer", minimum=0, maximum=20),
            Argument("delay", "number", minimum=0.1, maximum=5, unit="s"),
        ),
        "boolean",
        "led",
        "embedded",
        "Switches the LED on and off so many times, each for the delay.",
    ),
    Function(
        "format",
        (Argument("template", "string", format="template"), Argument("value")),
        "string",
        "text",
        "doc",
        "Puts the values in the places of the template: `~a` as displayed, `~s` as written; `~%` is a new "
        "line, `~~` a tilde.",
        rest=True,
    ),
    Function(
        "get",
        (Argument("record", "alist"), Argument("key", "symbol")),
        "any",
        "data",
        "doc",
        "The value of a key in an association list or a hash map; #f when it is not there.",
    ),
    Function("current-time", (), "number", "timing", "doc", "Seconds since 1970-01-01 00:00 UTC."),
    Function("json-encode", (Argument("value"),), "string", "data", "doc", "The value as JSON."),
    Function(
        "json-decode",
        (Argument("text", "string"),),
        "any",
        "data",
        "doc",
        "What JSON says: objects as association lists with symbols as keys, arrays as lists, null as void.",
    ),
    Function(
        "read-sensors",
        (),
        "alist",
        "sensors",
        "doc",
        "All sensors: `temperature` in °C, `humidity` and `battery-level` in %, `pressure` in hPa, "
        "`light-level` in lx, `timestamp` in seconds.",
    ),
    Function(
        "mqtt-publish",
        (TOPIC, Argument("payload", "string", max_bytes=131072)),
        "boolean",
        "cloud",
        "doc",
        "Publishes to `steel-data/<thing>/<topic>`.",
    ),
    Function(
        "shadow-update",
        (KEY, Argument("value")),
        "boolean",
        "cloud",
        "doc",
        "Reports a property in the device's shadow.",
    ),
    Function(
        "store",
        (KEY, Argument("value", "string", max_bytes=65536)),
        "boolean",
        "storage",
        "doc",
        "Keeps a value over restarts.",
    ),
    Function(
        "load",
        (KEY,),
        "any",
        "storage",
        "doc",
        "The stored value, #f when there is none. Takes the place of Steel's `load`, which reads files.",
    ),
    Function("delete", (KEY,), "boolean", "storage", "doc", "Removes a stored value; whether there was one."),
    Function(
        "set-timer",
        (TIMER, Argument("seconds", "number", above=0, maximum=86400, unit="s"), THUNK),
        "boolean",
        "timers",
        "doc",
        "Calls the procedure once, after so many seconds. A timer of the same name is replaced.",
    ),
    Function("cancel-timer", (TIMER,), "boolean", "timers", "doc", "Cancels a timer; whether there was one."),
    Function(
        "schedule",
        (Argument("cron", "string", format="cron"), THUNK),
        "boolean",
        "timers",
        "doc",
        "Calls the procedure whenever the five fields match: minute, hour, day, month, weekday, in UTC.",
    ),
    Function(
        "schedule-interval",
        (Argument("seconds", "number", above=0, maximum=86400, unit="s"), THUNK),
        "boolean",
        "timers",
        "doc",
        "Calls the procedure again and again, every so many seconds.",
    ),
    Function(
        "register-event-handler",
        (EVENT, Argument("procedure", "procedure", calls_with=1)),
        "boolean",
        "events",
        "doc",
        "Calls the procedure with the event's data; for `mqtt-message` with topic and payload.",
    ),
    Function(
        "emit-event",
        (EVENT, Argument("data")),
        "boolean",
        "events",
        "doc",
        "Raises an event for the handlers.",
    ),
    Function(
        "uptime-info",
        (),
        "alist",
        "system",
        "example",
        "A record with `uptime-seconds`.",
        replacement="(uptime)",
    ),
    Function(
        "->string",
        (Argument("value"),),
        "string",
        "text",
        "example",
        "The value as text.",
        replacement="(to-string value)",
    ),
    Function(
        "with-exception-handler",
        (Argument("handler", "procedure", calls_with=1), THUNK),
        "any",
        "control",
        "example",
        "Calls the procedure; an error goes to the handler, whose value is the result.",
        replacement="(with-handler handler expression …)",
    ),
    Function(
        "led",
        (Argument("state", "string", choices=("on", "off")),),
        "boolean",
        "led",
        "deprecated",
        "Switches the LED.",
        replacement="(led-on) or (led-off)",
    ),
    _internal("rust-call-sleep", Argument("seconds", "number"), replacement="(sleep seconds)"),
    _internal("rust-call-led-on", replacement="(led-on)"),
    _internal("rust-call-led-off", replacement="(led-off)"),
    _internal("rust-call-led-state", replacement="(led-state)"),
    _internal("rust-call-device-info", replacement="(device-info)"),
    _internal("rust-call-memory-info", replacement="(memory-info)"),
    _internal("rust-call-uptime", replacement="(uptime)"),
    _internal("rust-call-log", Argument("level"), Argument("message"), replacement="(log level message)"),
)
"""Every function of the device API."""

INTERNAL_VARIABLES: Final = {"*led-state*": "(led-state)"}
"""Variables of the runtime that programs must not use, with what to write instead."""

BY_NAME: Final = {function.name: function for function in FUNCTIONS}
