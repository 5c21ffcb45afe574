"""Through a proxy that throttles, fails, resets and truncates, every device ends complete and none twice."""

from __future__ import annotations

import pytest

from benchmarks.provisioning import Bench, measure_faults

pytestmark = pytest.mark.cloud


def test_broken_calls_leave_a_complete_fleet(cloud, tmp_path):
    finding = measure_faults(Bench(cloud, tmp_path), count=30)
    assert finding.passed, finding.figures["wrong"]
