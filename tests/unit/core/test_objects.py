"""What is uploaded, what is left alone, and what is refused."""

from __future__ import annotations

import pytest
from fleetlib.core import objects
from fleetlib.core.errors import FleetError, InvalidInputError
from fleetlib.core.objects import Action, Desired, Stored

NEW = Desired("a.json", "11" * 32, 3, "application/json", {"Profile": "linux"}, {"kind": "example"})
AS_STORED = Stored(
    "a.json",
    "11" * 32,
    3,
    '"etag"',
    "application/json",
    {"profile": "linux", "sha256": "11" * 32},
    {"kind": "example", "owner": "somebody"},
)


def stored(**changes):
    return {"a.json": AS_STORED.__class__(**{**vars(AS_STORED), **changes})}


def action(found, **options):
    (step,) = objects.plan([NEW], found, **options).steps
    return step.action


def test_an_object_that_does_not_exist_is_created():
    plan = objects.plan([NEW], {})
    assert plan.changed
    assert plan.before == {"a.json": None}
    assert plan.after["a.json"]["sha256"] == NEW.sha256


def test_an_object_that_is_as_it_should_be_is_left_alone():
    plan = objects.plan([NEW], stored())
    assert not plan.changed
    assert (plan.before, plan.after) == ({}, {})


@pytest.mark.parametrize(
    "difference",
    [
        {"sha256": "22" * 32},
        {"content_type": "text/plain"},
        {"metadata": {"profile": "esp32-c3", "sha256": "11" * 32}},
        {"metadata": {"profile": "linux"}},
    ],
)
def test_other_bytes_type_or_metadata_replace_the_object(difference):
    assert action(stored(**difference)) is Action.REPLACE


def test_a_missing_tag_is_added_beside_those_of_others():
    plan = objects.plan([NEW], stored(tags={"owner": "somebody"}))
    assert plan.steps[0].action is Action.TAG
    assert plan.after["a.json"]["tags"] == {"kind": "example", "owner": "somebody"}


def test_a_replaced_object_loses_the_tags_of_others():
    (step,) = objects.plan([NEW], stored(sha256="22" * 32)).steps
    assert step.tags == {"kind": "example"}


def test_an_immutable_object_with_other_bytes_is_refused_with_every_key_named():
    others = {key: Stored(key, "22" * 32, 3, '"etag"') for key in ("a.json", "b.json")}
    both = [NEW, Desired("b.json", "33" * 32, 3)]
    with pytest.raises(FleetError, match=r"a\.json exists with other content .* b\.json exists") as caught:
        objects.plan(both, others, immutable=True)
    assert caught.value.details == {"immutable_keys": ["a.json", "b.json"]}
    assert "new key" in caught.value.hint


def test_an_immutable_object_with_the_same_bytes_keeps_its_metadata():
    assert action(stored(metadata={}), immutable=True) is Action.NONE


@pytest.mark.parametrize("tags", [{}, {"validation": "failed"}])
def test_an_object_nobody_passed_is_uploaded_again(tags):
    found = stored(tags={"kind": "example"} | tags)
    assert action(found, awaited=("validation", "passed")) is Action.REPEAT


def test_an_object_that_passed_is_left_alone():
    found = stored(tags={"kind": "example", "validation": "passed"})
    assert action(found, awaited=("validation", "passed")) is Action.NONE


@pytest.mark.parametrize("key", ["", "/a", "ä" * 513])
def test_a_key_s3_would_refuse_is_named(key):
    with pytest.raises(InvalidInputError, match="is not a usable object key"):
        objects.check([Desired(key, "11" * 32, 3)])


def test_a_key_given_twice_is_refused():
    with pytest.raises(InvalidInputError, match=r"a\.json is given twice"):
        objects.check([NEW, NEW])


def test_metadata_must_not_set_the_hash():
    with pytest.raises(InvalidInputError, match="which the module sets itself"):
        objects.check([Desired("a", "11" * 32, 3, metadata={"SHA256": "x"})])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("x/a.SCM", "text/x-scheme; charset=utf-8"),
        ("a.zip", "application/zip"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_content_type_follows_the_extension(key, expected):
    assert objects.content_type(key) == expected
