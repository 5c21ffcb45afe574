"""What a report says about a change or a failure."""

from __future__ import annotations

from typing import Any

from fleetlib.core.task_results import describe_change, diff_summary, diff_text, failure_message, items_of


def test_a_failure_says_its_message() -> None:
    assert failure_message({"msg": "No such stack", "stderr": "noise"}) == "No such stack"


def test_a_failure_without_message_says_what_the_command_printed() -> None:
    assert failure_message({"msg": "", "stderr": "boom"}) == "boom"


def test_a_failure_with_nothing_to_say_says_so() -> None:
    assert failure_message({}) == "The task failed without a message."


def test_a_message_that_is_a_list_becomes_readable_text() -> None:
    assert failure_message({"msg": ["a", "b"]}) == '[\n  "a",\n  "b"\n]'


def test_a_loop_names_the_items_that_failed_and_counts_the_rest() -> None:
    failed = [{"item": f"stack-{i}", "failed": True, "msg": "gone"} for i in range(8)]

    message = failure_message({"msg": "One or more items failed", "results": [{"item": "good"}, *failed]})

    assert message.splitlines() == [*(f"stack-{i}: gone" for i in range(6)), "… and 2 more items"]


def test_no_log_hides_the_failure_of_a_task_and_of_an_item() -> None:
    hidden = {"censored": "the output has been hidden", "failed": True}

    assert "hidden" in failure_message(hidden)
    assert failure_message({"results": [{**hidden, "item": "secret name"}]}) == failure_message(hidden)


def test_a_very_long_message_is_cut_and_says_how_long_it_was() -> None:
    assert failure_message({"msg": "x" * 5000}).endswith("… (5000 characters)")


def test_a_change_of_a_dictionary_names_keys_and_shows_numbers_but_no_text() -> None:
    diff = {
        "before": {"devices": 0, "group": "old-name", "gone": 1, "same": "x"},
        "after": {"devices": 100, "group": "new-name", "same": "x", "new": True},
    }

    assert diff_summary(diff) == "devices 0 → 100, group changed, gone removed, new added"


def test_a_change_of_many_keys_is_cut() -> None:
    assert diff_summary({"before": {}, "after": {str(i): i for i in range(9)}}).endswith(
        "5 added, and 3 more"
    )


def test_a_change_of_a_text_counts_lines() -> None:
    assert diff_summary({"before": "", "after": "a\nb", "after_header": "x.toml"}) == "x.toml: 2 lines, new"
    assert diff_summary({"before": "a", "after": ""}) == "1 line, removed"
    assert diff_summary({"before": "a", "after": "b\nc"}) == "1 line before, 2 after"


def test_the_text_of_a_diff_appears_only_when_the_operator_asked_for_it() -> None:
    result = {"changed": True, "diff": {"before": "old\n", "after": "new\n"}}

    assert describe_change(result, with_diff=False)["diff"] is None
    assert describe_change(result, with_diff=True)["diff"] == "--- before\n+++ after\n@@ -1 +1 @@\n-old\n+new"


def test_a_diff_hides_secrets_by_name() -> None:
    text = diff_text({"before": {"password": "one"}, "after": {"password": "two", "n": 1}})

    assert "one" not in text
    assert "two" not in text
    assert '"n": 1' in text


def test_a_prepared_diff_is_taken_as_it_is() -> None:
    assert diff_text({"prepared": "+ a"}) == "+ a"


def test_a_diff_too_large_to_compute_is_only_summarised() -> None:
    huge = {"before": "a\n" * 100_000, "after": "b\n" * 100_000}

    assert diff_text(huge) == ""
    assert diff_summary(huge) == "100000 lines before, 100000 after"


def test_a_long_diff_is_cut_and_says_how_much_is_missing() -> None:
    result = {"changed": True, "diff": {"before": "", "after": "\n".join(map(str, range(100)))}}

    assert describe_change(result, with_diff=True)["diff"].endswith("… and 43 more lines")


def test_a_loop_says_how_many_items_changed_and_names_some() -> None:
    results: list[dict[str, Any]] = [
        {"item": "core", "changed": True, "diff": {"before": {"n": 1}, "after": {"n": 2}}},
        {"item": {"a": "dictionary"}, "changed": True},
        {"item": "storage", "changed": False, "diff": {"before": {"n": 1}, "after": {"n": 1}}},
    ]

    said = describe_change(
        {"changed": True, "msg": "All items completed", "results": results}, with_diff=False
    )

    assert said["loop"] == {"changed": 2, "of": 3, "names": ["core"]}
    assert said["summary"] == ["n 1 → 2"]


def test_an_item_under_no_log_is_counted_and_not_named() -> None:
    item = {"item": "hidden name", "changed": True, "censored": "…", "diff": {"before": "x", "after": "y"}}

    said = describe_change({"changed": True, "results": [item]}, with_diff=True)

    assert said == {"loop": {"changed": 1, "of": 1, "names": []}, "summary": [], "diff": None}


def test_a_short_message_of_a_changed_task_is_its_summary() -> None:
    assert describe_change({"changed": True, "msg": "Started."}, with_diff=False)["summary"] == ["Started."]


def test_results_that_are_no_list_of_items_are_no_loop() -> None:
    assert items_of({"results": {"a": 1}}) == []
    assert items_of({"results": ["text"]}) == []
