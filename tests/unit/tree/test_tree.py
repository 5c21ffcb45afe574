"""Rules of the house that no linter knows: lists match the tree, specs match defaults, rooms keep apart."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "plugins/module_utils/fleetlib"
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").rglob("*.yml"))
EDGES = {
    path.name for path in LIBRARY.iterdir() if path.is_dir() and path.name not in {"core", "__pycache__"}
}
# The one exception of the core (docs/architecture.md): recurrence rules of the calendar.
CORE_MAY_IMPORT = {("calendar", "dateutil")}


def load(path):
    return yaml.safe_load(path.read_text())


def imported_roots(path):
    """Absolute imports by their first name, and relative ones by the room they name, as `..room`."""
    package = path.relative_to(LIBRARY).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            target = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            yield f"..{target[0] or node.names[0].name}"


@pytest.mark.parametrize(
    "path", sorted((LIBRARY / "core").rglob("*.py")), ids=lambda p: str(p.relative_to(LIBRARY))
)
def test_the_core_imports_the_standard_library_only(path):
    foreign = {
        root
        for root in imported_roots(path)
        if root not in sys.stdlib_module_names and not root.startswith("..")
        if not any(room in path.parts and root == name for room, name in CORE_MAY_IMPORT)
    }
    assert foreign == set()
    assert {root for root in imported_roots(path) if root.startswith("..")} <= {"..core"}


@pytest.mark.parametrize("edge", sorted(EDGES))
def test_no_edge_imports_another_edge(edge):
    others = {f"..{name}" for name in EDGES - {edge}}
    found = {root for path in (LIBRARY / edge).rglob("*.py") for root in imported_roots(path)}
    assert found & others == set()


def test_nothing_in_the_library_imports_ansible():
    for path in LIBRARY.rglob("*.py"):
        assert {"ansible", "ansible_collections"} & set(imported_roots(path)) == set(), path


def test_the_action_group_names_exactly_the_modules_that_call_aws():
    group = load(ROOT / "meta/runtime.yml")["action_groups"]["fleet"]
    with_aws = [
        path.stem for path in (ROOT / "plugins/modules").glob("*.py") if "run_aws_module" in path.read_text()
    ]
    assert sorted(group) == sorted(with_aws)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_documents_every_default_with_the_same_value(role):
    options = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"].get(
        "options", {}
    )
    file = ROOT / "roles" / role / "defaults/main.yml"
    defaults = (load(file) if file.exists() else None) or {}
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    assert documented == defaults


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_play_names_its_hosts_and_gathers_no_facts_of_boards(playbook):
    for play in load(playbook):
        if "hosts" in play:
            known = {"control", "local_cloud", "flash_stations", "second_region"}
            assert play["hosts"] in {*known, "{{ teardown_hosts | default('control') }}"}
            assert play["gather_facts"] is False
            # One station must not end the others, whose boards are to be recorded.
            assert play["any_errors_fatal"] is (play["hosts"] != "flash_stations")


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_playbook_that_reaches_aws_begins_with_preflight(playbook):
    for play in load(playbook):
        if "module_defaults" not in play:
            continue
        first = [*play.get("roles", []), *play.get("tasks", [])][0]
        name = first.get("role") or first["ansible.builtin.import_role"]["name"]
        assert name == "steel.fleet.preflight"
        assert "always" in first["tags"]


def test_the_generated_documents_are_up_to_date():
    run = subprocess.run(
        [sys.executable, ROOT / "docs/generate.py", "--check"], capture_output=True, text=True
    )
    assert run.returncode == 0, f"{run.stdout}{run.stderr}\nRun: make docs"


def stacks_of(playbook):
    """The stacks that a playbook deploys in the region where the fleet is, or shall be."""
    tasks = (task for play in load(ROOT / "playbooks" / playbook) for task in play.get("tasks", []))
    lists = (task.get("vars", {}).get("infrastructure_stacks", []) for task in tasks)
    return [stack for one in lists for stack in one if stack != "replication"]


def test_a_second_region_gets_the_stacks_of_the_first():
    assert stacks_of("multi_region.yml") == stacks_of("deploy.yml")
    assert "telemetry" in stacks_of("deploy.yml")


RUNBOOKS = sorted(path.stem for path in (ROOT / "playbooks/runbooks").glob("*.yml"))
PAGES = sorted(path.stem for path in (ROOT / "docs/runbooks").glob("*.md"))
HEADINGS = ["When", "Check first", "Do", "Verify", "Undo", "If it fails", "Owner and last drill"]


def test_every_runbook_has_its_page_and_every_page_its_runbook():
    assert PAGES == RUNBOOKS


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_tells_to_type_can_be_typed(name):
    """Whoever copies it at three in the morning must not act on the local fleet, or on none."""
    page = (ROOT / f"docs/runbooks/{name}.md").read_text()
    spans = re.findall(r"`([^`\n]*\.yml -e[^`\n]*)`", page)
    lines = [line for block in re.findall(r"```\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    for command in (*spans, *(line for line in lines if ".yml" in line)):
        assert command.startswith("ansible-playbook playbooks/"), command
        assert " -i inventory/" in command or "playbooks/drills/" in command, command
        assert ROOT.joinpath(command.split()[1]).is_file(), command
        if "escalate.yml" in command:
            assert "incident_id=" in command, command


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_page_has_the_same_headings_as_all_and_says_how_to_run_its_playbook(name):
    text = (ROOT / "docs/runbooks" / f"{name}.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert parts[1::2] == HEADINGS
    said = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert all(body.strip() for body in said.values())
    assert f"playbooks/runbooks/{name}.yml" in said["Do"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_only_what_there_is(name):
    text = (ROOT / "docs/runbooks" / f"{name}.md").read_text()
    linked = re.findall(r"\]\(([^)#]+)\)", text)
    missing = [one for one in linked if "://" not in one and not (ROOT / "docs/runbooks" / one).exists()]
    assert missing == []
    playbooks = {path.name for path in PLAYBOOKS}
    named = {Path(one).name for one in re.findall(r"[\w/]+\.yml", text)}
    assert named <= playbooks
    variables = set(re.findall(r"-e '?([a-z_]+)=", text))
    used = "".join(path.read_text() for path in [*PLAYBOOKS, *(ROOT / "roles").rglob("*.yml")])
    assert {one for one in variables if not re.search(rf"\b{one}\b", used)} == set()


def test_every_alarm_that_names_a_runbook_names_one_that_there_is():
    templates = (ROOT / "roles/infrastructure/files/cloudformation").glob("*.yml")
    named = {one for path in templates for one in re.findall(r"docs/runbooks/(\w+)\.md", path.read_text())}
    assert named
    assert named <= set(PAGES)
