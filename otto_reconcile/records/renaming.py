"""Finds the bots that another program renamed in the rows, and ends what it left half done.

Asked by `ingest`; what a rename is, `renames` says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from otto_reconcile.model.shared import is_shared
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.events import Desired, EventType
from otto_reconcile.records.heads import Head
from otto_reconcile.records.renames import DECLARING, Renames, RowsByBot, left, renames
from otto_reconcile.records.rows.decoding import is_otto
from otto_reconcile.store.collections import COLLECTIONS, key_of

RESTS = timedelta(seconds=10)
"""How long rows of a rename that is half done have to stay as they are: their writer has left."""


class Renaming:
    """Remembers since when a rename has rested: one that is seen once is not ended here."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._resting: dict[str, tuple[int, datetime]] = {}

    def find(
        self,
        rows: RowsByBot,
        heads: Mapping[str, Head],
        desired: Desired,
        moving: Collection[str],
    ) -> Renames:
        """`moving` are the bots that are being written just now."""
        wanted = {bot_id: one.bot for bot_id, one in desired.bots.items()}
        lost = {i for i in wanted if not rows.get(i, {}).get("bots")} - set(moving)
        otto = {i for i, its in rows.items() if not is_shared(i) and is_otto(i, its)}
        return renames(
            rows,
            lost,
            wanted,
            known=heads.keys(),
            busy={*moving, *desired.unreadable, *otto},
            declared=lambda bot_id: self._declared(bot_id) if bot_id in wanted else None,
        )

    def _declared(self, bot_id: str) -> str | None:
        """Who has declared a bot and would bring it back, if anybody since it was made."""
        order, fields = [("revision", -1)], ("type", "source")
        for event in self._log.store.find("events", {"bot_id": bot_id}, order=order, fields=fields):
            if event.get("type") == EventType.DELETED:
                break
            source = event.get("source")
            if isinstance(source, Mapping) and source.get("kind") in DECLARING:
                return str(source.get("path") or source["kind"])
        return None

    def finish(self, rows: RowsByBot, found: Renames) -> bool:
        """Gives rows that were left behind the new id, once their writer is gone; True if any."""
        now, resting, moved = self._log.now(), self._resting, False
        self._resting = {}
        for before, after in found.begun.items():
            mark = hash(repr((rows[before], rows[after])))
            seen, since = resting.get(before, (mark, now))
            since = since if seen == mark and since <= now else now
            self._resting[before] = mark, since
            if now - since >= RESTS:
                self._move(rows, before, after)
                moved = True
        return moved

    def _move(self, rows: RowsByBot, before: str, after: str) -> None:
        """What the bot has under its new id too is a copy, and goes."""
        store, its = self._log.store, rows[after]
        new = its["bots"][0]["bot_id"]
        for name, same in left(rows, before).items():
            collection = COLLECTIONS[name]
            there = {key_of(collection, row) for row in its[name]}
            for row in same:
                where = {key: row.get(key) for key in (*collection.keys, "bot_id")}
                if key_of(collection, {**row, "bot_id": new}) in there:
                    store.delete(name, where)
                else:
                    store.swap(name, where, {"bot_id": new})
