"""What each folder of manifests was imported as last, so that an older checkout reverts nothing.

Several daemons may import one folder: the same path on several machines, or clones of one
repository. The store has one record for it, which says what state the folder was imported in last
and which states it had before. A state is older if Git says so (it is an ancestor; where a clone
does not know the other commit, the commits before it that the record keeps, and at last the time of
the commit), or, without Git, if the folder had it before and nobody has touched a file since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from otto_reconcile.errors import Conflict
from otto_reconcile.records.events import now_utc, utc
from otto_reconcile.records.fields import text, text_or_none, texts, whole
from otto_reconcile.sources.git import is_ancestor
from otto_reconcile.sources.repository import State
from otto_reconcile.store.base import Document, Store

PAST = 200
"""States that are remembered of a folder."""
NAMES = 50
"""Names of a folder that are remembered: a pipeline has another path each time."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One folder under all its `names`; `past` are the states before, oldest first."""

    folder: str
    version: int
    names: tuple[str, ...]
    state: State
    past: tuple[str, ...] = ()
    by: str = ""
    time: datetime = field(default_factory=now_utc)

    @property
    def at(self) -> str:
        """What tells its state from others; for `witness`."""
        return key_of(self.state)


def key_of(state: State) -> str:
    """What tells one state of a folder from another."""
    return f"commit:{state.commit}" if state.clean else f"content:{state.digest}"


def is_older(now: State, record: Record) -> bool:
    """True if what the folder has `now` was there before what is on record, and is not the same."""
    return now.digest != record.state.digest and _precedes(now, record)


def _precedes(now: State, record: Record) -> bool:
    known = record.state
    if key_of(now) == record.at:
        return False
    if now.commit and known.commit and now.commit != known.commit:
        if now.clean and key_of(now) in record.past:
            return True
        return _is_older_commit(now, known)
    if not {key_of(now), f"content:{now.digest}"} & set(record.past):
        return False
    return now.changed is None or now.changed <= record.time


def _is_older_commit(now: State, known: State) -> bool:
    assert now.commit is not None
    assert known.commit is not None
    if now.commit in known.ancestors:
        return True
    if known.commit in now.ancestors:
        return False
    if now.top is not None:
        before = is_ancestor(now.top, now.commit, known.commit)
        if before is not None:
            after = is_ancestor(now.top, known.commit, now.commit)
            return before or (not after and _time(now) < _time(known))
    if _time(now) != _time(known):
        return _time(now) < _time(known)
    return not now.shallow  # a whole clone that is up to date would know the other commit


def _time(state: State) -> datetime:
    return state.committed or datetime.min.replace(tzinfo=UTC)


class Lineage:
    """The records. Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, root: str, state: State) -> Record | None:
        """The record of the folder: by its name, else by what repository it is a folder of."""
        found = [record for d in self._store.find("folders") if (record := _record(d)) is not None]
        named = (record for record in found if root in record.names)
        return next(named, None) or next((r for r in found if _is_same(state, r.state)), None)

    def names(self, root: str) -> set[str]:
        """The other names of a folder, whatever state it is in."""
        found = [one.get("names") for one in self._store.find("folders")]
        same = [names for names in found if isinstance(names, list) and root in names]
        return {name for names in same for name in names if isinstance(name, str)} - {root}

    def note(
        self, root: str, state: State, names: Sequence[str], *, by: str, force: bool = True
    ) -> Record:
        """Writes down that the folder was imported in this state, under these names too.

        Without `force` a state that is older than what is on record by now is not written.
        """
        for _ in range(_TRIES):
            before = self.find(root, state)
            after = _after(before, root, state, names, by)
            if before is None:
                with suppress(Conflict):
                    self._store.insert("folders", [_document(after)])
                    return after
                self._drop_damaged(root)
            elif (not force and _precedes(state, before)) or _same_but_time(before, after):
                return before
            elif self._swap(before, after):
                return after
        raise Conflict(f"the record of the folder {root} is being changed by others all the time")

    def disturb(self, record: Record) -> None:
        """Has whoever holds the state on record import it again: something was written after it."""
        document = {"version": record.version + 1}
        where = {"folder": record.folder, "version": record.version}
        self._store.swap("folders", where, document)

    def _drop_damaged(self, root: str) -> None:
        """What cannot be read under this name says nothing, and is not to be in the way."""
        for document in self._store.find("folders", {"folder": root}):
            if _record(document) is None:
                self._store.delete("folders", {"folder": root})

    def _swap(self, before: Record, after: Record) -> bool:
        where = {"folder": before.folder, "version": before.version}
        return self._store.swap("folders", where, _document(after))


def _is_same(one: State, other: State) -> bool:
    """True if they are states of one folder of one repository."""
    if one.commit is None or other.commit is None or one.prefix != other.prefix:
        return False
    if one.branch and other.branch and one.branch != other.branch:
        return False
    related = one.commit in (other.commit, *other.ancestors) or other.commit in one.ancestors
    return related or bool(set(one.repository) & set(other.repository))


def _after(before: Record | None, root: str, state: State, names: Sequence[str], by: str) -> Record:
    if before is None:
        return Record(root, 1, tuple(dict.fromkeys([root, *names])), state, by=by)
    known = tuple(dict.fromkeys([*before.names, *names, root]))[-NAMES:]
    left = dict.fromkeys([*before.past, before.at, f"content:{before.state.digest}"])
    for key in (key_of(state), f"content:{state.digest}"):
        left.pop(key, None)
    return Record(before.folder, before.version + 1, known, state, tuple(left)[-PAST:], by)


def _same_but_time(before: Record, after: Record) -> bool:
    return before.at == after.at and before.names == after.names


_STATE = (
    "digest", "commit", "committed", "clean", "repository", "prefix", "ancestors", "shallow",
    "branch",
)  # fmt: skip


def _document(record: Record) -> Document:
    state = {name: getattr(record.state, name) for name in _STATE}
    lists = {name: list(state[name]) for name in ("repository", "ancestors")}
    return {
        "folder": record.folder,
        "version": record.version,
        "names": list(record.names),
        "state": {**state, **lists},
        "past": list(record.past),
        "by": record.by,
        "time": record.time,
    }


def _record(document: Mapping[str, Any]) -> Record | None:
    """None for one that is damaged: then nothing is older than anything."""
    try:
        state = dict(document["state"])
        return Record(
            text(document["folder"]),
            whole(document["version"]),
            texts(document["names"]),
            State(
                digest=text(state["digest"]),
                commit=text_or_none(state.get("commit")),
                committed=utc(committed) if (committed := state.get("committed")) else None,
                clean=bool(state.get("clean")),
                repository=texts(state.get("repository") or ()),
                prefix=text(state.get("prefix") or ""),
                ancestors=texts(state.get("ancestors") or ()),
                shallow=bool(state.get("shallow")),
                branch=text_or_none(state.get("branch")),
            ),
            texts(document.get("past") or ()),
            text(document.get("by") or ""),
            utc(document["time"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
