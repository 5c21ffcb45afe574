"""Programs, each with what the real engine says of it: the truth for the validator, also without cargo.

``corpus/*.scm`` hold the programs. A line ``;;> loads`` or ``;;> refused Parse`` stands before each and says
whether a device loads it, and if not with which kind of error it refuses. After a change of Steel's release,
or with new programs (``;;>`` alone is enough), ``python -m tests.conformance.corpus`` writes the verdicts
anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fleetlib import steel_engine
from fleetlib.core.scheme.second_opinion import verdict

HERE = Path(__file__).parent
MARK = re.compile(r"^;;>(.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One program."""

    name: str
    """File and line, such as ``forms.scm:12``."""
    source: str
    verdict: str
    """``loads``, ``crashed``, or ``refused`` and the kind of error."""


def cases() -> list[Case]:
    """The whole corpus."""
    return [case for path in sorted(HERE.glob("corpus/*.scm")) for case in read(path)]


def read(path: Path) -> Iterator[Case]:
    """The programs of one file; the line end before the next mark is no part of a program."""
    text = path.read_bytes().decode()
    marks = list(MARK.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        source = text[mark.end() : following.start() if following else len(text)].removesuffix("\n")
        line = text.count("\n", 0, mark.end()) + 1
        yield Case(f"{path.name}:{line}", source, mark[1].strip())


def record(engine: steel_engine.Engine) -> None:
    """Write the engine's verdicts into the corpus."""
    for path in sorted(HERE.glob("corpus/*.scm")):
        found = list(read(path))
        answers = engine.check_all(case.source for case in found)
        parts = [
            f";;> {verdict(answer)}\n{case.source}\n" for case, answer in zip(found, answers, strict=True)
        ]
        path.write_bytes("".join(parts).encode())


def main() -> int:
    with steel_engine.Engine(steel_engine.build(HERE.parents[1])) as engine:
        record(engine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
