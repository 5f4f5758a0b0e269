"""The store in memory: for tests, and for `--ephemeral`, where nothing is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from otto_reconcile.errors import Conflict
from otto_reconcile.store.base import (
    LARGEST_TOKEN,
    Collection,
    Document,
    Filter,
    Moved,
    Order,
    Position,
    Write,
)
from otto_reconcile.store.collections import COLLECTIONS, WATCHED, key_of, refuse_unfit
from otto_reconcile.store.matching import matches, ordered
from otto_reconcile.store.tracking import Tracking, is_watched, told


class MemoryStore:
    """One process only; forgets everything at its end."""

    label = "memory"
    atomic = True

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._data: dict[str, list[Document]] = {name: [] for name in COLLECTIONS}
        self._keys: dict[str, dict[tuple[Any, ...], int]] = {name: {} for name in COLLECTIONS}
        self._tracking, self._clock = Tracking(), 0

    def ping(self) -> None:
        return

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        self.batch([Write("insert", collection, documents)])

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        self.batch([Write("put", collection, documents)])

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        refuse_unfit(collection, [changes])
        with self._lock:
            for document in self._candidates(collection, where):
                if matches(document, where):
                    document.update(copied(changes))
                    self._index(collection)
                    self._tick(collection in WATCHED, None)
                    return True
        return False

    def delete(self, collection: str, where: Filter) -> int:
        with self._lock:
            gone = self._delete(collection, where)
            self._tick(bool(gone) and collection in WATCHED, None)
            return gone

    def batch(self, writes: Sequence[Write]) -> None:
        with self._lock:
            names = {write.collection for write in writes}
            before = {name: (list(self._data[name]), dict(self._keys[name])) for name in names}
            try:
                for write in writes:
                    self._do(write)
                self._tick(is_watched(writes), told(writes))
            except BaseException:
                for name, (data, keys) in before.items():
                    self._data[name], self._keys[name] = data, keys
                raise

    def size(self, collection: str) -> int:
        with self._lock:
            return len(self._data[collection])

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        with self._lock:
            found = [d for d in self._candidates(collection, where) if matches(d, where)]
            found = ordered(found, order)[: limit or None]
            return [copied(_projected(document, fields)) for document in found]

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        return None

    def moved(self, since: Position | None) -> Moved:
        with self._lock:
            return self._tracking.moved(since, self._clock)

    def close(self) -> None:
        return

    def _tick(self, watched: bool, names: frozenset[str] | None) -> None:
        if watched:
            self._tracking.note(self._clock, self._clock + 1, names)
            self._clock += 1

    def _delete(self, collection: str, where: Filter) -> int:
        kept = [d for d in self._data[collection] if not matches(d, where)]
        gone = len(self._data[collection]) - len(kept)
        if gone:
            self._data[collection] = kept
            self._index(collection)
        return gone

    def _do(self, write: Write) -> None:
        if write.operation == "delete":
            for where in write.documents:
                self._delete(write.collection, where)
            return
        refuse_unfit(write.collection, write.documents)
        collection, data = COLLECTIONS[write.collection], self._data[write.collection]
        keys = self._keys[write.collection]
        for document in write.documents:
            key = _mark(collection, document)
            at = keys.get(key)
            if at is not None and write.operation == "supersede":
                if _fences(data[at].get("token"), document["token"]):
                    raise Conflict(f"{collection.name}: another writer has a newer token")
                data[at] = copied(document)
                continue
            if at is not None and write.operation == "put":
                data[at] = copied(document)
                continue
            if at is not None and collection.own:
                raise Conflict(f"{collection.name}: {'/'.join(map(str, key))} is there already")
            keys.setdefault(key, len(data))
            data.append(copied(document))

    def _candidates(self, collection: str, where: Filter | None) -> list[Document]:
        """Those that may fit: one where the filter names a whole unique key, else all."""
        definition, data = COLLECTIONS[collection], self._data[collection]
        key = key_of(definition, where or {})
        if definition.own and all(isinstance(value, str | int) for value in key):
            at = self._keys[collection].get(key)
            return [] if at is None else [data[at]]
        return data

    def _index(self, collection: str) -> None:
        keys: dict[tuple[Any, ...], int] = {}
        for at, document in enumerate(self._data[collection]):
            keys.setdefault(_mark(COLLECTIONS[collection], document), at)
        self._keys[collection] = keys


def _mark(collection: Collection, document: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key as it can be looked up: other programs' rows may have lists and objects in theirs."""
    key = key_of(collection, document)
    try:
        hash(key)
    except TypeError:
        return (repr(key),)
    return key


def _fences(there: Any, token: int) -> bool:
    return isinstance(there, int) and token < there <= LARGEST_TOKEN


def copied(value: Any) -> Any:
    """A deep copy with every time cut to whole milliseconds, as all stores keep it."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    return value


def _projected(document: Document, fields: Sequence[str]) -> Document:
    return {f: document[f] for f in fields if f in document} if fields else document
