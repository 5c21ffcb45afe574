#!/usr/bin/python
# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: drill_result_info
short_description: Measure a disaster drill and judge it
version_added: 0.1.0
description:
  - Takes times from the journal, how long each board was away and what it found lost from the board's own
    diary, and differences from the files of M(steel.fleet.drill_evidence).
author: steel.fleet maintainers (@steel-fleet)
extends_documentation_fragment:
  - steel.fleet.reads
options:
  scenario:
    description: The scenario.
    type: str
    required: true
  journal:
    description: The journal of drills.
    type: path
    required: true
  evidence:
    description: Directory of the evidence.
    type: path
    required: true
  objectives:
    description: C(rto_minutes) and C(rpo_minutes) by scenario; V(default) for all others.
    type: dict
    default: {}
  interval_days:
    description: How often each scenario is to be drilled.
    type: int
    default: 90
  failure:
    description: What failed in the drill itself.
    type: str
    default: ""
  left_over:
    description: What could not be cleaned up.
    type: list
    elements: str
    default: []
  not_drilled:
    description: What this environment could not drill.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Judge the drill
  steel.fleet.drill_result_info:
    scenario: iot_outage
    journal: .local/fleet/drills/journal.jsonl
    evidence: .local/fleet/drills/evidence
"""

RETURN = r"""
outcome:
  description: V(passed) or V(failed).
  type: str
  returned: success
  sample: passed
checks:
  description: Rows of the report.
  type: list
  elements: dict
  returned: success
  sample: [{name: Every board is connected again, status: passed, detail: 100 of 100}]
sections:
  description: Sections of the report.
  type: list
  elements: dict
  returned: success
  sample: []
rto_seconds:
  description: The measured recovery time; null if it was not recovered.
  type: float
  returned: success
  sample: 41.2
rpo_seconds:
  description: How old the oldest loss was.
  type: float
  returned: success
  sample: 9.7
boards:
  description: How many boards took part, are connected again, and had been cut off.
  type: dict
  returned: success
  sample: {total: 100, back: 100, cut: 100}
next_due:
  description: When this scenario is to be drilled again.
  type: str
  returned: success
  sample: "2027-02-26"
differences:
  description: Fields of the drill's own registry that are not as before.
  type: list
  elements: dict
  returned: success
  sample: []
lost:
  description: Objects that are not there any more.
  type: list
  elements: dict
  returned: success
  sample: []
measured:
  description: Steps and boards, for machines.
  type: dict
  returned: success
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.steel.fleet.plugins.module_utils.fleet_module import Context, run_module
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib import drill_evidence as evidence
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.clock import iso, parse_iso
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.drill import (
    history,
    measure,
    page,
    scenarios,
    verdict,
)
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.drill.scope import differences
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.errors import FleetError
from ansible_collections.steel.fleet.plugins.module_utils.fleetlib.core.journal import read


def work(context: Context) -> dict[str, Any]:
    params, now = context.params, datetime.now(UTC)
    chosen = scenarios.scenario(params["scenario"])
    records = list(read(Path(params["journal"])))
    began = next((one for one in reversed(records) if one["event"] == "started"), None)
    if began is None:
        raise FleetError(f"{params['journal']} tells of no drill.", "dr.yml -e dr_scenario=… holds one.")
    folder = Path(params["evidence"])
    files = {name: evidence.read(folder / name) for name in evidence.NAMES}
    boards = files[evidence.BOARDS][0].get("boards", [])
    timeline = measure.timeline(records)
    measured = measure.Measured(timeline, stories(boards, timeline, files), lost(timeline, files))
    found = seen(params, files, measured)
    checks = verdict.rows(chosen, measured, verdict.objectives(params["objectives"], chosen.name), found)
    outcome = history.PASSED if verdict.has_passed(checks) else history.FAILED
    judged = history.Drilled(now, outcome, measured.rto_seconds, measured.rpo_seconds, len(measured.boards))
    others = history.last_of_each(records)
    due = history.table({**others, chosen.name: judged}, now, params["interval_days"])
    ended = taken_at(files) or now
    return {
        "changed": False,
        "outcome": outcome,
        "checks": [row.as_dict() for row in checks],
        "sections": [
            *page.result_sections(measured, boards, parse_iso(began["at"]), ended),
            page.history_section(due),
        ],
        "rto_seconds": measured.rto_seconds,
        "rpo_seconds": measured.rpo_seconds,
        "boards": {
            "total": len(measured.boards),
            "back": sum(board.back for board in measured.boards),
            "cut": sum(board.away_seconds > 0 for board in measured.boards),
        },
        "next_due": iso(history.next_due(judged, now, params["interval_days"]))[:10],
        "differences": list(found.differences or ()),
        "lost": [asdict(one) for one in measured.lost],
        "measured": {
            "steps": {step.name: step.seconds for step in timeline.steps},
            "boards": [asdict(board) for board in measured.boards],
        },
    }


def taken_at(files: Any) -> datetime | None:
    """When the boards were asked."""
    at = files[evidence.BOARDS][0].get("at")
    return parse_iso(at) if at else None


def stories(
    boards: list[dict[str, Any]], timeline: measure.Timeline, files: Any
) -> tuple[measure.BoardStory, ...]:
    asked_at, failed_at = taken_at(files), timeline.failed_at
    if asked_at is None or failed_at is None:
        return ()
    return tuple(measure.story(one["name"], one["spells"], failed_at, asked_at) for one in boards)


def lost(timeline: measure.Timeline, files: Any) -> tuple[measure.Lost, ...]:
    before, after = files[evidence.OWN_BEFORE][0], files[evidence.OWN_AFTER][0]
    if timeline.failed_at is None or not after:
        return ()
    return tuple(measure.lost_objects(before.get("written", {}), after["written"], timeline.failed_at))


def seen(params: Any, files: Any, measured: measure.Measured) -> verdict.Seen:
    before, after = (files[name][0].get("sections", {}) for name in (evidence.OWN_BEFORE, evidence.OWN_AFTER))
    others_before, others_after = files[evidence.OTHERS_BEFORE], files[evidence.OTHERS_AFTER]
    gone = {one.name for one in measured.lost}
    found = [one for one in differences(before, after) if one["kind"] != "object" or one["name"] not in gone]
    return verdict.Seen(
        found if after else None,
        others_before[1],
        others_after[1],
        bool(others_after[0].get("answered")),
        differences(others_before[0].get("sections", {}), others_after[0].get("sections", {})),
        params["left_over"],
        params["failure"],
        params["not_drilled"],
    )


def main() -> None:
    run_module(
        work,
        argument_spec={
            "scenario": {"type": "str", "required": True},
            "journal": {"type": "path", "required": True},
            "evidence": {"type": "path", "required": True},
            "objectives": {"type": "dict", "default": {}},
            "interval_days": {"type": "int", "default": 90},
            "failure": {"type": "str", "default": ""},
            "left_over": {"type": "list", "elements": "str", "default": []},
            "not_drilled": {"type": "list", "elements": "str", "default": []},
        },
    )


if __name__ == "__main__":
    main()
