"""How often a random text is taken for a key, and how often a text that people wrote is."""

from __future__ import annotations

import random
import re
import string
from pathlib import Path

import pytest
from fleetlib.core.scheme.policy import is_random

ROOT = Path(__file__).resolve().parents[3]
BASE64 = string.ascii_letters + string.digits + "+/"


@pytest.mark.parametrize(
    ("characters", "length", "least"),
    [
        (BASE64, 20, 0.75),
        (BASE64, 32, 0.97),
        (BASE64, 40, 0.99),  # a secret access key of AWS
        ("0123456789abcdef", 32, 0.97),
        ("0123456789ABCDEF", 64, 0.99),
    ],
)
def test_random_texts_are_found(characters, length, least):
    source = random.Random(f"{characters}{length}")
    texts = ["".join(source.choices(characters, k=length)) for _ in range(1000)]
    assert sum(map(is_random, texts)) / len(texts) >= least


def literals(*patterns):
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield from re.findall(r'"([^"\n]{4,})"', path.read_text(errors="replace"))


def test_no_literal_of_a_program_is_taken_for_a_key():
    found = list(literals("programs/**/*.scm", "tests/conformance/corpus/*.scm"))
    assert len(found) > 90
    assert [one for one in found if is_random(one)] == []


def test_of_texts_in_the_sources_and_documents_next_to_none_is_taken_for_a_key():
    found = list(literals("docs/**/*.md", "plugins/**/*.py", "tests/unit/scheme/findings.toml"))
    assert len(found) > 5000
    assert sum(map(is_random, found)) <= len(found) / 1000


@pytest.mark.parametrize(
    "text",
    ["steel-data/device-001/Temperature2", "AmazonRootCA1-2026-certificate", "Sensor_Monitor_v12_2026_build"],
)
def test_a_name_of_words_is_none(text):
    assert not is_random(text)
