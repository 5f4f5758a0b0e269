"""A store to think in: reads what is kept, and keeps what is written to itself. `diff` uses it.

A collection is copied to memory when it is first written to. So an import or a look at the rows
can be played through exactly as the daemon would do it, and nothing is changed anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otto_reconcile.store.base import Document, Filter, Order, Store, Write
from otto_reconcile.store.memory import MemoryStore


class ScratchStore:
    """Over another store, which is never written. See `store.base.Store`."""

    atomic = True

    def __init__(self, kept: Store) -> None:
        self._kept = kept
        self._own = MemoryStore()
        self._copied: set[str] = set()

    @property
    def label(self) -> str:
        return self._kept.label

    def ping(self) -> None:
        self._kept.ping()

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        self._writable(collection).insert(collection, documents)

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        self._writable(collection).put(collection, documents)

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        return self._writable(collection).swap(collection, where, changes)

    def delete(self, collection: str, where: Filter) -> int:
        return self._writable(collection).delete(collection, where)

    def batch(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._writable(write.collection)
        self._own.batch(writes)

    def size(self, collection: str) -> int:
        return self._readable(collection).size(collection)

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        store = self._readable(collection)
        return store.find(collection, where, order=order, limit=limit, fields=fields)

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        return None

    def close(self) -> None:
        self._kept.close()

    def _readable(self, collection: str) -> Store:
        return self._own if collection in self._copied else self._kept

    def _writable(self, collection: str) -> Store:
        if collection not in self._copied:
            self._own.insert(collection, self._kept.find(collection))
            self._copied.add(collection)
        return self._own
