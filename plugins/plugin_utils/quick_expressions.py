# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Expressions of an inventory file, compiled once instead of once for each host.

Ansible compiles an expression whenever it evaluates it: milliseconds for one host, minutes for 100,000. Only
plain expressions are compiled here, those in which Jinja and Ansible cannot differ; all others are Ansible's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

FILTERS = frozenset({"abs", "d", "default", "float", "int", "length", "lower", "string", "trim", "upper"})
TESTS = frozenset(
    {"boolean", "defined", "eq", "false", "ge", "gt", "in", "le", "lt", "mapping", "ne", "none", "number"}
    | {"sequence", "string", "true", "undefined"}
)
Value = Callable[[Mapping[str, Any]], Any]
OPEN = object()
"""Ansible has to say: the value is undefined, or there is an error to be told in its words."""

_PATH = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*", re.ASCII | re.IGNORECASE)
_ENVIRONMENT = SandboxedEnvironment(undefined=StrictUndefined)


def compiled(source: Any, names: Collection[str]) -> Value | None:
    """A function from variables to the expression's value or `OPEN`; None when Ansible has to evaluate it.

    ``names`` are the variables that the function will be given, all that the expression may ask for.
    """
    if not isinstance(source, str) or not _plain(source, names):
        return None
    if _PATH.fullmatch(source) and source.split(".")[0] in names:  # "true" is no name
        return _path(*source.split("."))
    expression = _ENVIRONMENT.compile_expression(source, undefined_to_none=False)

    def value(variables: Mapping[str, Any]) -> Any:
        try:
            found = expression(variables)
        except (TemplateError, TypeError, ValueError, ArithmeticError):
            return OPEN
        return OPEN if isinstance(found, StrictUndefined) else found

    return value


def _path(first: str, *others: str) -> Value:
    """What most expressions are, the value at a path, without Jinja."""

    def value(variables: Mapping[str, Any]) -> Any:
        found = variables[first]
        for name in others:
            if not isinstance(found, dict) or name not in found:
                return OPEN
            found = found[name]
        return found

    return value


def _plain(source: str, names: Collection[str]) -> bool:
    if "{{" in source or "{%" in source or "\\" in source:
        return False
    try:
        tree = _ENVIRONMENT.parse("{{ (" + source + ") }}")
    except TemplateError:
        return False
    return (
        tree.find((nodes.Call, nodes.FilterBlock, nodes.Concat)) is None
        and all(one.name in FILTERS for one in tree.find_all(nodes.Filter))
        and all(one.name in TESTS for one in tree.find_all(nodes.Test))
        # Of a name like "items" Jinja takes the dictionary's method.
        and not any(hasattr(dict, one.attr) for one in tree.find_all(nodes.Getattr))
        and meta.find_undeclared_variables(tree) <= set(names)
    )
