"""A store that takes nothing but the next revision of what a plan was decided on.

So nothing gets in between the last look and the write: `apply PLAN` writes through it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otto_reconcile.errors import Conflict, OttoError
from otto_reconcile.store.base import Document, Filter, Order, Store, Write


class Overtaken(OttoError):
    """Others wrote desired state after the plan was checked."""


class PinnedStore:
    """Over another store. `base` has the revision of each name, 0 where there is none yet."""

    def __init__(self, kept: Store, base: Mapping[str, int]) -> None:
        self._kept, self._base = kept, base
        self._written: list[str] = []

    @property
    def atomic(self) -> bool:
        return self._kept.atomic

    @property
    def label(self) -> str:
        return self._kept.label

    def ping(self) -> None:
        self._kept.ping()

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        self.batch([Write("insert", collection, documents)])

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        self._kept.put(collection, documents)

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        return self._kept.swap(collection, where, changes)

    def delete(self, collection: str, where: Filter) -> int:
        return self._kept.delete(collection, where)

    def batch(self, writes: Sequence[Write]) -> None:
        """Raises Overtaken for an event that is not the next one, and for one that came second."""
        events = [
            document
            for write in writes
            if write.collection == "events" and write.operation == "insert"
            for document in write.documents
        ]
        for event in events:
            name, revision = str(event["bot_id"]), int(event["revision"])
            if name in self._base and revision > self._base[name] + 1:
                raise self._overtaken(name)
        try:
            self._kept.batch(writes)
        except Conflict as error:
            if not events:
                raise
            raise self._overtaken(str(events[0]["bot_id"])) from error
        self._written += [str(event["bot_id"]) for event in events]

    def size(self, collection: str) -> int:
        return self._kept.size(collection)

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        return self._kept.find(collection, where, order=order, limit=limit, fields=fields)

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        return self._kept.changes(until)

    def close(self) -> None:
        self._kept.close()

    def _overtaken(self, name: str) -> Overtaken:
        base, done = self._base.get(name, 0), ", ".join(self._written)
        return Overtaken(
            f"{name} was changed just now: it is no longer at revision {base}, on which the plan"
            f" was decided; {f'imported before that: {done}' if done else 'nothing was imported'}",
            hint="make the plan anew with otto-reconcile diff --out",
        )
