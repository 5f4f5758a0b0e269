"""Which changes of a store's desired state this process made itself, and what they were about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otto_reconcile.store.base import Moved, Position, Write
from otto_reconcile.store.collections import WATCHED


def told(writes: Sequence[Write]) -> frozenset[str] | None:
    """What a batch is about, if its events say so: whatever else it writes belongs to them."""
    return frozenset(_names(writes)) or None


def is_watched(writes: Iterable[Write]) -> bool:
    return any(write.collection in WATCHED and write.documents for write in writes)


def _names(writes: Sequence[Write]) -> Iterable[str]:
    return (
        str(event["bot_id"])
        for write in writes
        if write.collection == "events" and write.operation == "insert"
        for event in write.documents
    )


class Untold:
    """Of a store that cannot tell what has moved."""

    def moved(self, since: Position | None) -> Moved:
        return Moved((0, 0), None)


class Tracking:
    """A counter of changes, as it was moved by batches that had events, without a gap.

    What anybody else did, or what was done to rows without an event, is a gap: what it was about
    nobody knows, and nothing before it counts.
    """

    def __init__(self) -> None:
        self._life = 0
        self._since: int | None = None
        self._until = 0
        self._names: dict[str, int] = {}  # each with the count after its newest event

    def note(self, before: int, after: int, names: frozenset[str] | None) -> None:
        """The counter was moved from `before` to `after`, by events about these names or not."""
        if names is None:
            self.forget()
            return
        if self._since is None or before != self._until:
            self._since, self._names = before, {}
        self._until = after
        self._names.update(dict.fromkeys(names, after))

    def forget(self) -> None:
        """What was counted so far may have been another counter."""
        self._life += 1
        self._since, self._names = None, {}

    def moved(self, since: Position | None, now: int) -> Moved:
        """What has moved from a position until the counter stands at `now`."""
        position = (self._life, now)
        if since == position:
            return Moved(position, frozenset())
        if since is None or since[0] != self._life or not self._reaches(since[1], now):
            return Moved(position, None)
        return Moved(position, frozenset(n for n, at in self._names.items() if at > since[1]))

    def _reaches(self, since: int, now: int) -> bool:
        return self._since is not None and self._since <= since <= now == self._until
