"""What a rollout would do: how long it takes, whom it reaches before it stops, and what it asks of AWS.

Seeded discrete events: the same question gets the same answer. Nothing here calls anything.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ..quotas import PAGE_SIZE, Quotas
from .gate import Counts, job_stops
from .plan import Plan, Wave

INDEX_PAGE = 100
"""Things in a page of SearchIndex."""

DEVICE_RUNS = 3_000_000
"""Simulated devices in all: small fleets are simulated more often than big ones."""

CURVE_POINTS = 200


@dataclass(frozen=True)
class Model:
    """How the fleet behaves."""

    offline_share: float = 0.02
    """Devices that are away when their wave begins."""
    return_hours: float = 12.0
    """After how long they come back, on average."""
    failure_share: float = 0.002
    """Devices on which the program fails."""
    late_failure_share: float = 0.0
    """Devices that are lost after success, while the wave is watched."""
    late_failure_seconds: float = 120.0
    """How long after success that happens."""
    latency_seconds: float = 5.0
    """Median time from the start of an execution to its end."""
    latency_spread: float = 0.5
    """Sigma of its logarithm; 0 for always the median."""
    poll_seconds: float = 10.0
    """How often the control host looks."""
    start_minute: int = 540
    """Minute of the day at which the rollout begins, UTC."""


@dataclass(frozen=True)
class WaveRun:
    """How a wave went in one simulated rollout."""

    name: str
    devices: int
    start: float
    """Seconds since the rollout began."""
    end: float
    """Gate or abort."""
    finished: int
    stopped: str = ""


@dataclass(frozen=True)
class Run:
    """One simulated rollout."""

    waves: tuple[WaveRun, ...]
    touched: int
    seconds: float
    aborted: bool
    curve: tuple[tuple[float, int], ...] = field(repr=False, default=())
    """(seconds, devices that have finished)."""


@dataclass(frozen=True)
class Forecast:
    """Many simulated rollouts together."""

    devices: int
    runs: int
    seconds_p50: float
    seconds_p95: float
    abort_share: float
    touched_p50: int
    touched_p95: int
    calls: Mapping[str, int]
    first: Run

    def as_dict(self) -> dict[str, Any]:
        """Plain data for reports."""
        return {
            "devices": self.devices,
            "runs": self.runs,
            "seconds_p50": round(self.seconds_p50, 1),
            "seconds_p95": round(self.seconds_p95, 1),
            "abort_share": round(self.abort_share, 4),
            "touched_p50": self.touched_p50,
            "touched_p95": self.touched_p95,
            "calls": dict(self.calls),
            "calls_per_device": round(sum(self.calls.values()) / max(1, self.devices), 4),
            "waves": [
                {
                    "name": wave.name,
                    "devices": wave.devices,
                    "start_seconds": round(wave.start, 1),
                    "end_seconds": round(wave.end, 1),
                    "stopped": wave.stopped,
                }
                for wave in self.first.waves
            ],
            "curve": [[round(second, 2), done] for second, done in self.first.curve],
        }


def simulate(
    plan: Plan,
    sizes: Sequence[int],
    model: Model | None = None,
    *,
    seed: int = 1,
    runs: int | None = None,
    quotas: Quotas | None = None,
) -> Forecast:
    """Play the plan for waves of these sizes. ``runs`` defaults to what `DEVICE_RUNS` allows, 3 to 200."""
    model, quotas = model or Model(), quotas or Quotas()
    devices = sum(sizes)
    wanted = runs or min(200, max(3, DEVICE_RUNS // max(1, devices)))
    played = [_play(plan, sizes, model, quotas, random.Random(f"{seed}:{run}")) for run in range(wanted)]  # noqa: S311  # reproducible, not secret
    seconds = sorted(run.seconds for run in played)
    touched = sorted(run.touched for run in played)
    return Forecast(
        devices=devices,
        runs=wanted,
        seconds_p50=_percentile(seconds, 0.5),
        seconds_p95=_percentile(seconds, 0.95),
        abort_share=sum(run.aborted for run in played) / wanted,
        touched_p50=int(_percentile(touched, 0.5)),
        touched_p95=int(_percentile(touched, 0.95)),
        calls=calls(plan, played[0], model),
        first=played[0],
    )


def calls(plan: Plan, run: Run, model: Model) -> dict[str, int]:
    """Requests to AWS by operation. The number of jobs does not depend on the size of the fleet."""
    total: dict[str, int] = {}

    def add(operation: str, times: int) -> None:
        if times:
            total[operation] = total.get(operation, 0) + times

    for wave, went in zip(plan.waves, run.waves, strict=False):
        if not went.devices:
            continue
        pages = math.ceil(went.devices / INDEX_PAGE)
        add("CreateJob", 1)
        add("SearchIndex", math.ceil(sum(one.devices for one in run.waves) / INDEX_PAGE))
        add("SearchIndex", pages * (wave.bake_looks(went.devices) + 1))
        add("ListJobExecutionsForJob", math.ceil(went.devices / PAGE_SIZE))
        if wave.selector != "group":
            add("CreateThingGroup", 1)
            add("AddThingToThingGroup", went.devices)
        looks = max(1, math.ceil((went.end - went.start) / max(model.poll_seconds, 0.1)))
        add("DescribeJob", looks)
        add("GetObject", looks)
        add("PutObject", 6)
    return dict(sorted(total.items()))


def _play(plan: Plan, sizes: Sequence[int], model: Model, quotas: Quotas, rng: random.Random) -> Run:
    now, touched, done = 0.0, 0, 0
    went: list[WaveRun] = []
    curve: list[tuple[float, int]] = [(0.0, 0)]
    for wave, size in zip(plan.waves, sizes, strict=True):
        if not size:
            went.append(WaveRun(wave.name, 0, now, now, 0))
            continue
        now += plan.seconds_to_window(model.start_minute * 60 + now)
        if wave.selector != "group":
            now += size / quotas.rate("AddThingToThingGroup")
        played = _Wave(wave, size, model, rng)
        end, stopped = played.play()
        curve.extend((now + second, done + finished) for second, finished in played.curve())
        done += played.counts.finished
        touched += played.counts.touched
        went.append(WaveRun(wave.name, size, now, now + end, played.counts.finished, stopped))
        now += end
        if stopped:
            return Run(tuple(went), touched, now, True, _thinned(curve))
    return Run(tuple(went), touched, now, False, _thinned(curve))


class _Wave:
    """The events of one wave, counted in steps of the control host's look."""

    def __init__(self, wave: Wave, size: int, model: Model, rng: random.Random) -> None:
        self._wave, self._size, self._model, self._rng = wave, size, model, rng
        self._good: dict[int, int] = {}
        self._bad: dict[int, int] = {}
        self._started: dict[int, int] = {}
        self._lost: dict[int, int] = {}
        self.counts = Counts()
        self._steps = 0

    def play(self) -> tuple[float, str]:
        """(seconds until gate or abort, why it stopped or nothing)."""
        self._schedule()
        step_seconds = self._model.poll_seconds
        patience = math.ceil(self._wave.patience_seconds(self._size) / step_seconds)
        for step in sorted({*self._good, *self._bad, *self._started}):
            if step > max(patience, 1):
                break
            self._count(step)
            self._steps = step
            stopped = job_stops(self._wave, self.counts)
            if stopped:
                return (step + 1) * step_seconds, stopped
        missing = self._size - self.counts.finished
        deploying = self._steps + 1 if not missing else max(patience, self._steps + 1)
        if self.counts.finished < self._size * self._wave.needed_percent / 100:
            return deploying * step_seconds, f"only {self.counts.finished} of {self._size} devices finished"
        baked = deploying + math.ceil(self._wave.bake_minutes * 60 / step_seconds)
        return self._baked(deploying, baked, step_seconds)

    def curve(self) -> Iterator[tuple[float, int]]:
        """(seconds, finished so far) of the wave."""
        steps = sorted(step for step in {*self._good, *self._bad} if step <= self._steps)
        finished = accumulate(self._good.get(step, 0) + self._bad.get(step, 0) for step in steps)
        for step, count in zip(steps, finished, strict=True):
            yield (step + 1) * self._model.poll_seconds, count

    def _baked(self, deploying: int, baked: int, step_seconds: float) -> tuple[float, str]:
        gate, lost = self._wave.gate, 0
        grace = math.ceil(gate.lost_after_seconds / step_seconds)
        for gone in sorted(self._lost):
            step = gone + grace
            if step > baked or gate.lost_percent is None:
                break
            lost += self._lost[gone]
            if lost / self._size * 100 > gate.lost_percent:
                return max(step + 1, deploying) * step_seconds, f"{lost} devices lost their connection"
        finished = self.counts.finished
        if finished and self.counts.bad / finished * 100 > gate.failed_percent:
            return baked * step_seconds, f"{self.counts.bad} of {finished} failed, more than the gate allows"
        return baked * step_seconds, ""

    def _count(self, step: int) -> None:
        good, bad, started = (where.get(step, 0) for where in (self._good, self._bad, self._started))
        counts = self.counts
        self.counts = Counts(
            succeeded=counts.succeeded + good,
            failed=counts.failed + bad,
            in_progress=counts.in_progress + started - good - bad,
        )

    def _schedule(self) -> None:
        """Draw every device's events, minute by minute as AWS IoT Jobs releases them."""
        model, draw = self._model, self._rng.random
        rate = self._wave.rate
        allowed = float(rate.start_per_minute or rate.per_minute)
        left, minute, successes = self._size, 0, 0
        by_minute: dict[int, int] = {}
        while left:
            batch = min(left, int(allowed))
            left -= batch
            for _ in range(batch):
                start = minute * 60 + (model.return_hours * 3600 * -math.log(1 - draw())) * (
                    draw() < model.offline_share
                )
                self._one(start, by_minute)
            successes += by_minute.pop(minute, 0)
            minute += 1
            if rate.growth and successes >= rate.after_successes:
                allowed, successes = min(rate.per_minute, allowed * rate.growth), 0

    def _one(self, start: float, by_minute: dict[int, int]) -> None:
        model, rng = self._model, self._rng
        if self._wave.jitter_seconds:
            start += rng.random() * self._wave.jitter_seconds
        spread = model.latency_spread
        end = start + model.latency_seconds * (math.exp(rng.gauss(0.0, spread)) if spread else 1.0)
        first, last = int(start / model.poll_seconds), int(end / model.poll_seconds)
        self._started[first] = self._started.get(first, 0) + 1
        chance = rng.random()
        if chance < model.failure_share:
            self._bad[last] = self._bad.get(last, 0) + 1
            return
        self._good[last] = self._good.get(last, 0) + 1
        ended = int(end / 60)
        by_minute[ended] = by_minute.get(ended, 0) + 1
        if chance > 1 - model.late_failure_share:
            gone = int((end + model.late_failure_seconds) / model.poll_seconds)
            self._lost[gone] = self._lost.get(gone, 0) + 1


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _thinned(curve: list[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    every = max(1, math.ceil(len(curve) / CURVE_POINTS))
    return tuple(curve[::every]) + ((curve[-1],) if (len(curve) - 1) % every else ())
