"""What this data directory has managed, so that a store that lost it is noticed.

A store keeps the record of a bot also after its deletion. One that has no record at all of a bot
was emptied, is another store than before, or came from an older backup: what it says is not what
anybody wants. One that has the bot in an earlier revision, or in the same one of another time, was
emptied and filled again (by a folder of manifests, say), or is an older copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from otto_reconcile.model.shared import is_shared
from otto_reconcile.planning import guard
from otto_reconcile.reconcile.remembered_file import RememberedFile, Seen
from otto_reconcile.records.events import Desired, DesiredBot, DesiredShared
from otto_reconcile.store.base import Store

IN_MEMORY = "memory"
"""The label of a store that begins empty with each process: nothing is remembered of it."""


class Remembered:
    """One writer: the daemon that owns the folder. Without a folder this process alone knows.

    `look` and `lost` take bots and what they share alike, each by its name.
    """

    def __init__(self, folder: Path | None, store: Store, label: str | None = None) -> None:
        """`label` is that of a store in whose place this one is asked, because it is not there."""
        self._label = label or store.label
        known = folder is not None and self._label != IN_MEMORY
        self._file = RememberedFile(folder if known else None)
        self._store = store
        self._known: dict[str, Seen] | None = None
        self.lost_names: frozenset[str] = frozenset()
        """What was lost at the last look."""
        self._anew: set[str] = set()  # in this process: what the store has with another past
        self.managed_before = False
        """The target bears the mark of a daemon, and this store knows nothing of that."""

    def look(self, desired: Desired) -> str | None:
        """Notes what is wanted now; gives a sentence if bots are lost. Raises StoreUnavailable."""
        known = self._load()
        lost = self.lost(desired)
        self.lost_names = frozenset(lost)
        wanted = self._wanted(desired, known)
        self._anew |= {n for n, now in wanted.items() if n in known and now.precedes(known[n])}
        self._anew &= wanted.keys()
        now = {**{name: known[name] for name in lost}, **wanted}
        if now != known or not self._file.is_whole:
            self._known = now
            self._file.save(now)
        if lost:
            return self.told(lost)
        if wanted or not self.managed_before:
            return None
        self.managed_before = not self._store.find("heads", limit=1)
        return self._unknown() if self.managed_before else None

    @property
    def bot_ids(self) -> frozenset[str]:
        """The bots that were wanted when this was looked at last, also by an earlier process."""
        return frozenset(name for name in self._load() if not is_shared(name))

    def look_at(self, desired: Desired, names: Iterable[str]) -> None:
        """As `look`, where nothing else has moved since; all of these are on record."""
        known, changes = self._load(), dict[str, Seen | None]()
        for name in names:
            before, now = known.pop(name, None), self._now(name, desired, {})
            self._anew.discard(name)
            if now is not None:
                known[name] = now
                if before is not None and now.precedes(before):
                    self._anew.add(name)
            if now != before:
                changes[name] = now
        self._file.add(changes)

    def lost(self, desired: Desired) -> tuple[str, ...]:
        """What was managed and of which the store has no record, sorted."""
        missing = self._load().keys() - _readable(desired).keys() - _unreadable(desired)
        if not missing:
            return ()
        where = {"bot_id": {"$in": sorted(missing)}}
        heads = self._store.find("heads", where, fields=("bot_id",))
        return tuple(sorted(missing - {head.get("bot_id") for head in heads}))

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence if the store has lost the past of what it has, until this process ends."""
        if not self._anew:
            return ()
        names = guard.some(tuple(sorted(self._anew)))
        why = (
            f"{self._label} has another past of {names} than this data directory has seen: it was "
            "emptied, and they were written anew, or it is an older copy. What it has is in force; "
            "what was recorded besides (earlier revisions, suspensions, evaluations) "
            "may be lost"
        )
        return (why,)

    def told(self, lost: Collection[str]) -> str:
        """What is lost, and what to do."""
        known = self._load()
        were = " and ".join(sorted({known[name].store for name in lost} - {self._label}))
        changed = f" (they were in {were})" if were else ""
        names = tuple(sorted(lost))
        bots = [name for name in names if not is_shared(name)]
        named = " ".join(["adopt", *(bots if len(bots) <= guard.NAMED else ()), "--manage"])
        adopt = f"; `otto-reconcile {named}` takes those that the target still has as they are"
        return (
            f"{self._label} has no record of {guard.some(names)}, which this data directory "
            f"has managed{changed}: it was emptied, or it is not the right one. Nothing is "
            f"deleted on the target. Name the right store, restore a backup, or apply their "
            f"manifests{adopt if bots else ''}; {guard.if_meant(names)}"
        )

    def _unknown(self) -> str:
        return (
            f"{self._label} is empty, and the target was managed with another store before. "
            "Nothing is deleted there. Name the right store or restore a backup; or "
            "`otto-reconcile adopt --manage` takes the bots from the target as they are"
        )

    def _wanted(self, desired: Desired, known: Mapping[str, Seen]) -> dict[str, Seen]:
        names = (*_unreadable(desired), *desired.bots, *desired.shared)
        return {name: seen for name in names if (seen := self._now(name, desired, known))}

    def _now(self, name: str, desired: Desired, known: Mapping[str, Seen]) -> Seen | None:
        """What is to be remembered of it; None for what is not wanted."""
        if (one := desired.bots.get(name) or desired.shared.get(name)) is not None:
            return Seen(self._label, one.revision, one.time.isoformat())
        if name in desired.unreadable or name in desired.unreadable_shared:
            before = known.get(name) or Seen(self._label)
            return Seen(self._label, before.revision, before.time)
        return None

    def _load(self) -> dict[str, Seen]:
        if self._known is None:
            self._known = self._file.load()
        return self._known


def _readable(desired: Desired) -> Mapping[str, DesiredBot | DesiredShared]:
    return {**desired.bots, **desired.shared}


def _unreadable(desired: Desired) -> set[str]:
    return {*desired.unreadable, *desired.unreadable_shared}
