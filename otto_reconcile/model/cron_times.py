"""When a cron expression comes by a clock that is put forward and back. Used by `windows`.

A time that the clock skips comes at the first moment after the gap; one that it shows twice comes
the first time alone, unless the expression is for every hour (`*`, `*/2`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def next_time(cron: str, zone: str, now: datetime) -> datetime:
    """The first one after `now`, as UTC.

    Raises ValueError, KeyError for a cron or zone that is unknown.
    """
    from croniter import croniter  # which takes a while

    clock = ZoneInfo(zone)
    local = now.astimezone(clock)
    repeated = timedelta() if local.fold else _repeated(local)
    begin = local.replace(tzinfo=None) - repeated  # what comes again is before it by the clock
    found: list[datetime] = []
    times = croniter(cron, begin, ret_type=datetime)
    for shown in times.all_next():
        moments = _moments(shown, clock, hourly=times.expressions[1].startswith("*"))
        found += [moment for moment in moments if moment > now]
        if moments[0] > now:
            break
    return min(found)


def last_time(cron: str, zone: str, now: datetime) -> datetime:
    """The last one that is not after `now`, as UTC; raises as `next_time`."""
    from croniter import croniter

    clock = ZoneInfo(zone)
    local = now.astimezone(clock)
    repeated = _repeated(local) if local.fold else timedelta()
    end = local.replace(tzinfo=None) + repeated + timedelta(seconds=1)
    found: list[datetime] = []
    times = croniter(cron, end, ret_type=datetime)
    for shown in times.all_prev():
        moments = _moments(shown, clock, hourly=times.expressions[1].startswith("*"))
        found += [moment for moment in moments if moment <= now]
        if moments[-1] <= now:
            break
    return max(found)


def _repeated(local: datetime) -> timedelta:
    """For how long the clock shows times again, if this is one that it shows twice."""
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    assert first is not None
    assert second is not None
    return max(first - second, timedelta())


def _moments(shown: datetime, clock: ZoneInfo, *, hourly: bool) -> list[datetime]:
    """When the clock shows this and the expression counts it, in order, as UTC."""
    local = shown.replace(tzinfo=clock)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:  # the clock skips it
        return [_change(second, first, clock)]
    return [first, second] if second > first and hourly else [first]


def _change(before: datetime, after: datetime, clock: ZoneInfo) -> datetime:
    """The second between the two from which on the clock has the later offset."""
    offset = after.astimezone(clock).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(clock).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
