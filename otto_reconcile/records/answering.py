"""Which revision of a bot was on a target at a moment, by the records of the calls. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from otto_reconcile.model import snapshot_of
from otto_reconcile.planning.plan import Operation, Result
from otto_reconcile.records.audit import Record
from otto_reconcile.records.events import Event

_CALLS = frozenset({Operation.CREATE, Operation.UPDATE, Operation.REPLACE, Operation.DELETE})


@dataclass(frozen=True, slots=True)
class Standing:
    """`first` and `last` differ where a revision was being put on the target meanwhile.

    None is for what was on the target before anything is on record of the bot.
    """

    first: int | None
    last: int | None

    @property
    def revisions(self) -> tuple[int | None, ...]:
        return (self.first,) if self.first == self.last else (self.first, self.last)


def standing(
    records: Sequence[Record], events: Sequence[Event], begun: datetime, ended: datetime
) -> Standing:
    """What was in force from `begun` until `ended`.

    `records` are those of one bot on one target, `events` its revisions, both in any order. A
    revision that changes nothing on a target needs no call: it is in force once it is recorded.
    """
    calls = sorted(
        (r for r in records if r.operation in _CALLS and r.outcome != Result.SKIPPED),
        key=lambda record: (_end(record), record.revision),
    )
    ordered = sorted(events, key=lambda event: event.revision)
    first = _at(calls, ordered, begun)
    under_way = [r.revision for r in calls if r.started <= ended and _end(r) > begun]
    later = [_at(calls, ordered, ended), *under_way]
    return Standing(first, max((r for r in later if r is not None), default=None))


def _end(record: Record) -> datetime:
    return record.started + timedelta(seconds=record.duration or 0.0)


def _at(calls: Sequence[Record], events: Sequence[Event], time: datetime) -> int | None:
    """The revision of the last call that had ended, or a later one that is the same on a target."""
    done = [record for record in calls if _end(record) <= time]
    if done:
        at = max(record.revision for record in done if _end(record) == _end(done[-1]))
        return _alike([event for event in events if event.revision >= at], time, at)
    known = [event for event in events if event.time <= time]
    if not known or calls:
        return None
    return _alike(known, time, known[0].revision)  # never called: the target had it all


def _alike(events: Sequence[Event], time: datetime, at: int) -> int:
    for earlier, later in pairwise(events):
        if later.time > time or not _same(earlier, later):
            break
        at = later.revision
    return at


def _same(one: Event, other: Event) -> bool:
    if one.bot is None or other.bot is None:
        return one.bot is other.bot
    return dict(snapshot_of(one.bot)) == dict(snapshot_of(other.bot))
