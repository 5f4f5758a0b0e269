"""The embedded store: one SQLite file, shared safely by a daemon and the command line."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from errno import EACCES
from pathlib import Path
from typing import Any

from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.runtime.data_dir import identity_of, never_lost
from otto_reconcile.store.base import DAMAGED, Document, Filter, Moved, Order, Position, Write
from otto_reconcile.store.collections import COLLECTIONS, refuse_unfit
from otto_reconcile.store.sqlschema import DROPPED, connected, translated
from otto_reconcile.store.sqltext import clause, decode, decode_some, encode, some
from otto_reconcile.store.sqlwrites import delete, prepared
from otto_reconcile.store.tracking import Tracking, told

_FRESH = 30.0  # seconds after which pages are read from the file again, and damage is seen
_POLL = 0.2  # seconds between two looks for changes


class SQLiteStore:
    """Raises SettingsError for a place that cannot be used, StoreUnavailable for a bad file.

    Once it is open, a place that can be used no longer is StoreUnavailable too, and so is one that
    `lost` gives a reason for: nothing is made anew there.
    """

    atomic = True

    def __init__(self, file: Path, lost: Callable[[], str | None] = never_lost) -> None:
        self._file, self._lost = file, lost
        self.label = f"SQLite {file}"
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closed = threading.Event()
        self._identity: tuple[int, int] | None = None
        self._opened, self._since = False, 0.0
        self._tracking = Tracking()
        _prepare(file)
        self.ping()
        self._opened = True

    def ping(self) -> None:
        with self._asking() as connection:
            connection.execute("SELECT value FROM clock").fetchone()

    def insert(self, collection: str, documents: Sequence[Document]) -> None:
        self.batch([Write("insert", collection, documents)])

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        self.batch([Write("put", collection, documents)])

    def swap(self, collection: str, where: Filter, changes: Mapping[str, Any]) -> bool:
        refuse_unfit(collection, [changes])
        text, values = clause(where, limit=1)
        select = f"SELECT id, document FROM {COLLECTIONS[collection].name}{text}"
        with self._writing() as connection:
            row = connection.execute(select, values).fetchone()
            if row is None:
                return False
            document = {**decode(row[1], COLLECTIONS[collection]), **changes}
            document.pop(DAMAGED, None)
            update = f"UPDATE {collection} SET document = ? WHERE id = ?"
            connection.execute(update, (encode(document), row[0]))
            return True

    def delete(self, collection: str, where: Filter) -> int:
        with self._writing() as connection:
            return delete(connection, COLLECTIONS[collection].name, where)

    def batch(self, writes: Sequence[Write]) -> None:
        ready = [prepared(write) for write in writes if write.documents]
        if not ready:
            return
        with self._writing(told(writes)) as connection:
            for do in ready:
                do(connection)

    def size(self, collection: str) -> int:
        with self._asking() as connection:
            select = f"SELECT max(id) FROM {COLLECTIONS[collection].name}"
            return int(connection.execute(select).fetchone()[0] or 0)

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        text, values = clause(where, order, limit)
        definition = COLLECTIONS[collection]
        if fields:
            with suppress(ValueError, OverflowError, RecursionError):  # one of them is damaged
                rows = self._rows(some(fields), definition.name, text, values)
                return [decode_some(row[0], fields, definition) for row in rows]
        rows = self._rows("document", definition.name, text, values)
        documents = [decode(row[0], definition) for row in rows]
        if not fields:
            return documents
        kept = (*fields, DAMAGED)
        return [{name: d[name] for name in kept if name in d} for d in documents]

    def _rows(self, what: str, table: str, rest: str, values: Sequence[Any]) -> list[Any]:
        with self._asking() as connection:
            return connection.execute(f"SELECT {what} FROM {table}{rest}", values).fetchall()

    def changes(self, until: threading.Event) -> Iterator[None] | None:
        return self._changes(until)

    def moved(self, since: Position | None) -> Moved:
        with self._asking() as connection:
            return self._tracking.moved(since, _clock(connection))

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._drop()

    def _changes(self, until: threading.Event) -> Iterator[None]:
        self._refuse_lost()
        with self._translated(), closing(connected(self._file)) as connection:
            seen, clock = _versions(connection)
            while not (until.wait(_POLL) or self._closed.is_set()):
                version = connection.execute("PRAGMA data_version").fetchone()[0]
                if version == seen:
                    continue
                seen, now = _versions(connection)
                if now != clock:
                    clock = now
                    yield

    @contextmanager
    def _writing(self, names: frozenset[str] | None = None) -> Iterator[sqlite3.Connection]:
        """A transaction that has the file to itself from its first statement.

        `names` are those that its events are about, if it has any.
        """
        with self._asking() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = _clock(connection)
                yield connection
                after = _clock(connection)
                connection.execute("COMMIT")
                if before != after:
                    self._tracking.note(before, after, names)
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            if self._closed.is_set():
                raise StoreUnavailable(f"{self.label} was closed")
            if self._connection is not None and self._is_old():
                self._drop()
            if self._connection is None:
                self._refuse_lost()
                _prepare(self._file)
                self._connection = connected(self._file)
                before, self._identity = self._identity, identity_of(self._file)
                if before != self._identity:
                    self._tracking.forget()
                self._since = time.monotonic()
            try:
                yield self._connection
            except sqlite3.OperationalError as error:
                if any(sign in str(error) for sign in DROPPED):
                    self._drop()  # what is missing is made anew with the next connection
                    self._tracking.forget()
                raise

    def _is_old(self) -> bool:
        """True if another file stands there, or the pages in memory may hide what became of it."""
        aged = time.monotonic() - self._since > _FRESH
        return aged or self._identity != identity_of(self._file)

    def _refuse_lost(self) -> None:
        if (why := self._lost()) is not None:
            rest = "put it back, and all goes on, or start the daemon again"
            raise StoreUnavailable(f"{self.label}: {why}: {rest}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """A place that went bad after it was opened is an outage: its settings were good once."""
        try:
            with translated(self._file):
                yield
        except SettingsError as error:
            if not self._opened:
                raise
            raise StoreUnavailable(error.message, hint=error.hint) from error

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _versions(connection: sqlite3.Connection) -> tuple[int, int]:
    """SQLite's own counter of foreign commits, and ours of changes to the desired state."""
    version = connection.execute("PRAGMA data_version").fetchone()[0]
    return int(version), _clock(connection)


def _clock(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT value FROM clock").fetchone()
    return int(found[0]) if found is not None else 0


def _make(file: Path) -> None:
    """The file, if it is not there. Raises OSError for one that cannot be used.

    One that is there is not opened: to close it again would drop the locks that this process has on
    it through SQLite, and another process would take it to be free
    (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if not os.access(file, os.R_OK | os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), file) from None


def _other(file: Path) -> str | None:
    """What stands in the place of the file, if that is no file."""
    if file.is_dir():
        return "a directory"
    if file.is_symlink() and not file.exists():
        return f"a link to {os.readlink(file)}, where nothing is"
    return "no file" if file.exists() and not file.is_file() else None


def _prepare(file: Path) -> None:
    """The directory and the empty file, closed to others. Raises SettingsError."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (what := _other(file)) is not None:
            raise SettingsError(
                f"{file} is {what}; the store is a file of that name",
                hint="move it away, or name another --data-dir",
            )
        _make(file)
    except OSError as error:
        raise SettingsError(
            f"cannot use {file} for the store: {error.strerror}",
            hint="name a directory that this user may write with --data-dir",
        ) from error
