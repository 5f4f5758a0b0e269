"""A store to think in: reads what is kept, and keeps what is written to itself. `diff` uses it.

A collection is copied to memory when it is first written to. So an import or a look at the rows
can be played through exactly as the daemon would do it, and nothing is changed anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from otto_reconcile.store.base import Store, Write
from otto_reconcile.store.memory import MemoryStore
from otto_reconcile.store.over import StoreOver


class ScratchStore(StoreOver):
    """Over another store, which is never written. See `store.base.Store`."""

    atomic = True

    def __init__(self, kept: Store) -> None:
        super().__init__(kept)
        self._own = MemoryStore()
        self._copied: set[str] = set()

    def batch(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._writable(write.collection)
        self._own.batch(writes)

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        return None

    def _readable(self, collection: str) -> Store:
        return self._own if collection in self._copied else self._kept

    def _writable(self, collection: str) -> Store:
        if collection not in self._copied:
            self._own.insert(collection, self._kept.find(collection))
            self._copied.add(collection)
        return self._own
