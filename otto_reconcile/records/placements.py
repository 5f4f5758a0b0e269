"""Which target each bot is on, by the targets' names: one at a time, whoever reads or writes.

A bot is placed once it is whole on a target. A bot that moves is made on its new target first, is
placed there then, and is deleted from the old one last; so this record always names one target on
which all of the bot is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from otto_reconcile.errors import Conflict
from otto_reconcile.records.events import now_utc
from otto_reconcile.store.base import Document, Store

COLLECTION, TARGETS = "placements", "targets"
FEW = 100
"""So many are asked for by their ids; of more, all are read."""


class Placements:
    """In the store, for all daemons. Every method blocks, and raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> dict[str, str]:
        """The target of each bot that is placed; a damaged record is passed over."""
        found = ((d.get("bot_id"), d.get("target")) for d in self._store.find(COLLECTION))
        return {b: name for b, name in found if isinstance(b, str) and isinstance(name, str)}

    def place(self, bots: Mapping[str, str | None], target: str) -> dict[str, str]:
        """Places bots on a target, each given with the target before; None is nowhere.

        Gives those that are placed otherwise by now, with the target that somebody else gave them:
        of two that place a bot at the same time one wins.
        """
        new = [bot_id for bot_id, before in bots.items() if before is None]
        self._insert([_document(bot_id, target) for bot_id in sorted(new)])
        for bot_id, before in sorted(bots.items()):
            if before is not None:
                where = {"bot_id": bot_id, "target": before}
                self._store.swap(COLLECTION, where, _document(bot_id, target))
        now = self._of(bots) if len(bots) <= FEW else self.read()
        return {bot_id: now[bot_id] for bot_id in bots if now.get(bot_id, target) != target}

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

    def _of(self, bot_ids: Iterable[str]) -> dict[str, str]:
        found = self._store.find(COLLECTION, {"bot_id": {"$in": sorted(bot_ids)}})
        return {str(one["bot_id"]): str(one.get("target")) for one in found}


def _document(bot_id: str, target: str) -> Document:
    return {"bot_id": bot_id, "target": target, "since": now_utc()}
