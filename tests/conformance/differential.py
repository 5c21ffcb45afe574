"""The validator against the real engine: over the corpus, over names, over mutants of good programs.

``python -m tests.conformance.differential --mutants 20000 --report disagreements.md`` measures and lists.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fleetlib import steel_engine
from fleetlib.core.scheme import check
from fleetlib.core.scheme.second_opinion import disagreement, verdict

from tests.conformance import corpus

TOKEN = re.compile(
    r"""\s+|;[^\n]*|"(?:[^"\\]|\\.)*"?|\#\\(?:\w+|.)|[()\[\]{}'`]|,@?|[^\s()\[\]{}'"`,;]+""", re.DOTALL
)
SPARES = [
    "(",
    ")",
    "[",
    "]",
    "'",
    "`",
    ",",
    ".",
    '"',
    "#t",
    "1",
    "x",
    "if",
    "define",
    "lambda",
    "let",
    "#;",
    "()",
    "...",
]


@dataclass(frozen=True)
class Judgement:
    """What both say of one program."""

    name: str
    source: str
    engine: str
    """``loads``, ``crashed``, or ``refused`` and a kind."""
    rules: tuple[str, ...]
    """The validator's errors."""

    @property
    def fault(self) -> str | None:
        """``false accept``, ``false reject``, ``other kind`` or none."""
        return disagreement(self.rules, self.engine)


def judge(programs: Iterable[tuple[str, str, str]]) -> Iterator[Judgement]:
    """The validator's word on programs given as name, source and the engine's verdict."""
    for name, source, engine in programs:
        found = check(source, profile="linux").diagnostics
        rules = tuple(dict.fromkeys(one.code for one in found if one.severity == "error"))
        yield Judgement(name, source, engine, rules)


def ask(engine: steel_engine.Engine, programs: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name, source and verdict of programs by name."""
    for (name, source), answer in zip(programs.items(), engine.check_all(programs.values()), strict=True):
        yield name, source, verdict(answer)


def mutants(count: int, seed: int = 1) -> dict[str, str]:
    """Good programs with one to three tokens deleted, doubled, swapped or put in; always the same for a seed.

    Every program has a sequence of mutants of its own, so that a new one in the corpus changes no other's.
    """
    parents = [case for case in corpus.cases() if case.verdict == "loads"]
    streams = [mutants_of(parent, random.Random(f"{seed} {parent.source}")) for parent in parents]
    found: dict[str, str] = {}
    for stream in itertools.cycle(streams):
        if len(found) == count:
            break
        name, source = next(stream)
        found[f"{name} #{len(found)}"] = source
    return found


def mutants_of(parent: corpus.Case, chance: random.Random) -> Iterator[tuple[str, str]]:
    """One program's mutants without end, each with its parent's name."""
    while True:
        tokens = TOKEN.findall(parent.source)
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            mutate(tokens, chance)
        source = "".join(tokens)
        if source != parent.source:
            yield parent.name, source


def mutate(tokens: list[str], chance: random.Random) -> None:
    """Change one token."""
    solid = [at for at, token in enumerate(tokens) if not token.isspace()]
    if not solid:
        return
    at, other = chance.choice(solid), chance.choice(solid)
    match chance.randrange(5):
        case 0:
            tokens[at] = ""
        case 1:
            tokens[at] += f" {tokens[at]}"
        case 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        case 3:
            tokens[at] = chance.choice(SPARES)
        case _:
            tokens[at] += f" {chance.choice(SPARES)} "


def names(engine: steel_engine.Engine) -> dict[str, str]:
    """A reference to every name that the facts, the engine or the device API have ever heard of."""
    bound = {entry["name"] for entry in engine.ask({"op": "globals"})["globals"]}
    used = {token for case in corpus.cases() for token in TOKEN.findall(case.source)}
    words = {
        token
        for token in bound | used
        if re.fullmatch(r"""[^\s()\[\]{}'"`,;#|\\.\d+-][^\s()\[\]{}'"`,;|\\]*""", token)
    }
    return {f"name {word}": f"(list {word})" for word in sorted(words)}


def report(judgements: list[Judgement]) -> str:
    """All disagreements as Markdown, counted."""
    counts = Counter(judgement.fault or "agreement" for judgement in judgements)
    lines = [
        f"{len(judgements)} programs: "
        + ", ".join(f"{count} {fault}" for fault, count in counts.most_common())
    ]
    for fault in ("false reject", "false accept", "other kind"):
        lines.append(f"\n### {fault}: {counts[fault]}\n")
        lines.extend(line(judgement) for judgement in judgements if judgement.fault == fault)
    return "\n".join(lines) + "\n"


def line(judgement: Judgement) -> str:
    rules = ", ".join(judgement.rules) or "accepts"
    return f"- {judgement.name}: engine {judgement.engine}; validator {rules}: `{judgement.source!r}`"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("/dev/stdout"))
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    with steel_engine.Engine(steel_engine.build(root)) as engine, options.report.open("w") as out:
        out.write("# Corpus\n\n")
        out.write(report(list(judge((case.name, case.source, case.verdict) for case in corpus.cases()))))
        for title, programs in (
            ("Names", names(engine)),
            ("Mutants", mutants(options.mutants, options.seed)),
        ):
            began = time.monotonic()
            asked = list(ask(engine, programs))
            middle = time.monotonic()
            out.write(f"\n# {title}\n\n{report(list(judge(asked)))}")
            engine_time, validator_time = middle - began, time.monotonic() - middle
            out.write(f"\n{engine_time:.1f} s for the engine, {validator_time:.1f} s for the validator\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
