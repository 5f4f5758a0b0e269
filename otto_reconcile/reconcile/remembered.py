"""What this data directory has managed, so that a store that lost it is noticed.

A store keeps the record of a bot also after its deletion. One that has no record at all of a bot
was emptied, is another store than before, or came from an older backup: what it says is not what
anybody wants. One that has the bot in an earlier revision, or in the same one of another time, was
emptied and filled again (by a folder of manifests, say), or is an older copy.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otto_reconcile.model.shared import is_shared
from otto_reconcile.planning import guard
from otto_reconcile.records.events import Desired, DesiredBot, DesiredShared
from otto_reconcile.runtime import data_dir
from otto_reconcile.store.base import Store

IN_MEMORY = "memory"
"""The label of a store that begins empty with each process: nothing is remembered of it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """In which store a bot or shared document was, and in which revision and of what time.

    Earlier versions remembered no revision; none is known of what cannot be read.
    """

    store: str
    revision: int | None = None
    time: str | None = None

    def precedes(self, before: Seen) -> bool:
        """True if this is no later state of what was seen before, but one of another past."""
        if self.revision is None or before.revision is None or self.revision > before.revision:
            return False
        return self.revision < before.revision or self.time != before.time


class Remembered:
    """One writer: the daemon that owns the folder. Without a folder this process alone knows.

    `look` and `lost` take bots and what they share alike, each by its name.
    """

    def __init__(self, folder: Path | None, store: Store, label: str | None = None) -> None:
        """`label` is that of a store in whose place this one is asked, because it is not there."""
        self._label = label or store.label
        known = folder is not None and self._label != IN_MEMORY
        self._file = folder / data_dir.MANAGED_FILE if folder is not None and known else None
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
        if now != known:
            self._known = now
            self._save(now)
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
        label = self._label
        unreadable = {
            name: Seen(label, known[name].revision, known[name].time)
            if name in known
            else Seen(label)
            for name in _unreadable(desired)
        }
        readable = {
            name: Seen(label, one.revision, one.time.isoformat())
            for name, one in _readable(desired).items()
        }
        return {**unreadable, **readable}

    def _load(self) -> dict[str, Seen]:
        if self._known is None:
            self._known = {}
            if self._file is None or not self._file.is_file():
                return self._known
            with suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
                document = json.loads(self._file.read_text("utf-8"))
                revisions = document.get("revisions") or {}
                self._known = {
                    str(name): _seen(label, revisions.get(name))
                    for name, label in document["bots"].items()
                }
        return self._known

    def _save(self, known: Mapping[str, Seen]) -> None:
        """A disk that is full is told by others; the next change is written again."""
        if self._file is None:
            return
        document = {
            "bots": {name: seen.store for name, seen in known.items()},
            "revisions": {
                name: [seen.revision, seen.time]
                for name, seen in known.items()
                if seen.revision is not None
            },
        }
        with suppress(OSError):
            data_dir.write_whole(self._file, json.dumps(document))


def _readable(desired: Desired) -> Mapping[str, DesiredBot | DesiredShared]:
    return {**desired.bots, **desired.shared}


def _unreadable(desired: Desired) -> set[str]:
    return {*desired.unreadable, *desired.unreadable_shared}


def _seen(label: object, state: Any) -> Seen:
    match state:
        case [int(revision), str(time)]:
            return Seen(str(label), revision, time)
    return Seen(str(label))
