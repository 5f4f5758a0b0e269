"""Desired writes that the store has not confirmed yet, in the data directory.

Otto's service writes through it: noted here first, then tried, then crossed out. What is
left, because the store was away or the process died in between, is written by `drain`, which
`reconcile.outage` calls; each of it once, however often the process dies.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import StoreUnavailable, fault_of
from otto_reconcile.outbox.entry import Pending, save
from otto_reconcile.outbox.legacy import migrate
from otto_reconcile.outbox.table import DamagedFile, EntryTable
from otto_reconcile.outbox.unsaved import Unsaved
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.records.events import utc
from otto_reconcile.runtime.data_dir import JOURNAL_FILE, OUTBOX_FILE, never_lost

FILE = OUTBOX_FILE


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


class Outbox:
    """May be used from several threads; one process at a time.

    Without a `folder` it is kept in memory; `lost` says why that is not ours any more. Methods
    that write raise StoreUnavailable if the file cannot be written.
    """

    def __init__(self, folder: Path | None, lost: Callable[[], str | None] = never_lost) -> None:
        self._folder, self._unsaved = folder, Unsaved(folder)
        self._lock = threading.Lock()  # held for a moment: the loop's thread asks, too
        self._filing = threading.Lock()  # held while the file is written
        self._draining = threading.Lock()
        self._writes: dict[str, Pending] = {}
        self._records: dict[str, Sequence[Record]] = {}
        self._under_way: set[str] = set()
        self._left_in_file: set[str] = set()  # a process that dies now finds them to be saved
        self.damaged = 0
        """Entries that cannot be read; they stay where they are."""
        self._table = None if folder is None else EntryTable(folder / FILE, lost)
        self._load()

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What is not confirmed, oldest first, under way or left."""
        with self._lock:
            return tuple(self._writes.values())

    @property
    def waiting(self) -> bool:
        """True if `drain` has something to do."""
        return bool(self._left() or self._records)

    def put(self, pending: Pending, desired: DesiredState | None) -> Kept:
        """Notes the write, tries it, and crosses it out if the store took or refused it.

        One that follows a write that waits, waits too, and so does one without `desired`, where the
        store is known to be away. Raises StoreUnavailable only if it cannot
        even be noted; then nothing was done.
        """
        with self._filing:
            self._enter(pending.entry_id, pending.to_document())
            with self._lock:
                follows = any(p.bot_id == pending.bot_id for p in self._writes.values())
                self._writes[pending.entry_id] = pending
                if follows or desired is None:
                    return Kept(saved=False)
                self._under_way.add(pending.entry_id)
        try:
            why = save(pending, desired)
            with self._removing():
                self._done(pending.entry_id)
        except StoreUnavailable:
            return Kept(saved=False)
        finally:  # whatever happened, `drain` may have it now
            with self._lock:
                self._under_way.discard(pending.entry_id)
        return Kept(saved=why is None, refused=why)

    def note(self, records: Sequence[Record]) -> None:
        """Audit records of calls that were made while the store was away."""
        if not records:
            return
        entry_id = uuid.uuid4().hex
        with self._filing:
            self._enter(entry_id, _noted(entry_id, records))
            with self._lock:
                self._records[entry_id] = records

    def drain(self, desired: DesiredState, audit: Audit) -> Drained:
        """Writes what was left, in order. Raises StoreUnavailable, with what is written kept so.

        A write that the store refuses for good is put into a file of its own, and so are
        those that follow it.
        """
        saved, problems, refused = [], [], set[str]()
        with self._draining, self._removing():
            for pending in self._left():
                follows = pending.expect is None and pending.bot_id in refused
                why = "what it follows was refused" if follows else _tried(pending, desired)
                if why is None:
                    saved.append(pending.bot_id)
                else:
                    refused.add(pending.bot_id)
                    problems.append(self._unsaved.keep(pending, why))
                self._done(pending.entry_id)
            for entry_id, records in list(self._records.items()):
                audit.conclude(records)
                self._done(entry_id)
        return Drained(tuple(dict.fromkeys(saved)), tuple(problems))

    def _left(self) -> list[Pending]:
        """What nobody is about to write, nor anything before it that it follows."""
        with self._lock:
            busy = {self._writes[entry_id].bot_id for entry_id in self._under_way}
            return [p for p in self._writes.values() if p.bot_id not in busy]

    def unsaved(self) -> tuple[str, ...]:
        """A sentence for each file of what will not be saved by itself."""
        return self._unsaved.sentences()

    def _load(self) -> None:
        """Raises StoreUnavailable and SettingsError, as the table does."""
        if self._folder is None or self._table is None:
            return
        self._table.forget_draft()
        try:
            self._table.rows()
            self._table.check()
        except DamagedFile:  # one file must not keep all bots from being served
            self._renew(self._table)
        migrate(self._folder / JOURNAL_FILE, self._table)
        for entry_id, document in self._table.rows():
            try:
                self._take(entry_id, json.loads(document))
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
                self.damaged += 1

    def _take(self, entry_id: str, document: Mapping[str, Any]) -> None:
        if document["do"] == "write":
            self._writes[entry_id] = Pending.from_document(document)
        else:
            self._records[entry_id] = [_record(r) for r in document["records"]]

    def _enter(self, entry_id: str, document: Mapping[str, Any]) -> None:
        if self._table is None:
            return
        row = (entry_id, _text(document))
        try:
            known = self._known() if self._table.is_missing else {}
            self._table.add([*known.items(), row])
        except DamagedFile:
            self._renew(self._table)
            self._table.add([row])

    def _renew(self, table: EntryTable) -> None:
        """Sets a damaged file aside, and begins anew with what is known of it."""
        try:
            rows = dict(table.rows())
        except StoreUnavailable:
            rows = {}
        assert self._folder is not None
        self._unsaved.keep_outbox(self._folder / FILE)
        table.replace((rows | self._known()).items())

    def _known(self) -> dict[str, str | bytes]:
        """What waits, as rows."""
        with self._lock:
            writes = {entry_id: _text(p.to_document()) for entry_id, p in self._writes.items()}
            notes = {entry_id: _text(_noted(entry_id, r)) for entry_id, r in self._records.items()}
        return {**writes, **notes}

    def _done(self, entry_id: str) -> None:
        with self._lock:
            self._writes.pop(entry_id, None)
            self._records.pop(entry_id, None)
            self._under_way.discard(entry_id)
            self._left_in_file.add(entry_id)

    @contextmanager
    def _removing(self) -> Iterator[None]:
        """What is done within goes from the file at the end of it, or with what is done next."""
        try:
            yield
        finally:
            with self._filing, suppress(StoreUnavailable):
                with self._lock:
                    done = frozenset(self._left_in_file)
                if self._table is not None and done:
                    self._table.remove(done)
                with self._lock:
                    self._left_in_file -= done


def _tried(pending: Pending, desired: DesiredState) -> str | None:
    """As `save`; what nobody foresaw is set aside as well, so that it holds up nothing else."""
    try:
        return save(pending, desired)
    except StoreUnavailable:
        raise
    except Exception as error:
        return f"internal error: {fault_of(error)}"


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _noted(entry_id: str, records: Sequence[Record]) -> dict[str, Any]:
    return {"do": "record", "id": entry_id, "records": [_flat(r) for r in records]}


def _flat(record: Record) -> dict[str, Any]:
    document = {name: getattr(record, name) for name in Record.__slots__}
    changes = [dict(change) for change in record.changes]
    return {**document, "changes": changes, "started": record.started.isoformat()}


def _record(document: Mapping[str, Any]) -> Record:
    record = Record(**document)
    started = utc(datetime.fromisoformat(document["started"]))
    return replace(record, changes=tuple(document["changes"]), started=started)
