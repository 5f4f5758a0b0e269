"""The event log and its heads: one event insert commits, and the rest can be done again any time.

A head says which event of a bot is the newest and what the rows said when they were last in step.
On a store whose batch is one transaction, event, rows and head are one commit. Elsewhere a writer

    1. marks the head: `pending` is the revision that it is about to insert
    2. inserts the event: the commit point; the unique (bot_id, revision) lets one writer through
    3. writes the rows
    4. moves the head from the revision before, which also takes the mark away

so whoever finds a mark finds a bot whose rows may be in motion: if the event is there, the finder
does the rest (`settle`); if it is not, nothing happened yet. Used by `desired` and `ingest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from otto_reconcile.errors import Conflict
from otto_reconcile.model.shared import Declaration, is_stream
from otto_reconcile.records.events import ROWS, Event, EventType, Source
from otto_reconcile.records.head_reader import HeadReader
from otto_reconcile.records.heads import Head, Step
from otto_reconcile.records.rows.digests import rows_digest
from otto_reconcile.records.rows.projections import (
    Rows,
    projection,
    removal,
    rows_of_declaration,
    stored_rows,
)
from otto_reconcile.store.base import Document, Store, Write

_MENDS = 50


class Log:
    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self.now = now
        self._reader = HeadReader(store)

    def heads(self, bot_ids: Sequence[str] | None = None) -> dict[str, Head]:
        """As HeadReader.heads."""
        return self._reader.heads(bot_ids)

    def documents(self, heads: Iterable[Head]) -> dict[str, Document]:
        """As HeadReader.documents."""
        return self._reader.documents(heads)

    def rebuild(self, bot_id: str) -> bool:
        """As HeadReader.rebuild."""
        return self._reader.rebuild(bot_id)

    def settled(self, bot_ids: Sequence[str] | None = None) -> dict[str, Head]:
        """The heads, after finishing whatever a writer that died has left half done."""
        heads = self.heads(bot_ids)
        marked = [head for head in heads.values() if head.pending is not None]
        finished = [head for head in marked if self.settle(head)]
        return self.heads(bot_ids) if finished else heads

    def settle(self, head: Head) -> bool:
        """True if an event was found behind the mark; its projection is finished then."""
        event = self.behind(head)
        if event is None:
            return False
        before = self._last(head)
        step = Step(event, head, before)
        self.store.batch(list(self._rows(step)))
        self._move(event, self._after(step))
        return True

    def behind(self, head: Head) -> Event | None:
        """The event that the head's mark announced, if it has been inserted."""
        where = {"bot_id": head.bot_id, "revision": head.pending}
        found = self.store.find("events", where) if head.pending is not None else []
        with suppress(ValueError):
            return Event.from_document(found[0]) if found else None
        return None

    def append(self, steps: Sequence[Step]) -> None:
        """Records the events and brings rows and heads after them. Raises Conflict."""
        if not steps:
            return
        events = Write("insert", "events", [step.event.to_document() for step in steps])
        if self.store.atomic:
            writes = self._all_rows(steps)
            heads = Write("put", "heads", [asdict(self._after(step)) for step in steps])
            self.store.batch([events, *writes, heads])
            return
        self._mark(steps)
        self.store.batch([events])
        self.store.batch(self._all_rows(steps))
        for step in steps:
            self._move(step.event, self._after(step))

    def append_won(self, steps: Sequence[Step]) -> dict[str, Event]:
        """Those of the events that were recorded: all, unless another writer was among them."""
        try:
            self.append(steps)
        except Conflict:
            done = self.recorded([step.event for step in steps])
            self.settled(sorted(s.event.bot_id for s in steps))
            return {s.event.bot_id: s.event for s in steps if s.event.event_id in done}
        return {step.event.bot_id: step.event for step in steps}

    def marker(self) -> str:
        """A text that differs whenever an event was added since: by anyone, by whatever clock."""
        order = [("time", -1), ("bot_id", -1), ("revision", -1)]
        fields = ("bot_id", "revision")
        newest = self.store.find("events", order=order, limit=1, fields=fields)
        count = self.store.size("events")
        told = ":".join(str(newest[0].get(name)) for name in fields) if newest else ""
        return f"{count}:{told}" if newest else "0"

    def names(self) -> set[str]:
        """All that there are events of."""
        found = (
            document.get("bot_id") for document in self.store.find("events", fields=("bot_id",))
        )
        return {name for name in found if is_stream(name)}

    def deleted(self, since: datetime) -> dict[str, Source]:
        """What was deleted since then, with the last source of it, as far as that can be read."""
        where = {"type": str(EventType.DELETED), "time": {"$gt": since}}
        found: dict[str, Source] = {}
        for document in self.store.find("events", where, fields=("bot_id", "source", "time")):
            with suppress(KeyError, TypeError, AttributeError):
                if is_stream(document.get("bot_id")):
                    found[document["bot_id"]] = Source.from_document(document["source"])
        return found

    def recorded(self, events: Sequence[Event]) -> set[str]:
        """The ids of those of the events that are in the log."""
        where = {"event_id": {"$in": [event.event_id for event in events]}}
        return {
            str(found.get("event_id"))
            for found in self.store.find("events", where, fields=("event_id",))
        }

    def renew_rows(self, head: Head, rows: str) -> None:
        """Notes that rows of this digest say the same as those before, in another spelling."""
        where = {"bot_id": head.bot_id, "revision": head.revision, "rows": head.rows}
        self.store.swap("heads", where, {"rows": rows})

    def _all_rows(self, steps: Sequence[Step]) -> list[Write]:
        stored = stored_rows(
            self.store, [step.event.bot_id for step in steps if _projects(step.event)]
        )
        merged: dict[tuple[str, str], Write] = {}
        for step in steps:
            for write in self._rows(step, stored.get(step.event.bot_id, {})):
                key = (write.operation, write.collection)
                earlier = merged[key].documents if key in merged else ()
                merged[key] = Write(*key, [*earlier, *write.documents])
        return [merged[key] for key in sorted(merged)]

    def _rows(
        self,
        step: Step,
        stored: Rows | None = None,
        *,
        over: bool = False,
    ) -> Iterable[Write]:
        """With `over` also the rows that others wrote: ours may have come over them."""
        event = step.event
        if not _projects(event) and not (over and event.source.kind == ROWS):
            return ()
        if event.declaration is None:
            return removal(event.bot_id)
        if stored is None:
            stored = self._reader.stored(event)
        return projection(event.declaration, step.before, stored, event.time, whole=step.whole)

    def _after(self, step: Step) -> Head:
        event, rows = step.event, step.head.rows if step.head else ""
        if event.declaration is None:
            rows = ""
        elif event.source.kind == ROWS or _projects(event):
            rows = step.rows or rows_digest(rows_of_declaration(event.declaration))
        deleted = event.declaration is None
        return Head(event.bot_id, event.revision, None, event.event_id, deleted, rows)

    def _mark(self, steps: Sequence[Step]) -> None:
        """Raises Conflict when the head is no longer the one that was read."""
        new = [step.event for step in steps if step.head is None]
        if new:
            heads = [Head(event.bot_id, pending=event.revision) for event in new]
            with suppress(Conflict):  # another writer's mark, or our own of an earlier try
                self.store.insert("heads", [asdict(head) for head in heads])
                new = []
        for event in (*new, *(step.event for step in steps if step.head is not None)):
            self._mark_one(event)

    def _mark_one(self, event: Event) -> None:
        where = {"bot_id": event.bot_id, "revision": event.revision - 1}
        if self.store.swap("heads", where, {"pending": event.revision}):
            return
        if event.revision > 1 or self.store.find("heads", {"bot_id": event.bot_id}):
            raise Conflict(f"bot {event.bot_id!r} was changed by another writer just now")
        with suppress(Conflict):
            self.store.insert("heads", [asdict(Head(event.bot_id, pending=event.revision))])

    def _move(self, event: Event, after: Head) -> None:
        if not self._moved(event, after):
            self._mend(event)

    def _moved(self, event: Event, after: Head) -> bool:
        """Only from the revision before: a writer that was late must not take a head back."""
        where = {"bot_id": event.bot_id, "revision": event.revision - 1}
        return self.store.swap("heads", where, asdict(after))

    def _mend(self, event: Event) -> None:
        """Others went on while our rows of `event` were being written: theirs are put over ours.

        Done when the head is at what we wrote last and nothing is recorded after it: whoever
        records next reads our rows first, and knows them by what was before.
        """
        for _ in range(_MENDS):
            head = self.heads([event.bot_id]).get(event.bot_id)
            if head is None or head.revision < event.revision:
                return
            if head.revision > event.revision:
                newest = self.documents([head]).get(event.bot_id)
                try:
                    event = Event.from_document(newest or {})
                except ValueError:
                    return
                self._reader.write_whole(event)
                continue
            following = self.behind(head)
            if following is None:
                return
            step = Step(following, head, event.declaration)
            self.store.batch(list(self._rows(step, over=True)))
            if self._moved(following, self._after(step)):
                return
            event = following

    def _last(self, head: Head) -> Declaration | None:
        found = self.documents([head]).get(head.bot_id) if head.event_id else None
        with suppress(ValueError):
            return Event.from_document(found).declaration if found else None
        return None


def _projects(event: Event) -> bool:
    """Rows that others wrote are left as they wrote them; suspension is not in the rows."""
    if event.type in (EventType.SUSPENDED, EventType.RESUMED):
        return False
    return event.declaration is None or event.source.kind != ROWS
