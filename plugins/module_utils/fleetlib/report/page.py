# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of a run and the index over all runs, from their JSON."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.errors import MissingDependency
from ..core.report_sections import STATUSES, histogram_bins, worst_first
from . import plots, template, text
from .canvas import Caption, Drawing

MAX_ROWS = 500
"""Rows of one table on a page; report.json has them all."""
MAX_CHANGES = 300
MAX_RUNS = 500

STATUS_WORDS = {"passed": "passed", "failed": "failed", "warned": "warning", "not_checked": "not checked"}
_FAILURE_WORDS = {
    "failures": "failed",
    "unreachable": "could not be reached",
    "ignored": "ignored by the playbook",
    "rescued": "handled by the playbook",
}


def run_page(record: Mapping[str, Any]) -> str:
    """The HTML page of one run (a record of `fleetlib.core.run_record`). A plot that fails leaves a notice."""
    sections = [_section(i, section) for i, section in enumerate(record["sections"])]
    changes = record["changes"][:MAX_CHANGES]
    return _render(
        "run",
        run=record,
        verdict=_verdict(record),
        home="../" * (record["playbook"].count("/") + 2) + "index.html",
        sections=sections,
        contents=_contents(record, sections),
        change_groups=[
            (name, list(entries))
            for name, entries in itertools.groupby(changes, lambda change: change["role"] or change["play"])
        ],
        changes_left_out=len(record["changes"]) - len(changes),
        only_host=next(iter(record["hosts"]), None) if len(record["hosts"]) == 1 else None,
        durations=_durations(record["phases"]),
        about=_about(record),
        failure_words=_FAILURE_WORDS,
    )


def index_page(runs: Sequence[Mapping[str, Any]]) -> str:
    """The HTML page over all runs: summaries of records, in any order, each with its ``href``."""
    listed = [
        {**run, "status": verdict["status"], "words": verdict["words"]}
        for run in sorted(runs, key=lambda run: (run["started"], run["playbook"]), reverse=True)
        for verdict in [_verdict(run)]
    ]
    by_playbook: dict[str, list[dict[str, Any]]] = {}
    for run in listed:
        if not run["check_mode"]:
            by_playbook.setdefault(run["playbook"], []).append(run)
    latest = [
        {"run": history[0], "trend": [run["seconds"] for run in reversed(history[:30])]}
        for _, history in sorted(by_playbook.items())
    ]
    return _render("index", runs=listed, shown=listed[:MAX_RUNS], latest=latest)


def _verdict(run: Mapping[str, Any]) -> dict[str, str]:
    """How a run ended: a status, one or two words, and a sentence."""
    where = run.get("stopped_in")
    stopped = f" It stopped in “{where['task']}”." if where else ""
    failed = run["checks"]["failed"]
    if run["result"] == "failed":
        return _words("failed", "failed", "The run failed; what failed is below.")
    if run["result"] == "unfinished":
        return _words("failed", "not finished", f"The run was interrupted before its end.{stopped}")
    if failed:
        return _words("failed", text.plural(failed, "check") + " failed", "The run ended, and checks failed.")
    if run["check_mode"]:
        return _words("passed", "passed", "A check mode run: it changed nothing and shows what would change.")
    if run["checks"]["warned"]:
        return _words("warned", "passed, with warnings", "The run ended well; some checks warn.")
    return _words("passed", "passed", "The run ended well.")


def _words(status: str, words: str, sentence: str) -> dict[str, str]:
    return {"status": status, "words": words, "sentence": sentence}


def _contents(record: Mapping[str, Any], sections: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """``(anchor, title)`` of what is on the page, in its order."""
    changes = [("changes", "What would change" if record["check_mode"] else "What changed")]
    return [
        *([("failures", "Failures")] if record["failures"] else []),
        *(changes if record["check_mode"] else []),
        *((section["id"], section["title"]) for section in sections),
        *([] if record["check_mode"] else changes),
        *([("durations", "Where the time went")] if record["phases"] else []),
        ("about", "About this run"),
    ]


def _about(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    by = record["started_by"]
    facts = {
        "Command": by.get("command"),
        "Started by": by.get("user"),
        "Control host": by.get("host"),
        "Ansible": by.get("ansible"),
        "Python": by.get("python"),
        "Revision": by.get("revision"),
        "Started": text.moment(record["started"]),
        "Ended": text.moment(record["ended"]),
    }
    return [(name, value) for name, value in facts.items() if value]


def _section(i: int, section: Mapping[str, Any]) -> dict[str, Any]:
    return {**section, "id": f"section-{i + 1}", **_PREPARE[section["kind"]](section, f"plot-{i + 1}")}


def _checks(section: Mapping[str, Any], _: str) -> dict[str, Any]:
    rows = [_rated_row(check) for check in worst_first(section["checks"])]
    return {"tally": _tally(section["checks"]), "table": _table(["Check", "Status", "Detail"], rows)}


def _text(section: Mapping[str, Any], _: str) -> dict[str, Any]:
    return {"paragraphs": re.split(r"\n\s*\n", section["text"].strip())}


def _nothing(section: Mapping[str, Any], _: str) -> dict[str, Any]:
    return {}


def _rows(section: Mapping[str, Any], _: str) -> dict[str, Any]:
    return {"table": _table(section["columns"], section["rows"])}


def _bars(section: Mapping[str, Any], identity: str) -> dict[str, Any]:
    unit = section.get("unit", "")
    rows = [[bar["name"], bar["value"]] for bar in section["bars"]]
    caption, limits = Caption(identity, section["title"]), section.get("limits", ())
    return {
        "drawn": _draw(lambda: plots.bars(section["bars"], caption, unit, limits)),
        "table": _table(["", unit or "Value"], rows),
    }


def _series(section: Mapping[str, Any], identity: str) -> dict[str, Any]:
    unit, bands = section.get("unit", ""), section.get("bands", ())
    caption, limits = Caption(identity, section["title"]), section.get("limits", ())
    columns = [line["name"] for line in (*section["series"], *bands)]
    by_x: dict[Any, list[Any]] = {}
    for i, line in enumerate((*section["series"], *bands)):
        for x, *values in line["points"]:
            shown = values[0] if len(values) == 1 else " – ".join(map(text.scalar, values))
            by_x.setdefault(x, [None] * len(columns))[i] = shown
    return {
        "drawn": _draw(lambda: plots.series(section["series"], caption, unit, bands, limits)),
        "table": _table(["", *columns], [[x, *values] for x, values in sorted(by_x.items())]),
    }


def _histogram(section: Mapping[str, Any], identity: str) -> dict[str, Any]:
    unit = section.get("unit", "")
    bins = histogram_bins(section["values"], section.get("bins"))
    caption, limits = Caption(identity, section["title"]), section.get("limits", ())
    rows = [
        [f"{text.quantity(low, unit)} to {text.quantity(high, unit)}", found] for low, high, found in bins
    ]
    return {
        "drawn": _draw(lambda: plots.histogram(bins, caption, unit, limits)),
        "table": _table(["From, to below", "How many"], rows),
    }


def _map(section: Mapping[str, Any], _: str) -> dict[str, Any]:
    words = STATUS_WORDS | section.get("legend", {})
    rows = [_rated_row(cell, words) for cell in worst_first(section["cells"])]
    return {
        "words": words,
        "tally": _tally(section["cells"]),
        "table": _table(["Name", "Status", "Detail"], rows),
    }


_PREPARE: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "checks": _checks,
    "facts": _nothing,
    "table": _rows,
    "text": _text,
    "links": _nothing,
    "bars": _bars,
    "series": _series,
    "histogram": _histogram,
    "map": _map,
}
"""What the template needs for a section of each kind, besides the section."""


def _durations(phases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Bars and table of the phases. A single phase needs no plot, nor a second for matplotlib."""
    items = [{"name": phase["name"], "value": phase["seconds"]} for phase in phases]
    caption = Caption("durations", "Duration of each phase")
    rows = [
        [phase["name"], text.duration(phase["seconds"]), phase["tasks"], phase["changed"], phase["failed"]]
        for phase in phases
    ]
    return {
        "drawn": _draw(lambda: plots.bars(items, caption, "s")) if len(phases) > 1 else {},
        "table": _table(["Phase", "Duration", "Tasks", "Changed", "Failed"], rows),
    }


def _draw(draw: Callable[[], Drawing | None]) -> dict[str, Any]:
    """The drawing, or a notice: the page without its plot still has every figure."""
    try:
        return {"drawing": draw()}
    except MissingDependency as error:
        return {"notice": f"Without a plot: {error}"}
    except Exception as error:  # noqa: BLE001  # whatever goes wrong in a plot, the page must come
        return {"notice": f"The plot could not be drawn ({type(error).__name__}: {error})."}


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    shown = rows[:MAX_ROWS]
    numeric = [bool(shown) and all(_is_number(row[i]) for row in shown) for i in range(len(columns))]
    return {"columns": columns, "rows": shown, "numeric": numeric, "left_out": len(rows) - len(shown)}


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _rated_row(entry: Mapping[str, Any], words: Mapping[str, str] = STATUS_WORDS) -> list[Any]:
    status = entry["status"]
    return [entry["name"], {"status": status, "text": words[status]}, entry.get("detail", "")]


def _tally(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = Counter(entry["status"] for entry in entries)
    return {status: found[status] for status in STATUSES}


def _render(name: str, **values: Any) -> str:
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        raise MissingDependency(
            "Jinja2",
            "the pages of reports",
            "Install requirements.txt in the environment of ansible-playbook.",
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(template.TEMPLATES), autoescape=True, trim_blocks=True
    )
    environment.filters |= {
        "scalar": text.scalar,
        "moment": text.moment,
        "duration": text.duration,
        "plural": text.plural,
        "safe_href": lambda href: text.safe_href(href) if isinstance(href, str) else None,
        "sparkline": lambda values: Markup(plots.sparkline(values)),  # noqa: S704  # holds numbers only
    }
    environment.globals |= {"style": Markup(template.STYLE), "status_words": STATUS_WORDS}
    return environment.get_template(name).render(values)
