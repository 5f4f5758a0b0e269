"""What lost its rows together with others, and was kept: also once the others have theirs again.

The guard against mass loss counts what is missing now. A person who puts the rows of one bot after
the other in order must not make the last one look like a single row that was deleted by hand.
"""

from __future__ import annotations

from contextlib import suppress

from otto_reconcile.model.shared import is_stream
from otto_reconcile.records.fields import texts
from otto_reconcile.store.base import Store

COLLECTION = "withheld"

Lost = frozenset[tuple[str, str]]
"""Bots and shared documents, each with a collection in which it has no row although it should."""


class Withheld:
    """In the store, for all daemons and commands alike. Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lost(self) -> Lost:
        """What was kept at the last look of anybody; a damaged record is passed over."""
        found: set[tuple[str, str]] = set()
        for document in self._store.find(COLLECTION):
            name = document.get("bot_id")
            with suppress(TypeError):
                if is_stream(name):
                    found |= {(name, one) for one in texts(document.get("collections"))}
        return frozenset(found)

    def note(self, before: Lost, now: Lost) -> None:
        """Keeps what is withheld now; nothing is written where that is as it was."""
        for stream in sorted({stream for stream, _ in before ^ now}):
            if collections := sorted(name for other, name in now if other == stream):
                self._store.put(COLLECTION, [{"bot_id": stream, "collections": collections}])
            else:
                self._store.delete(COLLECTION, {"bot_id": stream})
