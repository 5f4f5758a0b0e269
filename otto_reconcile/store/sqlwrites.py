"""The writes of a batch as statements, ready before the file is held: for the SQLite store only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from otto_reconcile.errors import Conflict
from otto_reconcile.store.base import LARGEST_TOKEN, Collection, Filter, Write
from otto_reconcile.store.collections import COLLECTIONS, refuse_unfit
from otto_reconcile.store.sqltext import clause, encode, path

Rows: TypeAlias = Sequence[tuple[str]]
Doing: TypeAlias = Callable[[sqlite3.Connection], None]


def prepared(write: Write) -> Doing:
    """What does the write, its documents encoded already.

    Raises PermanentError for what no store can hold; the doing raises Conflict and sqlite3.Error.
    """
    collection = COLLECTIONS[write.collection]
    if write.operation == "delete":
        return partial(_delete_each, collection.name, write.documents)
    refuse_unfit(write.collection, write.documents)
    rows = [(encode(document),) for document in write.documents]
    insert = f"INSERT INTO {collection.name} (document) VALUES (?)"
    if write.operation == "insert":
        return partial(_insert, insert, rows)
    if write.operation == "put" and not collection.own:
        return partial(_put_shared, collection, insert, rows)
    put = f"{insert} ON CONFLICT (key) DO UPDATE SET document = excluded.document"
    if write.operation == "put":
        return partial(_insert, put, rows)
    return partial(_supersede, collection.name, put, rows)


def delete(connection: sqlite3.Connection, name: str, where: Filter) -> int:
    """How many were deleted."""
    text, values = clause(where)
    found = f"SELECT id FROM {name}{text}"
    return connection.execute(f"DELETE FROM {name} WHERE id IN ({found})", values).rowcount


def _delete_each(
    name: str, filters: Sequence[Mapping[str, Any]], connection: sqlite3.Connection
) -> None:
    for where in filters:
        delete(connection, name, where)


def _insert(statement: str, rows: Rows, connection: sqlite3.Connection) -> None:
    connection.executemany(statement, rows)


def _put_shared(
    collection: Collection, insert: str, rows: Rows, connection: sqlite3.Connection
) -> None:
    """Replaces the first that has the key: keys are not unique where others write too."""
    name = collection.name
    keys = ", ".join(path(field).replace("document", "?1", 1) for field in collection.keys)
    update = (
        f"UPDATE {name} SET document = ?1 WHERE id = "
        f"(SELECT min(id) FROM {name} WHERE key = json_array({keys}))"
    )
    for row in rows:
        if connection.execute(update, row).rowcount == 0:
            connection.execute(insert, row)


def _supersede(name: str, put: str, rows: Rows, connection: sqlite3.Connection) -> None:
    there, given = (
        path("token").replace("document", f"{row}.document", 1) for row in (name, "excluded")
    )
    later = f"{there} > {given} AND {there} <= {LARGEST_TOKEN} AND typeof({there}) = 'integer'"
    statement = f"{put} WHERE NOT coalesce({later}, 0)"
    for row in rows:
        if connection.execute(statement, row).rowcount == 0:
            raise Conflict(f"{name}: another writer has a newer token")
