"""The operations of the SQLite store, over whatever connection `sqlite` has for them."""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from otto_reconcile.store.base import DAMAGED, Document, Filter, Order, Write
from otto_reconcile.store.collections import COLLECTIONS, refuse_unfit
from otto_reconcile.store.sqltext import clause, decode, encode
from otto_reconcile.store.sqlwrites import delete, prepared


class SQLStore(ABC):
    """As `store.base.Store`, over one connection that all threads use in turn."""

    atomic = True
    label: str

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @abstractmethod
    def _asking(self) -> AbstractContextManager[sqlite3.Connection]:
        """The connection, for one operation; errors of SQLite leave it as errors of ours."""

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
        with self._writing() as connection:
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
        select = f"SELECT document FROM {definition.name}{text}"
        with self._asking() as connection:
            rows = connection.execute(select, values).fetchall()
        documents = [decode(row[0], definition) for row in rows]
        if not fields:
            return documents
        kept = (*fields, DAMAGED)
        return [{name: d[name] for name in kept if name in d} for d in documents]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that has the file to itself from its first statement."""
        with self._asking() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
