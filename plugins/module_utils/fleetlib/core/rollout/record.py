"""The record of a rollout: its state, and every decision with its reason. Kept in S3, readable by itself.

States: ``running`` → ``paused`` → ``running``; ``running`` → ``waiting`` (every wave is through, devices that
are offline are still awaited) → ``finished``; any of them → ``aborting`` → ``returning`` → ``return_open``
(devices that are offline have to be taken back yet) → ``returned``, or ``aborting`` → ``stopped`` where the
plan says not to take devices back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ..errors import FleetError
from .gate import Counts
from .plan import Plan, parse

FORMAT: Final = 1
OPEN: Final = ("running", "paused", "waiting", "aborting", "returning", "return_open")
"""States in which something is still to be done."""
ENDED: Final = ("finished", "stopped", "returned")
CURVE_POINTS: Final = 400


@dataclass
class Part:
    """One job of a wave. A wave that was paused has another one for the rest of its devices."""

    job: str
    group: str
    devices: int
    own_group: bool = True
    """Whether the group was made for this job, and goes when the rollout is over."""
    created_at: str = ""
    closed: bool = False
    """Nothing will change any more: what it reached is in ``outcomes/<job>.json``."""
    counts: Counts = field(default_factory=Counts)


@dataclass
class WaveRecord:
    """How far a wave is.

    States: ``pending``, ``prepared``, ``deploying``, ``pausing``, ``baking``, ``passed``, ``failed``,
    ``returning``, ``return_open``, ``returned``.
    """

    name: str
    devices: int
    state: str = "pending"
    already: int = 0
    """Devices that had the version before; no job goes to them."""
    parts: list[Part] = field(default_factory=list)
    returns: list[Part] = field(default_factory=list)
    started_at: str = ""
    bake_from: str = ""
    ended_at: str = ""
    checks: list[dict[str, Any]] = field(default_factory=list)
    """The gate, as it was judged last."""
    return_from: str = ""
    to_return: int = 0
    """Devices that were reached and go back."""
    not_returned: list[str] = field(default_factory=list)
    """Devices that do not report their former version yet."""
    not_returnable: list[str] = field(default_factory=list)
    """Devices whose former version was never published; somebody has to decide about them."""

    @property
    def counts(self) -> Counts:
        """Executions of all jobs together."""
        total = Counts()
        for part in self.parts:
            total = total + part.counts
        return total


@dataclass
class Decision:
    """Something that was decided, when, by whom and why."""

    at: str
    by: str
    what: str
    why: str


@dataclass
class Record:
    """Everything there is to know about a rollout, except lists of devices (``waves/``, ``before/``, …)."""

    id: str
    subject: str
    """``program:<id>`` or ``firmware``."""
    version: str
    sha256: str
    target: str
    """The thing group whose devices it is for."""
    plan: Plan
    waves: list[WaveRecord]
    created_at: str
    created_by: str
    state: str = "running"
    ended_at: str = ""
    left_out: int = 0
    decisions: list[Decision] = field(default_factory=list)
    curve: list[tuple[str, int]] = field(default_factory=list)
    """(time, devices that have finished)."""
    calls: dict[str, int] = field(default_factory=dict)
    """Requests to AWS by operation."""
    lease: dict[str, str] = field(default_factory=dict)
    """Who works on it, and until when: ``holder``, ``until``."""

    @property
    def devices(self) -> int:
        """Devices in all waves."""
        return sum(wave.devices for wave in self.waves)

    @property
    def finished(self) -> int:
        """Devices whose execution has ended, with either result."""
        return sum(wave.counts.finished for wave in self.waves)

    @property
    def touched(self) -> int:
        """Devices that have begun."""
        return sum(wave.counts.touched for wave in self.waves)

    def decide(self, at: str, by: str, what: str, why: str) -> None:
        """Write a decision down."""
        self.decisions.append(Decision(at, by, what, why))

    def plot(self, at: str) -> None:
        """Add a point to the curve if it moved, and keep the curve short."""
        if self.curve and self.curve[-1][1] == self.finished:
            return
        self.curve.append((at, self.finished))
        if len(self.curve) > CURVE_POINTS:
            self.curve = self.curve[::2]

    def as_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"format": FORMAT, **asdict(self), "plan": self.plan.as_dict()}


def from_dict(data: Mapping[str, Any]) -> Record:
    """The record that `Record.as_dict` wrote."""
    if data.get("format") != FORMAT:
        raise FleetError(
            f"The record of this rollout has format {data.get('format')!r}; this version reads {FORMAT}.",
            "Use the version of steel.fleet that wrote it.",
        )
    fields = {name: value for name, value in data.items() if name != "format"}
    fields["plan"] = parse(fields["plan"])
    fields["waves"] = [_wave(wave) for wave in fields["waves"]]
    fields["decisions"] = [Decision(**one) for one in fields["decisions"]]
    fields["curve"] = [(at, count) for at, count in fields["curve"]]
    return Record(**fields)


def _wave(data: Mapping[str, Any]) -> WaveRecord:
    return WaveRecord(**{**data, "parts": _parts(data["parts"]), "returns": _parts(data["returns"])})


def _parts(data: Sequence[Mapping[str, Any]]) -> list[Part]:
    return [Part(**{**one, "counts": Counts(**one["counts"])}) for one in data]


def table(record: Record) -> list[str]:
    """The waves as lines of text: what an operator watches."""
    lines = [
        f"{record.id}: {record.state}",
        f"{'wave':<12} {'state':<12} {'devices':>8} {'ok':>8} {'failed':>7} {'running':>8} {'queued':>8}",
    ]
    for wave in record.waves:
        counts = wave.counts
        lines.append(
            f"{wave.name[:12]:<12} {wave.state:<12} {wave.devices:>8,} {counts.succeeded + wave.already:>8,} "
            f"{counts.bad:>7,} {counts.in_progress:>8,} {counts.queued:>8,}"
        )
        if wave.not_returned:
            lines.append(f"{'':<12} {len(wave.not_returned):,} of {wave.to_return:,} not back yet")
    if record.decisions:
        last = record.decisions[-1]
        lines.append(f"{last.at} {last.what}: {last.why}")
    return lines
