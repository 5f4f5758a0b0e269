"""The outbox's file: a SQLite database with one table, one row for each entry, oldest first."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.runtime.data_dir import never_lost
from otto_reconcile.store.sqlschema import newer, translated

VERSION = 1
_BUSY = 3.0  # seconds that another process may hold the file
_TABLE = (
    "CREATE TABLE IF NOT EXISTS entries "
    "(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document NOT NULL)"
)

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""The last for a table that is not ours, under our name."""

Row = tuple[str, str | bytes]
"""The id of an entry, and its document as JSON; bytes where it never was text."""


class DamagedFile(StoreUnavailable):
    """What stands in the file is no database, not the whole of one, or not ours."""


class EntryTable:
    """Each method opens the file anew: it may be removed, or its disk filled, in between.

    Every method raises StoreUnavailable if the file cannot be used, and SettingsError if a newer
    version wrote it. `lost` says why the folder is not ours any more.
    """

    def __init__(self, path: Path, lost: Callable[[], str | None] = never_lost) -> None:
        self._path, self._lost = path, lost

    def rows(self) -> list[Row]:
        """All of them, oldest first. Writes nothing, so that it can be read on a full disk."""
        if self.is_missing:
            return []
        with self._connected() as connection:
            if not connection.execute("PRAGMA table_info(entries)").fetchall():
                return []
            return connection.execute("SELECT id, document FROM entries ORDER BY number").fetchall()

    def check(self) -> None:
        """Raises DamagedFile for one that is read, but not written: its index is damaged."""
        if self.is_missing:
            return
        with self._connected() as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise DamagedFile(f"the outbox {self._path}: the file is damaged")

    def add(self, rows: Iterable[Row]) -> None:
        """All of them are on disk afterwards, or none; those that are there already stay."""
        if (why := self._lost()) is not None:
            raise StoreUnavailable(f"{self._path} cannot be written: {why}")
        self._make_private()
        with self._connected() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(_TABLE)
            insert = "INSERT OR IGNORE INTO entries (id, document) VALUES (?, ?)"
            connection.executemany(insert, list(rows))

    def replace(self, rows: Iterable[Row]) -> None:
        """Puts a new file with these rows in the place of this one: at any moment one is there."""
        draft = self._draft
        self.forget_draft()
        EntryTable(draft, self._lost).add(rows)
        try:
            draft.replace(self._path)
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be written: {error.strerror}") from error

    @property
    def _draft(self) -> Path:
        return self._path.with_suffix(".new")

    def forget_draft(self) -> None:
        """Removes what a process left that died while it replaced the file."""
        for left in (self._draft, self._draft.with_name(f"{self._draft.name}-journal")):
            with suppress(OSError):
                left.unlink(missing_ok=True)

    @property
    def is_missing(self) -> bool:
        return not self._path.exists()

    def remove(self, entry_ids: Collection[str]) -> None:
        """Nothing of these entries is left in the file: they may have held secrets."""
        if self._lost() is not None or self.is_missing:
            return
        with self._connected() as connection:
            ids = [(entry_id,) for entry_id in entry_ids]
            connection.executemany("DELETE FROM entries WHERE id = ?", ids)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """One transaction, which is on disk when the context ends."""
        try:
            with (
                translated(self._path, "the outbox"),
                closing(sqlite3.connect(self._path, timeout=_BUSY)) as connection,
            ):
                self._prepare(connection)
                with connection:
                    yield connection
        except StoreUnavailable as error:
            code = getattr(error.__cause__, "sqlite_errorcode", 0)
            if code & 0xFF in _DAMAGED:
                raise DamagedFile(error.message, hint=error.hint) from error
            raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Raises SettingsError."""
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA secure_delete = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise newer(self._path)

    def _make_private(self) -> None:
        """The file, for its owner only; what SQLite makes beside it gets the same rights."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.fchmod(descriptor, 0o600)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreUnavailable(
                f"{self._path} cannot be written: {error.strerror}",
                hint="look at the free space of the disk, and at the rights of file and directory",
            ) from error
