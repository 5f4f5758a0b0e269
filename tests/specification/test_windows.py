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


SPRING, AUTUMN = "2030-03-31", "2030-10-27"
"""When the clocks of Berlin go forward from 02:00 to 03:00, and back from 03:00 to 02:00."""


def opens(day: str, cron: str, duration: str = "10m", zone: str = "Europe/Berlin") -> list[str]:
    """The minutes from 22:00 to 04:00, of UTC, at which the window opens, closed before."""
    window = {"cron": cron, "duration": duration, "timezone": zone}
    start = datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(hours=2)
    minutes = [start + timedelta(minutes=n) for n in range(60 * 6)]
    state = [told(minute.isoformat(), window) is None for minute in minutes]
    return [
        f"{minute:%H:%M}"
        for minute, before, now in zip(minutes[1:], state, state[1:], strict=False)
        if now and not before
    ]


@pytest.mark.parametrize(
    ("day", "cron", "utc"),
    [
        (SPRING, "30 1 * * *", ["00:30"]),
        (SPRING, "30 2 * * *", ["01:00"]),  # not there: the first moment after, 03:00
        (SPRING, "0 2 * * *", ["01:00"]),
        (SPRING, "30 3 * * *", ["01:30"]),
        (SPRING, "30 2,3 * * *", ["01:00", "01:30"]),
        (AUTUMN, "30 1 * * *", ["23:30"]),
        (AUTUMN, "30 2 * * *", ["00:30"]),  # there twice: the first time alone
        (AUTUMN, "0 2 * * *", ["00:00"]),
        (AUTUMN, "0 3 * * *", ["02:00"]),
        (AUTUMN, "30 1-3 * * *", ["23:30", "00:30", "02:30"]),
        (AUTUMN, "30 */1 * * *", ["22:30", "23:30", "00:30", "01:30", "02:30", "03:30"]),
    ],
)
def test_a_change_of_the_clock(day: str, cron: str, utc: list[str]) -> None:
    assert opens(day, cron) == utc


@pytest.mark.parametrize(
    ("moment", "cron", "next_one"),
    [
        ("2030-03-31T00:59+00:00", "30 2 * * *", "2030-03-31T03:00+02:00"),
        ("2030-03-31T01:20+00:00", "30 2 * * *", "2030-04-01T02:30+02:00"),
        ("2030-10-27T00:20+00:00", "30 2 * * *", "2030-10-27T02:30+02:00"),
        ("2030-10-27T00:50+00:00", "30 2 * * *", "2030-10-28T02:30+01:00"),
        ("2030-10-27T01:20+00:00", "30 2 * * *", "2030-10-28T02:30+01:00"),
        ("2030-10-27T00:50+00:00", "30 * * * *", "2030-10-27T02:30+01:00"),
    ],
)
def test_what_comes_next_around_a_change(moment: str, cron: str, next_one: str) -> None:
    window = {"cron": cron, "duration": "10m", "timezone": "Europe/Berlin"}
    assert str(told(moment, window)).endswith(f"opens at {next_one}")


def test_a_window_lasts_as_long_as_it_says() -> None:
    night = {"cron": "30 1 * * *", "duration": "2h", "timezone": "Europe/Berlin"}
    for day, end in ((SPRING, "02:30"), (AUTUMN, "01:30")):
        last = datetime.fromisoformat(f"{day}T{end}+00:00") - timedelta(minutes=1)
        assert told(last.isoformat(), night) is None
        assert told(f"{day}T{end}+00:00", night) is not None


def test_a_window_of_each_minute_is_open_all_night() -> None:
    always = {"cron": "* * * * *", "duration": "2m", "timezone": "Europe/Berlin"}
    for day in (SPRING, AUTUMN):
        start = datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(hours=3)
        minutes = (start + timedelta(minutes=n) for n in range(60 * 7))
        assert all(told(minute.isoformat(), always) is None for minute in minutes)


def test_a_gap_of_half_an_hour_is_heeded() -> None:
    zone = "Australia/Lord_Howe"  # 2030-10-06, from 02:00 to 02:30
    window = {"cron": "10 2 * * *", "duration": "10m", "timezone": zone}
    said = told("2030-10-05T15:00+00:00", window)
    assert str(said).endswith("opens at 2030-10-06T02:30+11:00")


@pytest.mark.parametrize(
    ("text", "hours"),
    [("8h", 8), ("1d12h", 36), ("90m", 1.5), ("1d", 24), ("", 0), ("0h", 0), ("8", 0), ("h", 0)],
)
def test_durations(text: str, hours: float) -> None:
    assert duration_of(text) == (timedelta(hours=hours) or None)


def test_what_another_program_writes_may_be_a_word() -> None:
    daily = {"cron": "@daily", "duration": "1h", "timezone": "Europe/Berlin"}
    assert told("2030-10-26T22:30+00:00", daily) is None
    assert str(told("2030-10-26T23:30+00:00", daily)).endswith("opens at 2030-10-28T00:00+01:00")
