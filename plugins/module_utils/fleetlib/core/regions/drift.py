"""Where two regions differ, field by field."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..backup import State
from ..backup.restore import comparable
from ..objects import digest
from .mirror import named

KINDS: Final[Mapping[str, str]] = {
    "things": "thing",
    "groups": "thing group",
    "types": "thing type",
    "certificates": "certificate",
    "policies": "policy",
    "rules": "rule",
    "indexing": "fleet indexing",
    "shadows": "shadow",
    "objects": "object",
    "stacks": "stack",
    "functions": "function",
}
"""Section of a state → what one of its entries is called. What is compared, in the order of a report."""

ABSENT: Final = "(not there)"
MOST_CHARACTERS: Final = 160

_KEY = re.compile(r"(:key/)[0-9a-f-]{36}")
_IAM = re.compile(r"^arn:[a-z-]+:iam::")
_ROLE_SUFFIX = re.compile(r'(:iam::\d{12}:role/[^"]*?)-[a-z]{2}(?:-[a-z]+)+-\d(?=")')
_QUEUE_HOST = re.compile(r"https?://[^/\"]+(?=/\d{12}/)")
_OWN_PARAMETERS: Final = {"NameSuffix"}
"""Stack parameters that are another in every region by their purpose."""


@dataclass(frozen=True)
class Difference:
    """One field that is not the same."""

    kind: str
    name: str
    field: str
    """Empty where the whole entry is in one region only."""
    first: str
    second: str

    def row(self) -> list[str]:
        """As a row of a table."""
        return [self.kind, self.name, self.field or "all of it", self.first, self.second]

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def compare(wanted: State, there: State) -> list[Difference]:
    """Every field in which the second region (``there``) differs from what it should hold.

    Sections that one of both lacks were not read, and are not compared.
    """
    return [
        found
        for section, kind in KINDS.items()
        if section in wanted and section in there
        for found in _section(section, kind, wanted[section], there[section])
    ]


def counts(differences: Sequence[Difference]) -> dict[str, int]:
    """How many entries of each kind differ."""
    return dict(Counter(kind for kind, _ in {(one.kind, one.name): None for one in differences}))


def deployed(state: State, region: str) -> dict[str, dict[str, Any]]:
    """Stacks and functions of a region, without what has to be another in every region.

    That is: ids that AWS gives, the region's name, and the suffix of names in IAM, which all regions share.
    """
    stacks = {
        name: {
            **stack,
            "parameters": {
                parameter: value.removesuffix(f"-{region}") if _IAM.match(value) else value
                for parameter, value in stack["parameters"].items()
                if parameter not in _OWN_PARAMETERS
            },
        }
        for name, stack in state["stacks"].items()
    }
    text = _KEY.sub(r"\1*", json.dumps({"stacks": stacks, "functions": state["functions"]}))
    neutral: dict[str, dict[str, Any]] = json.loads(named(region).sub("*", text))
    return neutral


def _section(
    section: str, kind: str, wanted: Mapping[str, Any], there: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in sorted(wanted.keys() | there.keys()):
        if section == "shadows":
            mine, found = (_wished(one.get(name)) for one in (wanted, there))
        elif section == "rules":
            mine, found = (_of_any_region(one.get(name)) for one in (wanted, there))
        else:
            mine, found = comparable(wanted.get(name)), comparable(there.get(name))
        if mine == found:
            continue
        if mine is None or found is None:
            yield Difference(kind, name, "", _presence(mine), _presence(found))
        else:
            for field, first, second in _fields("", mine, found):
                yield Difference(kind, name, field, first, second)


def _of_any_region(rule: Any) -> Any:
    """A rule without what tells regions apart: the suffix of a role's name, and the host of a queue."""
    return json.loads(_QUEUE_HOST.sub("*", _ROLE_SUFFIX.sub(r"\1", json.dumps(comparable(rule)))))


def _wished(shadow: Any) -> Any:
    """What devices report of themselves follows them; only what is wished of them is compared."""
    return {"desired": (shadow or {}).get("desired", {})}


def _presence(value: Any) -> str:
    if value is None:
        return ABSENT
    status = value.get("status") if isinstance(value, Mapping) else None
    return str(status) if status else "there"


def _fields(path: str, first: Any, second: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for name in sorted(first.keys() | second.keys()):
            if first.get(name) != second.get(name):
                below = f"{path}.{name}" if path else str(name)
                yield from _fields(below, first.get(name, ABSENT), second.get(name, ABSENT))
    else:
        yield path, _shown(first), _shown(second)


def _shown(value: Any) -> str:
    """A value for people; of a long one its beginning and its hash, so that two of them look different."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(text) <= MOST_CHARACTERS:
        return text or "(empty)"
    return f"{' '.join(text[: MOST_CHARACTERS - 40].split())}… (SHA-256 {digest(text.encode())[:12]})"
