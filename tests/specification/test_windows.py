"""Sync windows: open or closed at a moment, in a time zone, over a change of the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.model import Bot
from otto_reconcile.model.windows import closed, duration_of

DAY = {"cron": "0 9 * * mon-fri", "duration": "8h", "timezone": "Europe/Berlin"}
LUNCH = {"kind": "deny", "cron": "0 12 * * *", "duration": "1h", "timezone": "Europe/Berlin"}
WINTER, SUMMER = "2030-01-07T{}:00+00:00", "2030-07-01T{}:00+00:00"  # both Mondays


def told(moment: str, *windows: Any) -> str | None:
    bot = Bot(id="a", name="A", annotations={"otto/windows": list(windows)})
    return closed(bot, datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (WINTER.format("07:59"), False),
        (WINTER.format("08:00"), True),
        (WINTER.format("15:59"), True),
        (WINTER.format("16:00"), False),
        (SUMMER.format("07:00"), True),
        (SUMMER.format("15:00"), False),
        ("2030-01-06T10:00:00+00:00", False),
    ],
)
def test_a_window_is_open_by_the_clock_of_its_zone(moment: str, is_open: bool) -> None:
    assert (told(moment, DAY) is None) is is_open


def test_who_is_outside_reads_when_it_opens() -> None:
    assert told(WINTER.format("16:00"), DAY) == (
        "outside of its sync windows; the next one opens at 2030-01-08T09:00+01:00"
    )


def test_a_denying_window_goes_before_an_allowing_one() -> None:
    assert told(WINTER.format("11:30"), DAY, LUNCH) is not None
    assert told(WINTER.format("12:00"), DAY, LUNCH) is None
    assert told(WINTER.format("20:00"), LUNCH) is None
    said = told(WINTER.format("11:00"), LUNCH)
    assert said == "outside of its sync windows; the next one opens at 2030-01-07T13:00+01:00"


def test_the_next_opening_heeds_what_denies() -> None:
    always = {"cron": "* * * * *", "duration": "2m"}
    night = {"kind": "deny", "cron": "0 0 * * *", "duration": "20h"}
    said = told(WINTER.format("11:00"), always, night)
    assert said == "outside of its sync windows; the next one opens at 2030-01-07T20:00+00:00"
    never = {"kind": "deny", "cron": "* * * * *", "duration": "2m"}
    assert told(WINTER.format("11:00"), always, never) == "outside of its sync windows"


def test_without_windows_it_is_always_open() -> None:
    assert told(WINTER.format("03:00")) is None
    assert told(WINTER.format("03:00"), "soon", {"cron": 3}, {"cron": "* * * * *"}) is None


def test_a_zone_that_is_not_known_here_keeps_changes_waiting() -> None:
    why = told(WINTER.format("12:00"), {**DAY, "timezone": "Mars/Base"})
    assert why is not None
    assert why.startswith("outside of its sync windows: ")


@pytest.mark.parametrize(
    ("text", "hours"),
    [("8h", 8), ("1d12h", 36), ("90m", 1.5), ("1d", 24), ("", 0), ("0h", 0), ("8", 0), ("h", 0)],
)
def test_durations(text: str, hours: float) -> None:
    assert duration_of(text) == (timedelta(hours=hours) or None)
