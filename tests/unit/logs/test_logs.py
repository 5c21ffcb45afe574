"""Messages grouped by shape, counted over time, in bounded memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.logs import MOST_SHAPES, Choice, Collector, parse, shape
from fleetlib.core.report_sections import parse_contribution

START = datetime(2026, 3, 1, 11, tzinfo=UTC)
END = START + timedelta(hours=1)


def event(message="no sensor", level="error", thing="p-local-device-001", minute=5, **more):
    said = {"level": level, "thing": thing, "message": message, **more}
    return {
        "timestamp": int((START + timedelta(minutes=minute)).timestamp() * 1000),
        "message": json.dumps(said),
    }


def plain(text):
    return {"timestamp": 0, "message": text, "logStreamName": "stream"}


def collect(*events, **options):
    collector = Collector(START, END, Choice(**options.pop("choice", {})), **options)
    collector.take_all(events)
    return collector


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("read 23.5 at pin 4", "read <n> at pin <n>"),
        ("job 123e4567-e89b-12d3-a456-426614174000 ended", "job <uuid> ended"),
        ("until 2026-03-01T09:30:00.123Z", "until <time>"),
        ("at 0x3fc9a1b0", "at <hex>"),
        ("sha deadbeef12345678", "sha <hex>"),
        ("from 10.0.0.7 port 8883", "from <address> port <n>"),
        ('file "a b.scm" missing', 'file "…" missing'),
        ("p-local-device-001 is away", "<device> is away"),
        ("decade of facades", "decade of facades"),
        ("two\n  lines", "two lines"),
    ],
)
def test_what_differs_from_message_to_message_is_no_part_of_the_shape(message, expected):
    assert shape(parse(event(message))) == expected


def test_a_name_that_is_also_a_part_of_a_word_leaves_the_word_alone():
    assert shape(parse(event("s: no sensor", thing="s"))) == "<device>: no sensor"


def test_messages_of_one_shape_and_level_are_one_group():
    found = collect(
        event("no sensor 1", minute=9, program_id="a"),
        event("no sensor 2", thing="p-local-device-002", minute=3),
        event("no sensor 3", level="warn"),
    )
    first, second = found.ordered()
    assert (first.level, first.shape, first.count, len(first.things)) == ("error", "no sensor <n>", 2, 2)
    assert (first.first.minute, first.last.minute, first.programs) == (3, 9, {"a"})
    assert (second.level, second.count) == ("warn", 1)


@pytest.mark.parametrize(
    ("text", "level", "message"),
    [
        ("[ERROR] it broke", "error", "[ERROR] it broke"),
        ("START RequestId", "other", "START RequestId"),
        ("[1, 2]", "other", "[1, 2]"),
        ('{"level": "fatal", "message": 7}', "other", "7"),
        ('{"level": null}', "other", '{"level": null}'),
        ("", "other", ""),
    ],
)
def test_messages_that_are_no_boards_json_count_as_well(text, level, message):
    found = parse(plain(text))
    assert (found.level, found.message, found.thing) == (level, message, "stream")


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ({}, 4),
        ({"levels": ("error",)}, 3),
        ({"programs": ("blink",)}, 1),
        ({"devices": ("device-001",)}, 3),
        ({"devices": ("p-local-device-002",)}, 1),
        ({"devices": ("001",)}, 3),
        ({"devices": ("01",)}, 0),
    ],
)
def test_only_what_was_chosen_counts(choice, count):
    events = [
        event(),
        event(level="info"),
        event(program_id="blink"),
        event(thing="p-local-device-002"),
    ]
    assert collect(*events, choice=choice).count == count


def test_the_curve_counts_every_message_once_also_those_at_the_edges():
    found = collect(*(event(minute=minute) for minute in (0, 0.5, 30, 59.9, 60)))
    curve = next(one for one in found.sections() if one["kind"] == "series")["series"][0]
    counts = [count for _, count in curve["points"]]
    assert (sum(counts), counts[0], counts[24], counts[-1]) == (5, 2, 1, 2)


def test_every_figure_agrees_with_the_messages():
    events = [event(f"m {n % 7}", level=("error", "info")[n % 2], thing=f"d-{n % 5}") for n in range(100)]
    found = collect(*events)
    assert found.count == sum(found.by_thing.values()) == sum(found.over_time.values()) == 100
    assert found.levels() == {"error": 50, "info": 50}
    assert sum(row[1] for one in found.sections() if one["kind"] == "table" for row in one["rows"]) == 100


def test_too_many_messages_are_cut_and_it_is_said():
    found = collect(*(event() for _ in range(10)), most=4)
    assert (found.count, found.full) == (4, True)
    assert "Only the first 4 were looked at" in found.verdict()


def test_exactly_as_many_as_allowed_are_not_cut():
    assert not collect(*(event() for _ in range(4)), most=4).full


def test_a_flood_of_shapes_takes_no_more_memory():
    letters = "abcdefghij"
    words = ("".join(letters[int(digit)] for digit in str(number)) for number in range(MOST_SHAPES + 50))
    found = collect(*(event(f"word {word}") for word in words))
    assert len(found.groups) == MOST_SHAPES + 1
    assert found.count == MOST_SHAPES + 50


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"choice": {"levels": ("fatal",)}}, "levels has 'fatal'; boards log error, warn, info"),
        ({"most": 0}, "max_events is 0; it must be 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(InvalidInputError, match=words):
        collect(**options)


def test_a_period_without_a_length_is_refused():
    with pytest.raises(InvalidInputError, match="since_minutes must be above 0"):
        Collector(START, START)


def test_the_sections_are_what_reports_allow():
    found = collect(event(), event(level="info", program_id="x"), event("<script>", level="warn"))
    parsed = parse_contribution("fleet_report_logs", {"sections": found.sections()})
    assert [one["kind"] for one in parsed.sections] == ["text", "series", "table", "bars", "bars"]
    assert parse_contribution("fleet_report_logs", {"sections": collect().sections()}).sections[0][
        "text"
    ] == ("No message.")
