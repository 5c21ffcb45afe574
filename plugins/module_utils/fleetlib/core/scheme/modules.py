"""``require`` and ``require-builtin``: which modules a program may bring in, and which names come with them.

A device has no files with modules; what can be brought in is built into Steel. Some of that the fleet
forbids.
"""

from __future__ import annotations

from typing import Final

from . import rules
from .datum import Datum, List, String, Symbol
from .diagnostics import Findings
from .formals import RESERVED
from .steel_globals import Global, Module, modules

_USAGE: Final = 'Write (require "steel/option"), or (require (prefix-in name: "steel/option")).'


def require(spec: Datum, findings: Findings) -> dict[str, Global]:
    """The names that one operand of ``require`` brings in; what is wrong is reported."""
    match spec:
        case String(value=path):
            return _module(path, spec, findings, builtin=False)
        case List(items=[Symbol(name="only-in"), inner, *wanted]):
            return _only(require(inner, findings), wanted, findings)
        case List(items=[Symbol(name="prefix-in"), Symbol(name=prefix), inner]) if prefix not in RESERVED:
            return {prefix + name: value for name, value in require(inner, findings).items()}
        case List(items=[Symbol(name="for-syntax"), *_]):
            message = "macros that run code are not allowed"
            findings.add(rules.UNSUPPORTED_FORM, spec.start, spec.end, message)
        case _:
            findings.add(rules.BAD_REQUIRE, spec.start, spec.end, "a module is named by a string", _USAGE)
    return {}


def require_builtin(form: List, findings: Findings) -> dict[str, Global]:
    """The names that ``(require-builtin module as prefix)`` brings in; what is wrong is reported."""
    module, *rest = form.items[1:]
    path = module.name if isinstance(module, Symbol) else module.value if isinstance(module, String) else None
    if not isinstance(path, str):
        findings.add(rules.BAD_REQUIRE, module.start, module.end, "a module is named by a symbol")
        return {}
    names = _module(path, module, findings, builtin=True)
    match rest:
        case []:
            return names
        case [Symbol(name="as"), Symbol(name=prefix)] if prefix not in RESERVED:
            return {prefix + name: value for name, value in names.items()}
    message = "require-builtin takes a module, and as with a prefix"
    findings.add(
        rules.BAD_REQUIRE, rest[0].start, rest[-1].end, message, "(require-builtin steel/random as r/)"
    )
    return {}


def _module(path: str, place: Datum, findings: Findings, builtin: bool) -> dict[str, Global]:
    module = modules().get(path)
    if module is None or builtin is not module.builtin:
        same_kind = (name for name, one in modules().items() if builtin is one.builtin and not one.capability)
        allowed = ", ".join(sorted(same_kind))
        message = f"a device has no module {path} to {'require-builtin' if builtin else 'require'}"
        findings.add(rules.BAD_REQUIRE, place.start, place.end, message, f"There are {allowed}.")
        return {}
    if module.capability:
        _forbid(path, module, place, findings)
    return dict(module.names)


def _forbid(path: str, module: Module, place: Datum, findings: Findings) -> None:
    message = f"the module {path} {module.capability}, which programs must not do"
    findings.add(rules.FORBIDDEN, place.start, place.end, message)


def _only(names: dict[str, Global], wanted: list[Datum], findings: Findings) -> dict[str, Global]:
    """The wanted ones of the names, some under another name."""
    found: dict[str, Global] = {}
    for one in wanted:
        match one:
            case Symbol(name=name) if name not in RESERVED:
                new = name
            case List(items=[Symbol(name=name), Symbol(name=new)]) if not {name, new} & RESERVED:
                pass
            case _:
                message = "only-in takes names, and lists of a name and its new name"
                findings.add(rules.BAD_REQUIRE, one.start, one.end, message, _USAGE)
                continue
        if name in names:
            found[new] = names[name]
        elif names:
            message = f"the module has no {name}"
            findings.add(rules.MISSING_IMPORT, one.start, one.end, message, f"It has {', '.join(names)}.")
    return found
