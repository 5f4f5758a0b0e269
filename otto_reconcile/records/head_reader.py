"""Heads as they are stored, each checked against its event, and made again where it is damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from otto_reconcile.model.shared import is_stream
from otto_reconcile.records.events import Event, EventType
from otto_reconcile.records.heads import Head, is_sound
from otto_reconcile.records.rows.digests import rows_digest
from otto_reconcile.records.rows.projections import (
    Rows,
    projection,
    removal,
    rows_of_declaration,
    stored_rows,
)
from otto_reconcile.store.base import Document, Filter, Store

_AT_ONCE = 500
_TOLD = ("event_id", "bot_id", "revision", "type")  # what a head repeats of its event
_LOST = "?"  # the id of an event that cannot be read


class HeadReader:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._checked: dict[str, Head] = {}  # those that say what their events say, or cannot
        self._known: frozenset[str] | None = None  # of whom there was a head; None: not looked yet

    def heads(self, bot_ids: Sequence[str] | None = None) -> dict[str, Head]:
        """All of them, or those of these bots; of what has lost its head, one made anew."""
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

    def rebuild(self, bot_id: str) -> bool:
        """Head and rows of a bot from its newest event; False if that cannot be read."""
        newest = self._newest(bot_id)
        try:
            event = Event.from_document(newest)
        except ValueError:
            return False
        self.write_whole(event)
        rows = (
            rows_digest(rows_of_declaration(event.declaration))
            if event.declaration is not None
            else ""
        )
        deleted = event.declaration is None
        head = Head(bot_id, event.revision, None, event.event_id, deleted, rows)
        self.store.put("heads", [asdict(head)])
        return True

    def _newest(self, bot_id: str) -> Document:
        """The newest event of a bot as it is stored; empty if there is none."""
        order = [("revision", -1)]
        found = self.store.find("events", {"bot_id": bot_id}, order=order, limit=1)
        return found[0] if found else {}

    def write_whole(self, event: Event) -> None:
        """Brings the rows to what this event says, whoever wrote what is there."""
        if event.declaration is None:
            self.store.batch(list(removal(event.bot_id)))
            return
        stored = self.stored(event)
        self.store.batch(list(projection(event.declaration, None, stored, event.time, whole=True)))

    def stored(self, event: Event) -> Rows:
        """The rows as they are, of what the event is about."""
        return stored_rows(self.store, [event.bot_id])[event.bot_id]
