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

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from otto_reconcile.errors import Conflict
from otto_reconcile.model.shared import Declaration, is_stream
from otto_reconcile.records.events import ROWS, Event, EventType, Source
from otto_reconcile.records.heads import Head, Step, is_sound
from otto_reconcile.records.rows.projections import (
    Rows,
    projection,
    removal,
    rows_digest,
    rows_of_declaration,
    stored_rows,
)
from otto_reconcile.store.base import Document, Filter, Store, Write

_AT_ONCE = 500
_MENDS = 50
_TOLD = ("event_id", "bot_id", "revision", "type")  # what a head repeats of its event
_LOST = "?"  # the id of an event that cannot be read


class Log:
    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self.now = now
        self._checked: dict[str, Head] = {}  # those that say what their events say, or cannot
        self._known: frozenset[str] | None = None  # of whom there was a head; None: not looked yet

    def heads(self, bot_ids: Sequence[str] | None = None) -> dict[str, Head]:
        where = None if bot_ids is None else {"bot_id": {"$in": list(bot_ids)}}
        documents = self.store.find("heads", where)
        named = {d["bot_id"]: d for d in documents if is_stream(d.get("bot_id"))}
        heads = {bot_id: Head.from_document(document) for bot_id, document in named.items()}
        found = {
            bot_id: head if is_sound(head, named[bot_id]) else self._redone(head)
            for bot_id, head in heads.items()
        }
        if bot_ids is None:
            if self._known is None or self._known - found.keys():
                lost = self._without_head(found)
                found |= {bot_id: self._redone(Head(bot_id)) for bot_id in lost}
            self._known = frozenset(found)
        return self._agreeing(found)

    def _agreeing(self, heads: dict[str, Head]) -> dict[str, Head]:
        """The heads; one that says otherwise than its event is made again, if a bot is there.

        Where the event says that the bot was deleted and the head does not, one of them is damaged,
        and nothing is deleted for that: such a bot cannot be read.
        """
        unknown = [h for h in heads.values() if self._checked.get(h.bot_id) != h]
        events = self.documents([head for head in unknown if head.revision], _TOLD)
        for head in unknown:
            wrong = self._contradicts(head, events.get(head.bot_id, {}))
            heads[head.bot_id] = self._redone(head) if wrong else head
            self._checked[head.bot_id] = heads[head.bot_id]
        return heads

    def _contradicts(self, head: Head, event: Document) -> bool:
        if not head.revision:  # of a writer's mark see `settle`
            return head.pending is None and bool(self._newest(head.bot_id))
        ended = event.get("type") == str(EventType.DELETED)
        says = (event.get("bot_id"), event.get("revision"), ended)
        return bool(event) and not ended and says != (head.bot_id, head.revision, head.deleted)

    def _without_head(self, heads: Mapping[str, Head]) -> list[str]:
        """Bots of which there are events alone: their heads were lost."""
        first = self.store.find("events", {"revision": 1}, fields=("bot_id",))
        named = {one["bot_id"] for one in first if is_stream(one.get("bot_id"))}
        return sorted(named - heads.keys())

    def _redone(self, head: Head) -> Head:
        """The head of a bot whose own is damaged, from its newest event; kept from now on."""
        if self.rebuild(head.bot_id):
            return Head.from_document(self.store.find("heads", {"bot_id": head.bot_id})[0])
        newest = self._newest(head.bot_id)
        event_id = newest.get("event_id") or _LOST
        redone = Head(head.bot_id, newest.get("revision", 0), None, event_id)
        redone = redone if is_sound(redone) else Head(head.bot_id)
        self.store.put("heads", [asdict(redone)])
        return redone

    def documents(self, heads: Iterable[Head], fields: Sequence[str] = ()) -> dict[str, Document]:
        """The newest event of each, as it is stored, by bot id; those that are lost are missing."""
        names = {head.event_id: head.bot_id for head in heads}
        ids, found = list(names), dict[str, Document]()
        for at in range(0, len(ids), _AT_ONCE):
            where = {"event_id": {"$in": ids[at : at + _AT_ONCE]}}
            for document in self.store.find("events", where, fields=fields):
                if (event_id := document.get("event_id")) in names:
                    found[names[event_id]] = document
        for head in heads:
            if head.bot_id not in found:  # its id is not to be read: it is found by its place
                at_its_place: Filter = {"bot_id": head.bot_id, "revision": head.revision}
                there = self.store.find("events", at_its_place, fields=fields)
                found.update((head.bot_id, one) for one in there)
        return found

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

    def rebuild(self, bot_id: str) -> bool:
        """Head and rows of a bot from its newest event; False if that cannot be read."""
        newest = self._newest(bot_id)
        try:
            event = Event.from_document(newest)
        except ValueError:
            return False
        self._write_whole(event)
        rows = (
            rows_digest(rows_of_declaration(event.declaration))
            if event.declaration is not None
            else ""
        )
        deleted = event.declaration is None
        head = Head(bot_id, event.revision, None, event.event_id, deleted, rows)
        self.store.put("heads", [asdict(head)])
        return True

    def renew_rows(self, head: Head, rows: str) -> None:
        """Notes that rows of this digest say the same as those before, in another spelling."""
        where = {"bot_id": head.bot_id, "revision": head.revision, "rows": head.rows}
        self.store.swap("heads", where, {"rows": rows})

    def _newest(self, bot_id: str) -> Document:
        """The newest event of a bot as it is stored; empty if there is none."""
        order = [("revision", -1)]
        found = self.store.find("events", {"bot_id": bot_id}, order=order, limit=1)
        return found[0] if found else {}

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
            stored = self._stored(event)
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
                self._write_whole(event)
                continue
            following = self.behind(head)
            if following is None:
                return
            step = Step(following, head, event.declaration)
            self.store.batch(list(self._rows(step, over=True)))
            if self._moved(following, self._after(step)):
                return
            event = following

    def _write_whole(self, event: Event) -> None:
        if event.declaration is None:
            self.store.batch(list(removal(event.bot_id)))
            return
        stored = self._stored(event)
        self.store.batch(list(projection(event.declaration, None, stored, event.time, whole=True)))

    def _stored(self, event: Event) -> Rows:
        return stored_rows(self.store, [event.bot_id])[event.bot_id]

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
