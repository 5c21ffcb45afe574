"""Buckets keep calls at the quota, slow down when refused, and recover."""

from __future__ import annotations

import itertools

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.quotas import Bucket, Quotas


def departures(bucket, count, now=0.0):
    """When ``count`` calls that all arrive at ``now`` may leave."""
    return [now + bucket.reserve(now) for _ in range(count)]


def test_calls_leave_evenly_at_the_quota():
    times = departures(Bucket(10), 101)
    assert times[-1] == pytest.approx(9.9)
    gaps = {round(b - a, 9) for a, b in itertools.pairwise(times[2:])}
    assert gaps == {0.1}


def test_an_idle_bucket_saves_up_no_more_than_a_tenth_of_a_second():
    bucket = Bucket(100)
    departures(bucket, 1)
    assert sum(bucket.reserve(60.0) == 0 for _ in range(100)) == 11


def test_a_refused_call_slows_the_bucket_down():
    bucket = Bucket(10)
    bucket.throttled(0.0)
    assert bucket.rate(0.0) == pytest.approx(7)


def test_refusals_close_together_count_once():
    bucket = Bucket(10)
    bucket.throttled(0.0)
    bucket.throttled(0.5)
    assert bucket.rate(0.5) == pytest.approx(7.25)


def test_the_rate_recovers_to_the_quota_and_no_further():
    bucket = Bucket(10)
    bucket.throttled(0.0)
    assert bucket.rate(2.0) == pytest.approx(8)
    assert bucket.rate(100.0) == 10


def test_the_rate_never_falls_to_nothing():
    bucket = Bucket(10)
    for second in range(100):
        bucket.throttled(float(second * 2))
    assert bucket.rate(198.0) >= 0.5


def test_an_operation_that_the_table_lacks_gets_the_lowest_rate():
    assert Quotas().rate("DescribeSomethingNew") == 10


def test_the_inventory_may_replace_and_scale_rates():
    quotas = Quotas().with_rates({"AttachPolicy": 30.0}, "inventory").scaled(2)
    assert quotas.rate("AttachPolicy") == 60
    assert quotas.rate("CreateThing") == 200
    assert quotas.source == "inventory x 2"


@pytest.mark.parametrize("bad", [0, -1])
def test_a_rate_that_lets_nothing_through_is_refused(bad):
    with pytest.raises(InvalidInputError, match="AttachPolicy is"):
        Quotas().with_rates({"AttachPolicy": bad}, "inventory")
    with pytest.raises(InvalidInputError, match="rate factor is"):
        Quotas().scaled(bad)


def test_an_operation_that_the_table_lacks_is_scaled_too():
    assert Quotas().scaled(100).rate("NobodyKnows") == 1000
