"""What `ansible-doc` says of a module's options is what the module takes."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring

MODULES = Path(__file__).resolve().parents[3] / "plugins/modules"
USUAL = {"type": "str", "required": False, "default": None, "choices": None, "elements": None}
AMAZON_AWS = ("common", "region")
"""Fragments of options that AnsibleAWSModule adds by itself."""


def documented(name):
    """The options, fragments included, without those of amazon.aws."""
    path = str(MODULES / f"{name}.py")
    found = get_docstring(path, fragment_loader, collection_name="steel.fleet", plugin_type="module")[0]
    options = found.get("options", {})
    if "access_key" not in options:
        return options
    for fragment in AMAZON_AWS:
        module = importlib.import_module(f"ansible_collections.amazon.aws.plugins.doc_fragments.{fragment}")
        theirs = yaml.safe_load(module.ModuleDocFragment.MODULES)["options"]
        options = {option: told for option, told in options.items() if option not in theirs}
    return options


def taken(name, monkeypatch):
    """The options that the module hands to Ansible."""
    module = importlib.import_module(f"ansible_collections.steel.fleet.plugins.modules.{name}")
    found = {}

    def keep(_work, argument_spec, **_others):
        found.update(argument_spec)

    for runner in ("run_module", "run_aws_module"):
        monkeypatch.setattr(module, runner, keep, raising=False)
    module.main()
    return found


def plain(options, inner):
    """Only what both sides have to agree on."""
    return {
        name: {
            **{word: option.get(word, usual) for word, usual in USUAL.items()},
            "options": plain(option.get(inner) or {}, inner),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in MODULES.glob("[a-z]*.py")))
def test_a_module_takes_the_options_that_its_documentation_tells(name, monkeypatch):
    assert plain(taken(name, monkeypatch), "options") == plain(documented(name), "suboptions")
