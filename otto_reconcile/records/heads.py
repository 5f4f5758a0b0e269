"""A head says which event of a bot is the newest; a step is the next event with what it goes by."""

from __future__ import annotations

from dataclasses import dataclass

from otto_reconcile.model.shared import Declaration
from otto_reconcile.records.events import Event
from otto_reconcile.store.base import DAMAGED, Document, Store


@dataclass(frozen=True, slots=True)
class Head:
    """`rows` is the digest of the rows when they were last in step (`rows_digest`).

    `pending` see the module's text.
    """

    bot_id: str
    revision: int = 0
    pending: int | None = None
    event_id: str = ""
    deleted: bool = False
    rows: str = ""

    @classmethod
    def from_document(cls, document: Document) -> Head:
        return cls(**{name: document[name] for name in cls.__slots__ if name in document})


def any_wanted(store: Store) -> bool:
    """True if a bot or shared document is wanted there. Raises StoreUnavailable."""
    where = {"deleted": False, "revision": {"$gt": 0}}
    return bool(store.find("heads", where, limit=1, fields=("bot_id",)))


_ALWAYS = frozenset({"revision", "event_id", "deleted"})
"""What every head has had from the first version on."""


def is_sound(head: Head, document: Document | None = None) -> bool:
    """False for one that somebody else wrote or damaged."""
    if document is not None and (DAMAGED in document or not document.keys() >= _ALWAYS):
        return False
    types: tuple[tuple[object, type], ...] = (
        (head.revision, int),
        (head.event_id, str),
        (head.deleted, bool),
        (head.rows, str),
    )
    pending: object = head.pending
    return (
        all(isinstance(value, type_) for value, type_ in types)
        and isinstance(pending, int | None)
        and bool(head.event_id) == bool(head.revision)
    )


@dataclass(frozen=True, slots=True)
class Step:
    """An event to be recorded after `head`; `before` is what was wanted, if anything was.

    With `whole`, nobody knows what was: all rows but those that are wanted now go. `rows` is the
    digest of the rows that the event was made from, if they say nothing but it.
    """

    event: Event
    head: Head | None
    before: Declaration | None
    whole: bool = False
    rows: str = ""
