# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of a run and the index over all runs, from their JSON."""

from __future__ import annotations

import datetime
import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.errors import MissingDependencyError
from ..core.report_sections import STATUSES, histogram_bins, worst_first
from . import plots, style, template, text
from .canvas import Caption, Drawing

MAX_ROWS = 500
"""Rows of one table on a page; report.json has them all."""
MAX_CHANGES = 300
MAX_RUNS = 500
MAX_TREND = 30
MAX_FACTS = 4
"""Of the last run of a playbook, on the index."""
MIN_PLOTTED_SECONDS = 5
"""The duration of a run from which on it is worth the second that importing matplotlib takes."""

STATUS_WORDS = {"passed": "passed", "failed": "failed", "warned": "warning", "not_checked": "not checked"}
_FAILURE_WORDS = {
    "unreachable": "could not be reached",
    "ignored": "ignored by the playbook",
    "rescued": "handled by the playbook",
}


def run_page(record: Mapping[str, Any]) -> str:
    """The HTML page of one run, from its record. A plot that cannot be drawn leaves a notice."""
    sections = [_section(i, section) for i, section in enumerate(record["sections"])]
    changes = [{**change, "lines": _lines(change)} for change in record["changes"][:MAX_CHANGES]]
    place = ", ".join(filter(None, (record["environment"], record["region"])))
    return _render(
        "run",
        run=record,
        verdict=_verdict(record),
        subtitle=[place, f"{text.minute(record['started'])} UTC", text.duration(record["seconds"])],
        home="../" * (record["playbook"].count("/") + 2) + "index.html",
        tiles=_tiles(record),
        sections=sections,
        contents=_contents(record, sections),
        failures=[{**failure, "where": _where(failure)} for failure in record["failures"]],
        change_groups=[
            (name, list(entries))
            for name, entries in itertools.groupby(changes, lambda change: change["role"] or change["play"])
        ],
        changes_left_out=len(record["changes"]) - len(changes),
        only_host=next(iter(record["hosts"])) if len(record["hosts"]) == 1 else None,
        durations=_durations(record["phases"]),
        about=_about(record),
    )


def index_page(runs: Sequence[Mapping[str, Any]]) -> str:
    """The HTML page over all runs: summaries of records, in any order, each with its ``href``."""
    newest_first = sorted(runs, key=lambda run: (run["started"], run["playbook"]), reverse=True)
    by_playbook: dict[str, list[Mapping[str, Any]]] = {}
    for run in newest_first:
        if not run["check_mode"]:
            by_playbook.setdefault(run["playbook"], []).append(run)
    latest = [
        [
            *_run_row(history[0])[:3],
            _facts(history[0]),
            {"trend": [run["seconds"] for run in reversed(history[:MAX_TREND])]},
        ]
        for _, history in sorted(by_playbook.items())
    ]
    shown = newest_first[:MAX_RUNS]
    older = f"; the newest {len(shown)} are listed" if len(shown) < len(runs) else ""
    return _render(
        "index",
        subtitle=f"{text.plural(len(runs), 'run')}{older}.",
        latest=_table(["Playbook", "Result", "When", "In short", "Duration, run by run"], latest, stack=True),
        runs=_table(
            ["Playbook", "Result", "When", "Environment", "Tasks", "Checks", "Duration"],
            [_run_row(run) for run in shown],
            stack=True,
        ),
    )


def _facts(run: Mapping[str, Any]) -> str:
    """The first facts that roles put at the top of a run's page. Runs of before did not keep them."""
    facts = itertools.islice(run.get("summary", {}).items(), MAX_FACTS)
    return ", ".join(f"{name}: {text.scalar(value)}" for name, value in facts)


def _run_row(run: Mapping[str, Any]) -> list[Any]:
    verdict = _verdict(run)
    checks = [f"{found} {STATUS_WORDS[status]}" for status, found in run["checks"].items() if found]
    return [
        {"text": run["playbook"] + (" (check mode)" if run["check_mode"] else ""), "href": run["href"]},
        {"text": verdict["words"], "status": verdict["status"]},
        text.minute(run["started"]),
        run["environment"],
        f"{text.number(run['changed'])} {'would change' if run['check_mode'] else 'changed'}",
        ", ".join(checks),
        text.duration(run["seconds"]),
    ]


def _tiles(record: Mapping[str, Any]) -> dict[str, Any]:
    counts = record["counts"]
    failed = counts["failures"] + counts["unreachable"]
    return {
        "Would change" if record["check_mode"] else "Changed": text.plural(counts["changed"], "task"),
        "Unchanged": text.plural(counts["ok"] - counts["changed"], "task"),
        **({"Failed": text.plural(failed, "task")} if failed else {}),
        **record["summary"],
    }


def _where(failure: Mapping[str, Any]) -> list[str | None]:
    handled = None if failure["kind"] == "failures" else _FAILURE_WORDS[failure["kind"]]
    return [failure["role"], failure["play"], failure["host"], handled]


def _lines(change: Mapping[str, Any]) -> list[str]:
    """What there is to say about a change, line by line."""
    loop = change["loop"]
    if loop is None:
        return list(change["summary"])
    more = ", …" if len(loop["names"]) < loop["changed"] else ""
    names = f": {', '.join(loop['names'])}{more}" if loop["names"] else ""
    return [f"{loop['changed']} of {text.plural(loop['of'], 'item')}{names}", *change["summary"]]


def _verdict(run: Mapping[str, Any]) -> dict[str, str]:
    """How a run ended: a status, one or two words, and a sentence."""
    where = run.get("stopped_in")
    stopped = f" It stopped in “{where['task']}”." if where else ""
    failed = run["checks"]["failed"]
    if run["result"] == "failed":
        return _words("failed", "failed", _failed_in(run))
    if run["result"] == "unfinished":
        return _words("failed", "not finished", f"The run did not reach its end.{stopped}")
    if failed:
        return _words("failed", text.plural(failed, "check") + " failed", "The run ended, and checks failed.")
    if run["check_mode"]:
        return _words("passed", "passed", "A check mode run: it changed nothing and shows what would change.")
    if run["checks"]["warned"]:
        return _words("warned", "warnings", "The run ended well; some checks warn.")
    return _words("passed", "passed", "The run ended well.")


def _failed_in(run: Mapping[str, Any]) -> str:
    tasks = [
        entry["task"] for entry in run.get("failures", ()) if entry["kind"] in ("failures", "unreachable")
    ]
    return f"The run failed in “{tasks[0]}”." if tasks else "The run failed."


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


def _about(record: Mapping[str, Any]) -> dict[str, str]:
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
    return {name: value for name, value in facts.items() if value}


def _section(i: int, section: Mapping[str, Any]) -> dict[str, Any]:
    return {**section, "id": f"section-{i + 1}", **_PREPARE[section["kind"]](section, f"plot-{i + 1}")}


def _checks(section: Mapping[str, Any], _: str) -> dict[str, Any]:
    rows = [_rated_row(check) for check in worst_first(section["checks"])]
    return {
        "tally": _tally(section["checks"]),
        "table": _table(["Check", "Status", "Detail"], rows, stack=True),
    }


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
        "table": _table(["Name", unit or "Value"], rows),
    }


def _series(section: Mapping[str, Any], identity: str) -> dict[str, Any]:
    unit, bands = section.get("unit", ""), section.get("bands", ())
    caption, limits = Caption(identity, section["title"]), section.get("limits", ())
    lines = [*section["series"], *bands]
    by_x: dict[Any, list[Any]] = {}
    for i, line in enumerate(lines):
        for x, *values in plots.in_order(line["points"]):
            shown = values[0] if len(values) == 1 else " – ".join(map(text.scalar, values))
            by_x.setdefault(x, [None] * len(lines))[i] = shown
    timed = any(isinstance(x, datetime.datetime) for x in by_x)
    rows = [[f"{x:%Y-%m-%d %H:%M:%S}" if timed else x, *values] for x, values in sorted(by_x.items())]
    return {
        "drawn": _draw(lambda: plots.series(section["series"], caption, unit, bands, limits)),
        "table": _table(["Time (UTC)" if timed else "x", *(line["name"] for line in lines)], rows),
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
        "table": _table(["Name", "Status", "Detail"], rows, stack=True),
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
    """Bars and table of the phases. A run as short as drawing takes is not made longer for a plot."""
    items = [{"name": phase["name"], "value": phase["seconds"]} for phase in phases]
    caption = Caption("durations", "Duration of each phase")
    worth_it = len(phases) > 1 and sum(phase["seconds"] for phase in phases) >= MIN_PLOTTED_SECONDS
    rows = [
        [phase["name"], text.duration(phase["seconds"]), phase["tasks"], phase["changed"], phase["failed"]]
        for phase in phases
    ]
    return {
        "drawn": _draw(lambda: plots.bars(items, caption, "s")) if worth_it else {},
        "table": _table(["Phase", "Duration", "Tasks", "Changed", "Failed"], rows),
    }


def _draw(draw: Callable[[], Drawing | None]) -> dict[str, Any]:
    """The drawing, or a notice: the page without its plot still has every figure."""
    try:
        return {"drawing": draw()}
    except MissingDependencyError as error:
        return {"notice": f"Without a plot: {error}"}
    except Exception as error:  # whatever goes wrong in a plot, the page must come
        return {"notice": f"The plot could not be drawn ({type(error).__name__}: {error})."}


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], stack: bool = False) -> dict[str, Any]:
    """A table for the template. With ``stack`` its rows become paragraphs on a narrow screen."""
    shown = rows[:MAX_ROWS]
    numeric = [bool(shown) and all(_is_number(row[i]) for row in shown) for i in range(len(columns))]
    return {
        "columns": columns,
        "rows": shown,
        "numeric": numeric,
        "left_out": len(rows) - len(shown),
        "stack": stack,
    }


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
        raise MissingDependencyError(
            "Jinja2",
            "the pages of reports",
            "Install requirements.txt in the environment of ansible-playbook.",
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(template.TEMPLATES), autoescape=True, trim_blocks=True
    )
    filters: dict[str, Callable[..., Any]] = {
        "scalar": text.scalar,
        "minute": text.minute,
        "safe_href": lambda href: text.safe_href(href) if isinstance(href, str) else None,
        "sparkline": lambda values: Markup(plots.sparkline(values)),  # noqa: S704  # escapes its own label
    }
    environment.filters |= filters
    environment.globals |= {
        "style": Markup(style.STYLE),  # noqa: S704  # a constant
        "number": Markup(' class="number"'),
        "status_words": STATUS_WORDS,
    }
    return environment.get_template(name).render(values)
