"""Single revisions out of the event log, by number and by time. Read by the commands of history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from otto_reconcile.errors import NotFound, PermanentError
from otto_reconcile.model.shared import SharedDocument, called, is_shared
from otto_reconcile.records.events import Event
from otto_reconcile.store.base import Document, Store

_MOST = 20
"""So many numbers of revisions are named one by one."""


class Past:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> set[str]:
        """All that was ever wanted: ids of bots, and names of what they share."""
        return {str(head.get("bot_id")) for head in self._store.find("heads", fields=("bot_id",))}

    def numbers(self, name: str) -> list[int]:
        """The revisions that there are, the first one first."""
        order, fields = [("revision", 1)], ("revision",)
        found = self._store.find("events", {"bot_id": name}, order=order, fields=fields)
        return [one["revision"] for one in found if isinstance(one.get("revision"), int)]

    def event(self, name: str, number: int) -> Event:
        """Raises NotFound with the revisions that there are, PermanentError for a damaged one."""
        where = {"bot_id": name, "revision": number}
        return self._one(name, number, self._store.find("events", where, limit=1))

    def newest(self, name: str) -> Event:
        """As `event`; raises NotFound for what never was."""
        order = [("revision", -1)]
        found = self._store.find("events", {"bot_id": name}, order=order, limit=1)
        number = found[0].get("revision") if found else 0
        return self._one(name, number if isinstance(number, int) else 0, found)

    def events(self, name: str) -> list[Event]:
        """All that can be read, the first one first."""
        order = [("revision", 1)]
        read = [_read(d) for d in self._store.find("events", {"bot_id": name}, order=order)]
        return [event for event in read if isinstance(event, Event)]

    def shared_at(self, time: datetime) -> list[SharedDocument]:
        """The documents that bots shared at a time, as far as they can be read."""
        found = []
        for name in sorted(filter(is_shared, self.names())):
            events = [event for event in self.events(name) if event.time <= time]
            if events and (declaration := events[-1].declaration) is not None:
                found.append(declaration)
        return found  # type: ignore[return-value]

    def _one(self, name: str, number: int, found: Sequence[Document]) -> Event:
        if not found:
            numbers = self.numbers(name)
            said = f"{called(name)} has no revision {number}" if numbers else f"no {called(name)}"
            raise NotFound(said, hint=f"there are {told(numbers)}", name=name)
        event = _read(found[0])
        if isinstance(event, ValueError):
            raise PermanentError(f"{called(name)}: revision {number} cannot be read: {_why(event)}")
        return event


def _read(document: Document) -> Event | ValueError:
    try:
        return Event.from_document(document)
    except ValueError as error:
        return error


def _why(error: ValueError) -> str:
    return str(error).removeprefix("its newest revision is ")


def told(numbers: Sequence[int]) -> str:
    """`1 to 7`, or with gaps `1, 2 and 5`."""
    if not numbers:
        return "none"
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
        return f"{numbers[0]} to {numbers[-1]}"
    shown = [str(number) for number in numbers[-_MOST:]]
    more = "..., " if len(numbers) > _MOST else ""
    return more + (" and ".join([", ".join(shown[:-1]), shown[-1]]) if shown[1:] else shown[0])
