"""What else a file has held, and would be taken back with it. Read by `rollback`."""

from __future__ import annotations

from otto_reconcile.records.events import Event
from otto_reconcile.records.past import Past


def taken_back(past: Past, to: Event, newest: Event) -> list[str]:
    """What differs from how it was at `to`, and is, or was then, in the files that are changed.

    These are the file that has `to`, and the one where it is now. Names of bots and of what they
    share, sorted. Raises StoreUnavailable.
    """
    files, root = {to.source.path, newest.source.path}, to.source.root or newest.source.root

    def is_in(event: Event | None) -> bool:
        source = event.source if event is not None and event.declaration is not None else None
        return source is not None and source.root == root and source.path in files

    found = []
    for name in past.names() - {to.bot_id}:
        events = past.events(name)
        then = [e for e in events if e.time <= to.time or e.source.commit == to.source.commit]
        before, now = (side[-1] if side else None for side in (then, events))
        if (is_in(before) or is_in(now)) and _digest(before) != _digest(now):
            found.append(name)
    return sorted(found)


def _digest(event: Event | None) -> str | None:
    return event.declaration.digest() if event is not None and event.declaration else None
