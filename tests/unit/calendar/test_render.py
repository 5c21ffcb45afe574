"""What timers make of a rule, asked of systemd itself."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib.core.calendar import render
from fleetlib.core.calendar.rules import parse
from fleetlib.core.calendar.windows import FIRST_DAY, from_config

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RULES = [
    "FREQ=DAILY",
    "FREQ=DAILY;BYMONTH=3,12",
    "FREQ=WEEKLY;BYDAY=TU",
    "FREQ=WEEKLY;BYDAY=MO,WE,SU",
    "FREQ=MONTHLY;BYDAY=1SU",
    "FREQ=MONTHLY;BYDAY=1MO,3TH",
    "FREQ=MONTHLY;BYDAY=5FR",
    "FREQ=MONTHLY;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=SA",
    "FREQ=MONTHLY;BYMONTH=1,4,7,10;BYDAY=1SU",
    "FREQ=MONTHLY;BYMONTHDAY=1,15",
    "FREQ=MONTHLY;BYMONTHDAY=-1,10",
]


def fires(expressions, count):
    """When systemd says that a timer with these lines fires."""
    command = [
        "systemd-analyze",
        "calendar",
        f"--iterations={count}",
        f"--base-time={NOW:%Y-%m-%d %H:%M:%S} UTC",
    ]
    text = subprocess.run([*command, *expressions], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ ([\d-]+ [\d:]+) UTC", text)
    return sorted({datetime.fromisoformat(one).replace(tzinfo=UTC) for one in found})


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("text", RULES)
def test_systemd_fires_when_the_calendar_opens(text):
    rule = parse(text, "02:30")
    expected = rule.between(FIRST_DAY, NOW, NOW + timedelta(days=5 * 366))[:8]
    assert fires(render.systemd(rule), 8)[:8] == expected


def cron_fires(line, moment):
    """Cron's own rule for a day, with the guard of the command."""
    days = [part.split("-") for part in line.day.split(",")]
    day = line.day == "*" or any(int(one[0]) <= moment.day <= int(one[-1]) for one in days)
    month = line.month == "*" or str(moment.month) in line.month.split(",")
    guarded = line.guard()
    return day and month and (not guarded or str(moment.isoweekday()) in re.search(r"in (\S+)\)", guarded)[1])


@pytest.mark.parametrize("text", RULES)
def test_cron_never_leaves_a_day_out(text):
    rule = parse(text, "02:30")
    lines = render.cron(rule)
    for moment in rule.between(FIRST_DAY, NOW, NOW + timedelta(days=800)):
        assert any(cron_fires(line, moment) for line in lines)


def test_the_guard_of_a_cron_line_lets_only_its_day_through():
    (line,) = render.cron(parse("FREQ=MONTHLY;BYDAY=1SU", "02:00"))
    assert (line.minute, line.hour, line.day, line.month) == ("0", "2", "1-7", "*")
    guard = line.guard().replace("\\%", "%").replace("date -u", "printf %s 7; :")
    run = ["sh", "-c", f"{guard}echo on"]
    assert subprocess.run(run, capture_output=True, text=True).stdout == "on\n"
    run[-1] = run[-1].replace("%s 7", "%s 6")
    assert subprocess.run(run, capture_output=True, text=True).stdout == ""


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("FREQ=MONTHLY;BYDAY=1SU", ["cron(0 2 ? * SUN#1 *)"]),
        ("FREQ=MONTHLY;BYMONTH=1,4,7,10;BYDAY=1SU", ["cron(0 2 ? 1,4,7,10 SUN#1 *)"]),
        ("FREQ=MONTHLY;BYDAY=1MO,3TH", ["cron(0 2 ? * MON#1 *)", "cron(0 2 ? * THU#3 *)"]),
        ("FREQ=MONTHLY;BYDAY=-1FR,-1SU", ["cron(0 2 ? * 6L *)", "cron(0 2 ? * 1L *)"]),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", ["cron(0 2 1 * ? *)", "cron(0 2 L * ? *)"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE", ["cron(0 2 ? * MON,WED *)"]),
        ("FREQ=DAILY", ["cron(0 2 * * ? *)"]),
    ],
)
def test_eventbridge_gets_its_own_words(text, expressions):
    assert render.aws_cron(parse(text, "02:00")) == expressions


def test_an_icalendar_file_has_an_event_for_every_window_and_no_long_line():
    freeze = {"from": "2027-01-01", "until": "2027-01-04", "reason": "Umzug, neues Büro; " + "ä" * 60}
    windows = from_config({"freezes": [freeze]}).coming(NOW, 3)
    text = render.icalendar(windows, "aws-iot-steel-local", NOW)
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    plain = text.replace("\r\n ", "")
    assert plain.count("BEGIN:VEVENT") == 3
    assert "DTSTART:20261206T020000Z\r\nDTEND:20261206T040000Z" in plain
    assert "STATUS:CANCELLED\r\nDESCRIPTION:Frozen: Umzug\\, neues Büro\\; ää" in plain
    assert "UID:quarterly-20270103T020000Z@aws-iot-steel-local" in plain
