"""Write the documents that come from the code: `make docs`. With ``--check`` only say which are out of date.

Sources: the roles' argument specs (docs/configuration.md and the table in each role's README), the catalogue
of the device API (docs/api-reference.md), the rules of the audit (docs/security-audit.md), the validator's
rules with their tested examples (docs/diagnostics.md), the results of the benchmarks
(docs/performance-benchmarks.md) and the description of alarms and dashboard (blocks in docs/monitoring.md and
in the templates).
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
LIMITS = re.compile(r"<!-- limits -->.*?<!-- /limits -->", re.DOTALL)
RULES = re.compile(r"<!-- rules -->.*?<!-- /rules -->", re.DOTALL)
BLOCK = re.compile(r"(<!-- variables -->\n).*?(<!-- /variables -->)", re.DOTALL)


def main() -> int:
    """Write, or with ``--check`` compare; the exit status is 1 when a compared document differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for path, text in documents():
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.relative_to(ROOT))
        if not check:
            path.write_text(text)
    for path in stale:
        sys.stdout.write(f"{'out of date: ' if check else 'written: '}{path}\n")
    return 1 if check and stale else 0


def documents() -> Iterator[tuple[Path, str]]:
    """Every generated document with the text it should have."""
    specs = {path.parts[-3]: load(path) for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml"))}
    yield ROOT / "docs/configuration.md", configuration(specs)
    for role, entry_points in specs.items():
        readme = ROOT / "roles" / role / "README.md"
        yield readme, with_table(readme, variables_table(entry_points["main"]))
    sys.path.insert(0, str(ROOT / "plugins/module_utils"))
    from fleetlib import security_audit
    from fleetlib.core.capacity import limits as quotas
    from fleetlib.core.scheme import catalogue, rules

    yield ROOT / "docs/api-reference.md", catalogue.render_markdown()
    examples = tomllib.loads((ROOT / "tests/unit/scheme/findings.toml").read_text())
    yield ROOT / "docs/diagnostics.md", diagnostics(rules.RULES, examples)
    yield from monitoring()
    ahead = ROOT / "docs/capacity.md"
    yield ahead, LIMITS.sub(lambda _: limits(quotas.LIMITS), ahead.read_text())
    audit = ROOT / "docs/security-audit.md"
    yield audit, RULES.sub(lambda _: audit_rules(security_audit.rules()), audit.read_text())
    yield ROOT / "docs/performance-benchmarks.md", benchmarks(sorted(ROOT.glob("benchmarks/results/*.md")))


def monitoring() -> Iterator[tuple[Path, str]]:
    """Alarms and dashboard: in the templates that make them, and as a table."""
    from fleetlib.core.monitoring import template

    stacks = ROOT / "roles/infrastructure/files/cloudformation"
    parts = {
        stacks / "monitoring.yml": {
            "thresholds": template.parameters(),
            "alarms": template.resources(),
            "dashboard": template.dashboard(),
        },
        stacks / "audit.yml": {"health": template.composites()},
        ROOT / "docs/monitoring.md": {"alarms": template.table()},
    }
    for path, blocks in parts.items():
        text = path.read_text()
        for name, block in blocks.items():
            text = with_block(path, text, name, block)
        yield path, text


def with_block(path: Path, text: str, name: str, block: str) -> str:
    """A text with what stands between its lines “begin <name>” and “end <name>” renewed."""
    between = re.compile(rf"(^.*\bbegin {name}\b.*\n)(?:.*\n)*?(.*\bend {name}\b.*$)", re.MULTILINE)
    renewed, count = between.subn(lambda match: f"{match[1]}{block}{match[2]}", text)
    if count != 1:
        raise SystemExit(f"{path}: expected one block begin {name} … end {name}, found {count}")
    return renewed


def diagnostics(rules: dict[str, Any], examples: dict[str, dict[str, Any]]) -> str:
    """docs/diagnostics.md: every finding of the validator, a program that has it, and one that has not."""
    parts = [
        "# What the validator finds\n",
        "Every finding by its code: a program that has it, and the same put right. An error keeps a program "
        "from devices, a warning does not. Made by `make docs` from the rules and their tests.\n",
    ]
    for code, rule in rules.items():
        steel = f" Steel refuses it as {rule.engine}." if rule.engine else ""
        parts.append(f"## {code}\n\n{rule.severity.capitalize()}. {rule.summary}{steel}\n")
        example = examples.get(code)
        if example:
            parts.append(f"```scheme\n{example['bad']}   ; {example['at']}\n{example['good']}\n```\n")
    return "\n".join(parts)


def limits(table: Iterable[Any]) -> str:
    """The table of docs/capacity.md: every limit, what AWS allows by default, how its use is known."""
    head = ["| `id` | What | AWS allows | How it is known |", "|---|---|---|---|"]
    rows = [
        f"| `{one.id}` | {one.title} | [{one.default:,.0f} {one.unit}]({one.source}) | {_known(one)} |"
        for one in table
    ]
    return "\n".join(["<!-- limits -->", *head, *rows, "<!-- /limits -->"])


def _known(one: Any) -> str:
    return f"`{one.metric.namespace}` {', '.join(one.metric.names)}" if one.metric else "counted"


def audit_rules(rules: list[Any]) -> str:
    """The table of docs/security-audit.md: every rule, the worst first."""
    head = ["| Rule | Severity | Holds when | Of |", "|---|---|---|---|"]
    rows = [
        f"| `{rule.id}` | {rule.severity} | {rule.title} | [{rule.source.name}]({rule.source.url}) |"
        for rule in sorted(rules, key=lambda rule: (rule.severity.rank, rule.id))
    ]
    return "\n".join(["<!-- rules -->", *head, *rows, "<!-- /rules -->"])


def benchmarks(pages: list[Path]) -> str:
    """docs/performance-benchmarks.md: the results of every benchmark, as they were measured last."""
    parts = [
        "# Performance\n",
        "What `make bench` measured last; every part names its command and machine.\n",
    ]
    for page in pages:
        text = re.sub(r"^#", "##", page.read_text(), flags=re.MULTILINE)
        parts.append(re.sub(r"\]\((\w+\.svg)\)", r"](../benchmarks/results/\1)", text))
    return "\n".join(parts)


def load(path: Path) -> dict[str, Any]:
    """The entry points of a role's argument specs."""
    specs: dict[str, Any] = yaml.safe_load(path.read_text())["argument_specs"]
    return specs


def configuration(specs: dict[str, dict[str, Any]]) -> str:
    """docs/configuration.md: every variable of every role."""
    parts = [
        "# Configuration\n",
        "Every variable, by role. Set them in `inventory/<environment>/group_vars/all/`, or for one run with "
        "`-e name=value`. Preflight checks them all before anything is touched. "
        "Made by `make docs` from the roles' argument specs.\n",
    ]
    for role, entry_points in specs.items():
        parts.append(f"## {role}\n\n{entry_points['main']['short_description']}.\n")
        parts.append(variables_table(entry_points["main"]))
    return "\n".join(parts)


def variables_table(entry_point: dict[str, Any]) -> str:
    """The options of an entry point as a Markdown table."""
    lines = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    for name, option in entry_point.get("options", {}).items():
        cells = (f"`{name}`", kind(option), default(option), meaning(option))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def kind(option: dict[str, Any]) -> str:
    """``list of str`` for a list of strings."""
    name = option.get("type", "str")
    return f"list of {option['elements']}" if "elements" in option else name


def default(option: dict[str, Any]) -> str:
    """The default as an operator would write it, or that there is none."""
    if option.get("required"):
        return "required"
    value = option.get("default")
    if value is None:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def meaning(option: dict[str, Any]) -> str:
    """Description and choices in one cell, Ansible's markup turned into Markdown."""
    text = option["description"]
    text = " ".join(text) if isinstance(text, list) else text
    text = re.sub(r"\b[OVCPM]\(([^)]*)\)", r"`\1`", " ".join(text.split()))
    choices = option.get("choices")
    return f"{text} One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else text


def with_table(readme: Path, table: str) -> str:
    """The README with its block of variables renewed."""
    text = readme.read_text()
    renewed, count = BLOCK.subn(lambda match: f"{match[1]}{table}{match[2]}", text)
    if count != 1:
        raise SystemExit(
            f"{readme}: expected one block <!-- variables --> … <!-- /variables -->, found {count}"
        )
    return renewed


if __name__ == "__main__":
    sys.exit(main())
