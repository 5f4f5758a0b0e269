"""Which target each bot is on, by the targets' names: one at a time, whoever reads or writes.

A bot is placed once it is whole on a target. A bot that moves is made on its new target first, is
placed there then, and the old one keeps it until it was seen on the new one once more; so some
target has all of it at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from otto_reconcile.errors import Conflict
from otto_reconcile.records.events import now_utc
from otto_reconcile.store.base import Document, Store

COLLECTION, TARGETS = "placements", "targets"
FEW = 100
"""So many are asked for by their ids; of more, all are read."""


class Placement(NamedTuple):
    """The target of a bot, and the one that it came from, as long as that is to keep it."""

    target: str
    before: str | None = None


class Placements:
    """In the store, for all daemons. Every method blocks, and raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> dict[str, Placement]:
        """Each bot that is placed; a damaged record is passed over."""
        return _read(self._store.find(COLLECTION))

    def place(
        self, bots: Mapping[str, str | None], target: str, *, keep: bool = True
    ) -> dict[str, Placement]:
        """Places bots on a target, each given with the target before; None is nowhere.

        With `keep` the target before keeps it, until `confirm`. Gives those that are placed
        otherwise by now, by somebody else: of two that place a bot at the same time one wins.
        """
        new = [bot_id for bot_id, before in bots.items() if before is None]
        self._insert([_document(bot_id, target) for bot_id in sorted(new)])
        for bot_id, before in sorted(bots.items()):
            if before is not None:
                where = {"bot_id": bot_id, "target": before}
                kept = before if keep else None
                self._store.swap(COLLECTION, where, _document(bot_id, target, kept))
        now = self._of(bots) if len(bots) <= FEW else self.read()
        return {b: now[b] for b in bots if b in now and now[b].target != target}

    def confirm(self, bots: Mapping[str, str], target: str) -> None:
        """These bots are on the target for good: the one before, given with each, lets them go."""
        for bot_id, before in sorted(bots.items()):
            where = {"bot_id": bot_id, "target": target, "before": before}
            self._store.swap(COLLECTION, where, {"before": None})

    def register(self, target: str, server: str, url: str) -> frozenset[str]:
        """Which server a target is, and where it is reached, for routers.

        Gives the other names under which this very server is known.
        """
        known = self._store.find(TARGETS, {"server": server})
        document = {"target": target, "server": server, "url": url}
        if document not in known:
            self._store.put(TARGETS, [document])
        names = (one.get("target") for one in known)
        return frozenset(n for n in names if isinstance(n, str) and n != target)

    def addresses(self) -> dict[str, str]:
        """The URL of each target that a daemon ever had, by its name."""
        found = ((d.get("target"), d.get("url")) for d in self._store.find(TARGETS))
        return {n: url for n, url in found if isinstance(n, str) and isinstance(url, str)}

    def forget(self, bot_ids: Iterable[str], target: str) -> None:
        """These bots are on the target no more, and on no other."""
        for bot_id in bot_ids:
            self._store.delete(COLLECTION, {"bot_id": bot_id, "target": target})

    def _insert(self, documents: list[Document]) -> None:
        """All but those that somebody else has placed meanwhile."""
        try:
            self._store.insert(COLLECTION, documents)
        except Conflict:
            there = self.read()
            for document in documents:
                if document["bot_id"] not in there:
                    self._insert_one(document)

    def _insert_one(self, document: Document) -> None:
        try:
            self._store.insert(COLLECTION, [document])
        except Conflict:
            return

    def _of(self, bot_ids: Iterable[str]) -> dict[str, Placement]:
        return _read(self._store.find(COLLECTION, {"bot_id": {"$in": sorted(bot_ids)}}))


def _read(documents: Iterable[Document]) -> dict[str, Placement]:
    placed = {}
    for document in documents:
        bot_id, target, before = (document.get(name) for name in ("bot_id", "target", "before"))
        if isinstance(bot_id, str) and isinstance(target, str):
            placed[bot_id] = Placement(target, before if isinstance(before, str) else None)
    return placed


def _document(bot_id: str, target: str, before: str | None = None) -> Document:
    return {"bot_id": bot_id, "target": target, "before": before, "since": now_utc()}
