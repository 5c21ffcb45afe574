"""Snapshots of a fleet: how they are cut up, described, compared, kept, and put back. All of it pure.

A *state* is section → key → JSON value, such as ``state["things"]["fleet-device-001"]``. Everything here
treats sections alike; what is in them is decided by `aws.snapshot`, and how they are put back by `restore`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

State = Mapping[str, Mapping[str, Any]]
"""Section → key → value."""
