"""No secret reaches a report."""

from __future__ import annotations

import pytest
from fleetlib.core.redaction import HIDDEN, mask, safe_command, scrub

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["-e", "device_count=5"], "-e device_count=…"),
        (["-edevice_count=5"], "-edevice_count=…"),
        (["-Ce", "a=1 b='2 3'"], "-Ce a=… b=…"),
        (["--extra-vars", "token=abc"], "--extra-vars token=…"),
        (["--extra-vars=token=abc"], "--extra-vars=token=…"),
        (["-e", '{"token": "abc", "n": 1}'], "-e {token: …, n: …}"),
        (["-e", "{token: abc}"], "-e {…}"),
        (["-e", "@vars/local file.yml"], "-e '@vars/local file.yml'"),
        (["-e", "no equals sign"], "-e …"),
        (["-e"], "-e …"),
        (["-ie", "-l", "e=1"], "-ie -l e=1"),
        (["-i", "https://me:hunter22@host/inventory"], f"-i https://me:{HIDDEN}@host/inventory"),
        (["--tags", "e2e", "--check"], "--tags e2e --check"),
    ],
)
def test_a_command_shows_extra_variables_by_name_only(given: list[str], shown: str) -> None:
    assert safe_command(["/opt/venv/bin/ansible-playbook", "deploy.yml", *given]) == (
        f"ansible-playbook deploy.yml {shown}"
    )


def test_nothing_was_started_by_an_empty_command() -> None:
    assert safe_command([]) == ""


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"wrote {KEY} to disk", "MHcCAQEEIB"),
        (f"cut off: {KEY[:40]}", "MHcCA"),
        ("aws_secret_access_key = wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ('{"SessionToken": "FwoGZXIvYXdzEJr"}', "FwoGZXIvYXdzEJr"),
        ("PASSWORD=hunter2222; next", "hunter2222"),
        ("known-and-long appears", "known-and-long"),
    ],
)
def test_a_text_loses_its_secret_and_keeps_the_rest(text: str, secret: str) -> None:
    shown = scrub({"list": [{"message": text}]}, ["known-and-long"])["list"][0]["message"]

    assert secret not in shown
    assert HIDDEN in shown


def test_ordinary_words_around_secrets_stay() -> None:
    sentence = "The security token included in the request is invalid. Rotate the certificate: device-001."

    assert scrub(sentence) == sentence


def test_a_known_secret_that_is_too_short_to_search_for_is_left_alone() -> None:
    assert scrub("testing the test", ["test"]) == "testing the test"


def test_a_diff_hides_what_sits_under_a_secret_name_at_any_depth() -> None:
    before = {"name": "x", "parameters": [{"apiKey": "abc", "private_key": "", "Tokens": {"a": 1}}]}

    assert mask(before) == {
        "name": "x",
        "parameters": [{"apiKey": HIDDEN, "private_key": "", "Tokens": HIDDEN}],
    }


def test_escape_sequences_and_control_characters_are_dropped() -> None:
    assert scrub("\x1b[31mred\x1b[0m\x00\ttab\nline") == "red\ttab\nline"


def test_numbers_and_structure_pass_unchanged() -> None:
    data = {"n": 1.5, "flag": True, "none": None, "list": [1, {"a": "b"}]}

    assert scrub(data) == data
