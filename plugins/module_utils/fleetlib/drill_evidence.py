"""The files by which a drill is judged, in a private directory of the control host."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .core.objects import digest

OWN_BEFORE, OWN_AFTER, BOARDS = "own-before.json", "own-after.json", "boards.json"
OTHERS_BEFORE, OTHERS_AFTER = "others-before.json", "others-after.json"
NAMES = (OWN_BEFORE, OWN_AFTER, BOARDS, OTHERS_BEFORE, OTHERS_AFTER)


def write(path: Path, content: Any) -> str:
    """Write canonical JSON, mode 0600, whole or not at all; its SHA-256."""
    data = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    draft.replace(path)
    return digest(data)


def read(path: Path) -> tuple[Mapping[str, Any], str]:
    """What a file says and its SHA-256; nothing where a drill did not come so far."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}, ""
    found: Mapping[str, Any] = json.loads(data)
    return found, digest(data)
