"""The store: collections of documents, and the few operations that all the rest is built on.

Documents are mappings of JSON values and timezone-aware datetimes (UTC, whole milliseconds).
`_id` is the store's own and is never part of a document given or returned. A collection has key
fields (see `collections.COLLECTIONS`); where a collection is `own`, the store holds them unique.

Filters are equality by field, or `{"$in": [...]}`, `{"$gt": x}`, `{"$gte": x}`, `{"$lt": x}`,
`{"$ne": x}`; all fields must hold. A missing field equals None.

Every operation raises StoreUnavailable when the store does not answer, PermanentError for a
document that no store gives back as it took it (`runtime.limits`, the same for all), and nothing
else but what is named here. All operations are blocking and may be called from any thread.

A document that is there and cannot be read is found all the same: it has its key fields, as far as
they can be told, and the reason under DAMAGED. One such document holds no other up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Document: TypeAlias = dict[str, Any]
Filter: TypeAlias = Mapping[str, Any]
Order: TypeAlias = Sequence[tuple[str, int]]


DAMAGED = "$damaged"
"""The field of a found document that says why the rest of it could not be read."""


LARGEST_TOKEN = 2**53
"""A larger `token` is damage, and fences nothing off."""


@dataclass(frozen=True, slots=True)
class Collection:
    """`keys` identify a document. `own`: no other program writes it, so keys can be held unique."""

    name: str
    keys: tuple[str, ...]
    own: bool
    indexes: tuple[tuple[str, ...], ...] = ()


class Write(NamedTuple):
    """One write of a batch. For `delete` each of the documents is a filter.

    `supersede` is a put fenced by the documents' `token`, a number: where one is there with a
    larger token (of at most LARGEST_TOKEN), that one stays, and Conflict is raised. For
    collections that are `own`.
    """

    operation: Literal["insert", "put", "supersede", "delete"]
    collection: str
    documents: Sequence[Mapping[str, Any]]


Position: TypeAlias = tuple[int, int]
"""What a store calls the state it is in; of use only to be given back to it."""


class Moved(NamedTuple):
    """How the desired state has moved: `position` is that of now, to be asked from the next time.

    `names` are the bots and shared documents that the events recorded since then are about; None
    where there may be more to it: others wrote, or rows were written without an event.
    """

    position: Position
    names: frozenset[str] | None


class Store(Protocol):
    """One open store. Implementations: memory, SQLite, MongoDB; one contract suite runs on all."""

    @property
    def label(self) -> str:
        """For people and logs: what and where, never with credentials."""
        ...

    @property
    def atomic(self) -> bool:
        """True if a batch is one transaction: all of it happens or nothing, seen at once."""
        ...

    def ping(self) -> None:
        """Returns if the store answers; else raises StoreUnavailable."""
        ...

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        """Adds them, all or up to the first that fails. Raises Conflict if a key is there."""
        ...

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        """Inserts or wholly replaces by the collection's key fields. Idempotent."""
        ...

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        """Compare and set: sets fields of the one document that fits `where`, atomically.

        False if none fits. With `where` naming the old values, at most one of many writers wins.
        """
        ...

    def delete(self, collection: str, where: Filter) -> int:
        """Deletes all that fit; returns how many."""
        ...

    def batch(self, writes: Sequence[Write]) -> None:
        """All the writes, in order; one transaction where the store is `atomic`, else one by one.

        Raises Conflict as `insert` does, and for a `supersede` that came too late.
        """
        ...

    def size(self, collection: str) -> int:
        """A number that changes whenever a document is added where none is ever deleted. Cheap."""
        ...

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        """Those that fit, in order (1 up, -1 down), at most `limit` (0: all).

        With `fields` these alone, and perhaps without those that are None.
        """
        ...

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        """An endless iterator that yields whenever another writer may have changed something.

        MongoDB: a change stream where there is one. SQLite: PRAGMA data_version, polled. None
        where the store cannot tell and the caller has to poll the newest event. The iterator
        blocks until there is something; it ends within about a second of `until` being set or of
        `close`, and with StoreUnavailable when the store does not answer. Raises StoreUnavailable
        likewise.
        """
        ...

    def moved(self, since: Position | None) -> Moved:
        """What was written into the collections that are watched since a position; None is ever.

        Cheap. A store that cannot tell always has None for the names.
        """
        ...

    def close(self) -> None:
        """Idempotent."""
        ...
