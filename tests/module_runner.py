"""Run a module of the collection in this process, as Ansible would, and read its answer."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args


def run_module(name: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """The JSON that module ``name`` prints; ``failed`` is true in it when it failed."""
    module = importlib.import_module(f"ansible_collections.steel.fleet.plugins.modules.{name}")
    arguments = {**options, "_ansible_check_mode": check_mode, "_ansible_diff": True}
    output = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(output), pytest.raises(SystemExit):
        module.main()
    return {"failed": False, **json.loads(output.getvalue())}
