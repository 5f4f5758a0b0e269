"""A store over another one: what a subclass does not do otherwise, the kept store does."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otto_reconcile.store.base import Document, Filter, Moved, Order, Position, Store, Write


class StoreOver:
    """See `store.base.Store`."""

    def __init__(self, kept: Store) -> None:
        self._kept = kept

    @property
    def label(self) -> str:
        return self._kept.label

    @property
    def atomic(self) -> bool:
        return self._kept.atomic

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
        self._kept.batch(writes)

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
        return self._kept.changes(until)

    def moved(self, since: Position | None) -> Moved:
        return self._kept.moved(since)

    def close(self) -> None:
        self._kept.close()

    def _readable(self, collection: str) -> Store:
        """Where a collection is read."""
        return self._kept

    def _writable(self, collection: str) -> Store:
        """Where it is written."""
        return self._kept
