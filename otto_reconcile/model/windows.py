"""Sync windows of a bot: when changes of what is wanted may reach a target. Asked by `bot_plan`.

An allowing window opens at each time of its cron expression, for its duration; a denying one closes
then. With allowing windows one of them has to be open; a denying one that is active always closes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from otto_reconcile.model.bot import WINDOWS, Bot
from otto_reconcile.model.cron_times import last_time, next_time
from otto_reconcile.model.resource import JSON

DURATION = re.compile(r"(?:([0-9]{1,3})d)?(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?")
_AHEAD = 200
"""So many beginnings and ends are looked at for the next time that they are open."""
_FIELD = re.compile(r"[0-9A-Za-z*,/#-]+")
CLOSED = "outside of its sync windows"
"""How the reason for what waits begins."""


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at the times of `cron` in `zone`, for `duration`; with `deny` it closes instead."""

    cron: str
    duration: timedelta
    zone: str = "UTC"
    deny: bool = False

    def is_active(self, now: datetime) -> bool:
        """Raises ValueError (zoneinfo, croniter) for a zone or cron that is not known here."""
        return now < self.ends(now)

    def next(self, now: datetime) -> datetime:
        """When it begins next, as UTC; raises as `is_active`."""
        return next_time(self.cron, self.zone, now)

    def ends(self, now: datetime) -> datetime:
        """When the time that began last ends, as UTC; raises as `is_active`."""
        return last_time(self.cron, self.zone, now) + self.duration


def duration_of(text: str) -> timedelta | None:
    """`8h`, `1d12h`, `90m`; None for anything else, and for no time at all."""
    match = DURATION.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return timedelta(days=days, hours=hours, minutes=minutes) or None


def begins(cron: str) -> bool:
    """True for an expression of five fields that has a next time: `0 0 30 2 *` has none."""
    from croniter import croniter

    fields = cron.split()
    if len(fields) != 5 or not all(_FIELD.fullmatch(one) for one in fields):
        return False
    try:
        croniter(cron, datetime(2030, 1, 1)).get_next(datetime)
    except (KeyError, ValueError):
        return False
    return True


def closed(bot: Bot, now: datetime) -> str | None:
    """Why changes of the bot wait now, with when they go on; None if they do not wait."""
    windows = list(_windows(bot.annotations.get(WINDOWS)))
    if not windows:
        return None
    try:
        if is_open(windows, now):
            return None
        opens = _opening(windows, now)
    except (KeyError, ValueError) as error:  # of a zone that this machine lacks, KeyError
        return f"{CLOSED}: {error}"
    later = f"; the next one opens at {opens.isoformat(timespec='minutes')}" if opens else ""
    return f"{CLOSED}{later}"


def _opening(windows: list[Window], now: datetime) -> datetime | None:
    """When they let something through next, by the clock of the window that makes it so.

    None if that is not soon, or never.
    """
    at, zone = now, "UTC"
    allowing = [window for window in windows if not window.deny]
    for _ in range(_AHEAD):
        if is_open(windows, at):
            return at.astimezone(ZoneInfo(zone))
        denied = [(w.ends(at), w.zone) for w in windows if w.deny and w.is_active(at)]
        if not denied and not allowing:
            return None
        at, zone = max(denied) if denied else min((w.next(at), w.zone) for w in allowing)
    return None


def is_open(windows: list[Window], now: datetime) -> bool:
    """True if an allowing window is active, or there are none, and no denying one is."""
    allowing = [window for window in windows if not window.deny]
    if any(window.deny and window.is_active(now) for window in windows):
        return False
    return not allowing or any(window.is_active(now) for window in allowing)


def _windows(said: JSON) -> Iterator[Window]:
    """Those of the bot's annotation; what is none, as another program may write, is passed over."""
    for one in said if isinstance(said, list) else ():
        texts = one if isinstance(one, dict) else {}
        cron, duration = texts.get("cron"), duration_of(str(texts.get("duration")))
        if isinstance(cron, str) and duration is not None:
            zone = str(texts.get("timezone") or "UTC")
            yield Window(cron, duration, zone, texts.get("kind") == "deny")
