"""The load test's figures, and whether they meet the targets."""

from __future__ import annotations

import pytest
from fleetlib.core.errors import InvalidInputError
from fleetlib.core.report_sections import parse_contribution
from fleetlib.core.validation import load
from fleetlib.core.validation.load import Load, Measured, Message, Targets


def measured(arrived=1000, lost=0, latency=0.01, connected=100, **changes):
    messages = [Message(number / 100, latency) for number in range(arrived)]
    messages += [Message((arrived + number) / 100, None) for number in range(lost)]
    return Measured(connect_seconds=[0.05] * connected, messages=messages, seconds=10.0, **changes)


def statuses(one, wanted=100):
    return [str(row.status) for row in load.rows(one, Targets(), wanted)]


def test_all_targets_met():
    assert statuses(measured()) == ["passed"] * 3


def test_figures_are_in_the_rows():
    rows = load.rows(measured(arrived=998, lost=2, duplicates=3), Targets(), 100)
    assert rows[0].detail == "100 of 100 stayed connected (target: above 99 %)"
    assert rows[1].detail == "998 of 1,000 (target: above 99.5 %); 3 came twice"
    assert rows[2].detail.startswith("50 % within 10.0 ms, 95 % within 10.0 ms")


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"connected": 99, "refusals": ["f-7: refused"]}, 0),
        ({"dropped": 1}, 0),
        ({"arrived": 995, "lost": 5}, 1),
        ({"latency": 0.1}, 2),
    ],
)
def test_a_target_just_missed_fails_its_row(changes, row):
    found = statuses(measured(**changes))
    assert [index for index, status in enumerate(found) if status == "failed"] == [row]


def test_a_missed_target_says_why():
    row = load.rows(measured(connected=90, refusals=["f-7: refused"] * 10), Targets(), 100)[0]
    assert row.detail == "Missed: 90 of 100 stayed connected (target: above 99 %); for example: f-7: refused"
    row = load.rows(measured(arrived=0, lost=10, publish_errors=["Rate exceeded"] * 10), Targets(), 100)[1]
    assert "10 could not be published: Rate exceeded" in row.detail


def test_fewer_devices_than_asked_for_is_a_warning_with_the_reason():
    row = load.rows(measured(connected=40), Targets(), 100, "60 are connected.")[0]
    assert row.status == "warned"
    assert row.detail.endswith("fewer than the 100 asked for. 60 are connected.")


def test_what_was_never_sent_is_not_judged():
    assert statuses(measured(arrived=0, connected=0, refusals=["f-1: no"])) == [
        "failed",
        "not_checked",
        "not_checked",
    ]


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (95, 4), (99, 4), (100, 4), (1, 1)])
def test_percentiles_are_values_that_occurred(percent, expected):
    assert load.percentile([4, 2, 1, 3], percent) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": 0}, "devices is 0; it must be above 0 and at most 1,000"),
        ({"devices": 1001}, "devices is 1001"),
        ({"connects_per_second": 501}, "at most 500 (AWS IoT's quota)"),
        ({"messages_per_second": 20001}, "at most 20,000 (AWS IoT's quota)"),
        ({"messages_per_second": 0}, "messages_per_second is 0"),
        ({"devices": 1000, "messages_per_device": 101}, "101,000 messages; at most 100,000"),
    ],
)
def test_a_load_beyond_the_quotas_is_refused(changes, message):
    with pytest.raises(InvalidInputError) as caught:
        Load(**changes).check()
    assert message in str(caught.value)


def test_the_sections_are_what_the_report_takes():
    sections = load.sections(measured(arrived=3000, lost=3), Targets())
    parsed = parse_contribution("fleet_report_x", {"sections": sections})
    assert [section["kind"] for section in parsed.sections] == ["table", "histogram", "series"]
    assert len(parsed.sections[1]["values"]) == load.PLOTTED_VALUES


def test_without_messages_there_is_a_table_only_and_without_devices_nothing():
    assert [one["kind"] for one in load.sections(measured(arrived=0), Targets())] == ["table"]
    assert load.sections(Measured([]), Targets()) == []


def test_the_run_is_cut_into_slices_with_their_own_percentiles():
    messages = [Message(0.0, 0.001), Message(0.1, 0.003), Message(10.0, 0.5), Message(9.9, None)]
    median, high = load.over_time(messages)
    assert median["points"] == [[0.25, 1.0], [9.75, 500.0]]
    assert high["points"] == [[0.25, 3.0], [9.75, 500.0]]


def test_thinning_keeps_both_ends():
    values = [float(number) for number in range(100_000)]
    kept = load.thinned(values)
    assert (len(kept), kept[0], kept[-1]) == (load.PLOTTED_VALUES, 0.0, 99_999.0)


def test_figures_are_plain_data_in_milliseconds():
    found = load.figures(measured(arrived=2, lost=1, connected=2))
    assert found["response_ms"] == {"p50": 10.0, "p95": 10.0, "p99": 10.0}
    assert (found["sent"], found["arrived"]) == (3, 2)
