"""What lost its rows together with others, and was kept: also once the others have theirs again.

The guard against mass loss counts what is missing now. A person who puts the rows of one bot after
the other in order must not make the last one look like a single row that was deleted by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from otto_reconcile.model.shared import is_stream
from otto_reconcile.records.fields import texts
from otto_reconcile.store.base import Store

COLLECTION = "withheld"

Lost = Mapping[str, frozenset[str]]
"""By bot or shared document, the collections in which it has no row although it should."""


class Withheld:
    """In the store, for all daemons and commands alike. Raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lost(self) -> Lost:
        """What was kept at the last look of anybody; a damaged record is passed over."""
        found: dict[str, frozenset[str]] = {}
        for document in self._store.find(COLLECTION):
            name = document.get("bot_id")
            with suppress(TypeError):
                if is_stream(name):
                    found[name] = frozenset(texts(document.get("collections")))
        return found

    def note(self, before: Lost, now: Lost) -> None:
        """Keeps what is withheld now; nothing is written where that is as it was."""
        gone = sorted(before.keys() - now.keys())
        if gone:
            self._store.delete(COLLECTION, {"bot_id": {"$in": gone}})
        new = [name for name in sorted(now) if now[name] != before.get(name)]
        if new:
            documents = [{"bot_id": name, "collections": sorted(now[name])} for name in new]
            self._store.put(COLLECTION, documents)


def merged(lost: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Pairs of a name and a collection, by name."""
    found: dict[str, set[str]] = {}
    for name, collection in lost:
        found.setdefault(name, set()).add(collection)
    return {name: frozenset(collections) for name, collections in found.items()}
