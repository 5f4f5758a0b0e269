"""Desired writes that the store has not confirmed yet: a file in the data directory.

Otto's workshop writes through it: noted here first, then tried, then crossed out. What is
left, because the store was away or the process died in between, is written by `drain`, which
`reconcile.late` calls; each of it once, however often the process dies.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from otto_reconcile.audit import Audit, Record
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import Conflict, NotFound, PermanentError, StoreUnavailable
from otto_reconcile.events import Source, utc
from otto_reconcile.resources import Bot

FILE = "journal.jsonl"
UNSAVED = "unsaved"
"""The folder for what the store refused for good: nobody's words are thrown away."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One write. `bot` None is a deletion.

    `expect` is the revision that it was decided on; 0: that there is no such bot. None follows
    another pending write of the same bot, whose revision is not known yet.
    """

    bot_id: str
    bot: Bot | None
    expect: int | None
    source: Source
    actor: str
    time: datetime
    entry_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_document(self) -> dict[str, Any]:
        return {
            "do": "write",
            "id": self.entry_id,
            "bot_id": self.bot_id,
            "bot": None if self.bot is None else self.bot.to_document(),
            "expect": self.expect,
            "source": self.source.to_document(),
            "actor": self.actor,
            "time": self.time.isoformat(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Pending:
        """Raises KeyError, TypeError or ValueError for what is none."""
        bot = document["bot"]
        return cls(
            bot_id=document["bot_id"],
            bot=None if bot is None else Bot.from_document(bot),
            expect=document["expect"],
            source=Source.from_document(document["source"]),
            actor=document["actor"],
            time=utc(datetime.fromisoformat(document["time"])),
            entry_id=document["id"],
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a write: saved, refused for good (and why), or neither: it waits."""

    saved: bool
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Drained:
    """Bot ids that were written, and a sentence for each write that the store refused."""

    saved: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Journal:
    """May be used from several threads; one process at a time.

    Without a `folder` it is kept in memory. Methods that write raise StoreUnavailable if the file
    cannot be written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._draining = threading.Lock()
        self._writes: dict[str, Pending] = {}
        self._records: dict[str, Sequence[Record]] = {}
        self._under_way: set[str] = set()
        self.damaged = 0
        """Lines of the file that could not be read; the torn last one of a crash is none."""
        if folder is not None:
            self._load(folder / FILE)

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What is not confirmed, oldest first, under way or left."""
        with self._lock:
            return tuple(self._writes.values())

    @property
    def waiting(self) -> bool:
        """True if `drain` has something to do."""
        with self._lock:
            return bool(self._writes.keys() - self._under_way or self._records)

    def put(self, pending: Pending, desired: DesiredState) -> Kept:
        """Notes the write, tries it, and crosses it out if the store took or refused it.

        One that follows a write that waits, waits too. Raises StoreUnavailable only if it cannot
        even be noted; then nothing was done.
        """
        with self._lock:
            follows = any(p.bot_id == pending.bot_id for p in self._writes.values())
            self._write(pending.to_document())
            self._writes[pending.entry_id] = pending
            if follows:
                return Kept(saved=False)
            self._under_way.add(pending.entry_id)
        try:
            why = _put(pending, desired)
            self._done(pending.entry_id)
        except StoreUnavailable:
            with self._lock:
                self._under_way.discard(pending.entry_id)
            return Kept(saved=False)
        return Kept(saved=why is None, refused=why)

    def note(self, records: Sequence[Record]) -> None:
        """Audit records of calls that were made while the store was away."""
        if not records:
            return
        entry_id = uuid.uuid4().hex
        with self._lock:
            self._write({"do": "record", "id": entry_id, "records": [_flat(r) for r in records]})
            self._records[entry_id] = records

    def drain(self, desired: DesiredState, audit: Audit) -> Drained:
        """Writes what was left, in order. Raises StoreUnavailable, with what is written kept so.

        A write that the store refuses for good is put into a file of its own (UNSAVED), and so
        are those that follow it.
        """
        saved, problems, refused = [], [], set[str]()
        with self._draining:
            for pending in self._left():
                follows = pending.expect is None and pending.bot_id in refused
                why = "what it follows was refused" if follows else _put(pending, desired)
                if why is None:
                    saved.append(pending.bot_id)
                else:
                    refused.add(pending.bot_id)
                    problems.append(self._set_aside(pending, why))
                self._done(pending.entry_id)
            for entry_id, records in list(self._records.items()):
                audit.conclude(records)
                self._done(entry_id)
        return Drained(tuple(dict.fromkeys(saved)), tuple(problems))

    def _done(self, entry_id: str) -> None:
        with self._lock:
            self._cross_out(entry_id)

    def _left(self) -> list[Pending]:
        with self._lock:
            return [p for i, p in self._writes.items() if i not in self._under_way]

    def unsaved(self) -> tuple[str, ...]:
        """A sentence for each write that was refused for good, as long as its file is there."""
        if self._folder is None:
            return ()
        return tuple(_told(path) for path in sorted((self._folder / UNSAVED).glob("*.json")))

    def _set_aside(self, pending: Pending, why: str) -> str:
        if self._folder is None:
            return _sentence(pending.bot_id, why)
        path = self._folder / UNSAVED / f"{pending.bot_id}-{pending.entry_id[:8]}.json"
        document = {**pending.to_document(), "why": why}
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.write_text(json.dumps(document, indent=1), encoding="utf-8")
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error
        return _told(path)

    # The file.

    def _load(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be read: {error.strerror}") from error
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            try:
                self._take(json.loads(line))
            except (KeyError, TypeError, ValueError, AttributeError):
                self.damaged += 1
        if len(whole) != len(data):
            os.truncate(path, len(whole))

    def _take(self, document: Mapping[str, Any]) -> None:
        entry_id = document["id"]
        if document["do"] == "write":
            self._writes[entry_id] = Pending.from_document(document)
        elif document["do"] == "record":
            self._records[entry_id] = [_record(r) for r in document["records"]]
        else:
            self._writes.pop(entry_id, None)
            self._records.pop(entry_id, None)

    def _cross_out(self, entry_id: str) -> None:
        self._writes.pop(entry_id, None)
        self._records.pop(entry_id, None)
        self._under_way.discard(entry_id)
        # A crossing out that is lost is harmless: the write is found to be there already.
        if self._folder is not None and not self._writes and not self._records:
            _emptied(self._folder / FILE)
        else:
            self._write({"do": "done", "id": entry_id})

    def _write(self, document: Mapping[str, Any]) -> None:
        if self._folder is None:
            return
        path = self._folder / FILE
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                _whole(descriptor, line, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreUnavailable(
                f"{path} cannot be written: {error.strerror}", hint="is the disk full?"
            ) from error


def _sentence(bot_id: str, why: str) -> str:
    return f"what Otto was told to do with bot {bot_id!r} was not saved: {why}"


def _told(path: Path) -> str:
    """What a file of UNSAVED is about."""
    rest = f"it is kept in {path}; delete that file once it is dealt with"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        sentence = _sentence(document["bot_id"], document.get("why", "the store refused it"))
    except (OSError, KeyError, TypeError, ValueError):
        return f"something that Otto was told was not saved: {rest}"
    return f"{sentence}; {rest}"


def _whole(descriptor: int, line: bytes, size: int) -> None:
    """The whole line or nothing of it."""
    try:
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(0, "only a part of a line could be written")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _emptied(path: Path) -> None:
    try:
        os.truncate(path, 0)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error


def _put(pending: Pending, desired: DesiredState) -> str | None:
    """None if it is in the store now; else why it never will be."""
    if _recorded(pending, desired):
        return None
    how: dict[str, Any] = {"source": _marked(pending), "actor": pending.actor}
    try:
        how["expect"] = pending.expect or _vacant(pending, desired)
        if pending.bot is None:
            desired.delete(pending.bot_id, **how)
        else:
            desired.put(pending.bot, **how)
    except NotFound:
        return None  # it was to be deleted
    except PermanentError as error:
        return error.message
    return None


def _vacant(pending: Pending, desired: DesiredState) -> int | None:
    """The revision that a creation follows: a bot that was deleted has one. Raises Conflict."""
    if pending.expect is None:
        return None
    newest = next(iter(desired.history(pending.bot_id, limit=1)), None)
    if newest is not None and newest.bot is not None:
        raise Conflict(
            f"there is a bot {pending.bot_id!r} already, named {newest.bot.name!r}, "
            f"at revision {newest.revision} from {newest.source.path or newest.source.kind}"
        )
    return newest.revision if newest is not None else 0


def _recorded(pending: Pending, desired: DesiredState) -> bool:
    """True if the store has the event already: it was written, and the process died then."""
    mark = _marked(pending)
    return any(event.source == mark for event in desired.history(pending.bot_id))


def _marked(pending: Pending) -> Source:
    """Its source with the entry's own id: the same wish may come twice, with another between."""
    return replace(pending.source, note=f"journal {pending.entry_id[:12]}")


def _flat(record: Record) -> dict[str, Any]:
    document = {name: getattr(record, name) for name in Record.__slots__}
    changes = [dict(change) for change in record.changes]
    return {**document, "changes": changes, "started": record.started.isoformat()}


def _record(document: Mapping[str, Any]) -> Record:
    record = Record(**document)
    started = utc(datetime.fromisoformat(document["started"]))
    return replace(record, changes=tuple(document["changes"]), started=started)
