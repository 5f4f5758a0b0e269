"""A store that takes nothing but the next revision of what a plan was decided on.

So nothing gets in between the last look and the write: `apply PLAN` writes through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otto_reconcile.errors import Conflict, OttoError
from otto_reconcile.store.base import Document, Store, Write
from otto_reconcile.store.over import StoreOver


class Overtaken(OttoError):
    """Others wrote desired state after the plan was checked."""


class PinnedStore(StoreOver):
    """Over another store. `base` has the revision of each name, 0 where there is none yet."""

    def __init__(self, kept: Store, base: Mapping[str, int]) -> None:
        super().__init__(kept)
        self._base = base
        self._written: list[str] = []

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        self.batch([Write("insert", collection, documents)])

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
            super().batch(writes)
        except Conflict as error:
            if not events:
                raise
            raise self._overtaken(str(events[0]["bot_id"])) from error
        self._written += [str(event["bot_id"]) for event in events]

    def _overtaken(self, name: str) -> Overtaken:
        base, done = self._base.get(name, 0), ", ".join(self._written)
        return Overtaken(
            f"{name} was changed just now: it is no longer at revision {base}, on which the plan"
            f" was decided; {f'imported before that: {done}' if done else 'nothing was imported'}",
            hint="make the plan anew with otto-reconcile diff --out",
        )
