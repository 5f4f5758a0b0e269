"""The bots that this data directory has managed, so that a store that lost them is noticed.

A store keeps the record of a bot also after its deletion. One that has no record at all of a bot
was emptied, is another store than before, or came from an older backup: what it says is not what
anybody wants.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from otto_reconcile import guard, home
from otto_reconcile.events import Desired
from otto_reconcile.store.base import Store

FILE = "managed.json"
IN_MEMORY = "memory"
"""The label of a store that begins empty with each process: nothing is remembered of it."""


class Remembered:
    """One writer: the daemon that owns the folder. Without a folder this process alone knows."""

    def __init__(self, folder: Path | None, store: Store) -> None:
        self._file = folder / FILE if folder is not None and store.label != IN_MEMORY else None
        self._store = store
        self._known: dict[str, str] | None = None  # the label of the store that had each bot
        self.managed_before = False
        """The target bears the mark of a daemon, and this store knows nothing of that."""

    def look(self, desired: Desired) -> str | None:
        """Notes what is wanted now; gives a sentence if bots are lost. Raises StoreUnavailable."""
        known = self._load()
        lost = self.lost(desired)
        wanted = dict.fromkeys((*desired.bots, *desired.unreadable), self._store.label)
        now = {**{bot_id: known[bot_id] for bot_id in lost}, **wanted}
        if now != known:
            self._known = now
            self._save(now)
        if lost:
            return self._told(lost, [known[bot_id] for bot_id in lost])
        if wanted or not self.managed_before:
            return None
        self.managed_before = not self._store.find("heads", limit=1)
        return self._unknown() if self.managed_before else None

    def lost(self, desired: Desired) -> tuple[str, ...]:
        """The bots that were managed and of which the store has no record, sorted."""
        missing = self._load().keys() - desired.bots.keys() - desired.unreadable.keys()
        if not missing:
            return ()
        where = {"bot_id": {"$in": sorted(missing)}}
        heads = self._store.find("heads", where, fields=("bot_id",))
        return tuple(sorted(missing - {head.get("bot_id") for head in heads}))

    def _told(self, lost: Collection[str], before: Collection[str]) -> str:
        were = " and ".join(sorted(set(before) - {self._store.label}))
        changed = f" (they were in {were})" if were else ""
        names = tuple(sorted(lost))
        return (
            f"{self._store.label} has no record of {guard.some(names)}, which this data directory "
            f"has managed{changed}: it was emptied, or it is not the right one. Nothing is "
            f"deleted on the target. Name the right store or restore a backup; or "
            f"`otto-reconcile adopt --manage` takes the bots from the target as they are; "
            f"{guard.if_meant(names)}"
        )

    def _unknown(self) -> str:
        return (
            f"{self._store.label} is empty, and the target was managed with another store before. "
            "Nothing is deleted there. Name the right store or restore a backup; or "
            "`otto-reconcile adopt --manage` takes the bots from the target as they are"
        )

    def _load(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            with suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
                document = json.loads((self._file or Path()).read_text("utf-8"))
                self._known = {str(bot): str(label) for bot, label in document["bots"].items()}
        return self._known

    def _save(self, bots: dict[str, str]) -> None:
        """A disk that is full is told by others; the next change is written again."""
        if self._file is not None:
            with suppress(OSError):
                home.write_whole(self._file, json.dumps({"bots": bots}))
