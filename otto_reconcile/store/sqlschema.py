"""Connections to a SQLite database with all our tables, and what its errors mean."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otto_reconcile.errors import Conflict, SettingsError, StoreUnavailable
from otto_reconcile.store.collections import COLLECTIONS
from otto_reconcile.store.sqltext import schema, text_of

_log = logging.getLogger("otto_reconcile.store")

VERSION = 3
_BUSY = 10.0  # seconds that another process may hold the file for writing


def connected(file: Path) -> sqlite3.Connection:
    """A new connection; all tables are there. Raises SettingsError and sqlite3.Error."""
    connection = sqlite3.connect(file, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    connection.text_factory = text_of
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _make_tables(connection, file)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection, file: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise newer(file)
    missing = _missing(connection)
    if version == VERSION and not missing:
        return
    connection.execute("BEGIN IMMEDIATE")
    for name in sorted(c.name for c in COLLECTIONS.values() if c.own):
        if f"{name}_key" in missing and name not in missing:
            _set_aside(connection, name, file)
    for statement in schema():
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def newer(file: Path) -> SettingsError:
    """For a file whose tables a later version made."""
    return SettingsError(
        f"{file} was written by a newer otto-reconcile",
        hint="update otto-reconcile, or name another --data-dir",
    )


def _set_aside(connection: sqlite3.Connection, name: str, file: Path) -> None:
    """Makes the keys of a collection unique again, where somebody dropped the index that kept them.

    The first record of a key stays: what we write again keeps its place. The others are kept in a
    table of their own.
    """
    others = f"FROM {name} WHERE id NOT IN (SELECT min(id) FROM {name} GROUP BY key)"
    count = connection.execute(f"SELECT count(*) {others}").fetchone()[0]
    if not count:
        return
    connection.execute("CREATE TABLE IF NOT EXISTS set_aside (collection TEXT, document TEXT)")
    connection.execute(f"INSERT INTO set_aside SELECT '{name}', document {others}")
    connection.execute(f"DELETE {others}")
    _log.warning(
        "%s: %d of %s had the key of an earlier record; they are in the table set_aside now",
        file,
        count,
        name,
    )


def _missing(connection: sqlite3.Connection) -> set[str]:
    """The tables, indexes and triggers that a file of this version lacks.

    An older release that had fewer wrote it, or somebody dropped one.
    """
    made = connection.execute("SELECT name FROM sqlite_master")
    return _NAMES - {str(name) for (name,) in made}


_NAMES = {
    made[1]
    for statement in schema()
    if (
        made := re.match(
            r"CREATE (?:UNIQUE )?(?:TABLE|INDEX|TRIGGER) IF NOT EXISTS (\w+)", statement
        )
    )
}


_KNOWN = (
    ("full", "the disk is full", "make room; nothing that was confirmed is lost"),
    ("readonly", "it is read-only", "allow this user to write the file and its directory"),
    ("not a database", "it is not a store of otto-reconcile", "move it away or restore a copy"),
    ("malformed", "the file is damaged", "move it away and restore a copy"),
    ("no such table", "a table was dropped", "it is made again at the next look"),
    ("on conflict", "an index was dropped", "it is made again at the next look"),
    ("locked", "another process has held it for too long", "look for one that hangs"),
    ("unable to open", "it cannot be opened", "look at the permissions of its directory"),
    ("disk i/o", "the disk does not take or give data", "look at the disk and at its free space"),
)


DROPPED = ("no such table", "ON CONFLICT clause does not match")
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


@contextmanager
def translated(file: Path, what: str = "the store") -> Iterator[None]:
    """What SQLite says of a file as an error of ours, whose text begins with `what`.

    Raises Conflict for a key that is taken, StoreUnavailable for everything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in _TAKEN:
            raise Conflict(f"{file}: another writer was first ({error})") from error
        said = str(error).lower()
        for part, why, hint in _KNOWN:
            if part in said:
                raise StoreUnavailable(f"{what} {file}: {why}", hint=hint) from error
        raise StoreUnavailable(f"{what} {file} does not work: {error}") from error
