"""The one list of test stores: every sort, each opened empty.

A store of another sort is added here, and every contract suite runs over it.
"""

from __future__ import annotations

import inspect
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import mongomock
import pymongo
import pytest
from mongomock.collection import BulkOperationBuilder

from otto_reconcile.store.base import Store
from otto_reconcile.store.memory import MemoryStore
from otto_reconcile.store.mongo import MongoStore
from otto_reconcile.store.sqlite import SQLiteStore
from tests.wire.server import ferret_wanted


class LooseStore(MemoryStore):
    """Does one write after the other, as MongoDB does."""

    atomic = False


@contextmanager
def opened(sort: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store of one of SORTS; what it keeps is in `folder` or in a database of its own."""
    with SORTS[sort](folder, request) as store:
        yield store


@contextmanager
def _memory(folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    yield MemoryStore()


@contextmanager
def _loose(folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    yield LooseStore()


@contextmanager
def _sqlite(folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    with closing(SQLiteStore(folder / "data" / "otto.db")) as store:
        yield store


@contextmanager
def _mongomock(folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("add_update", "add_replace"):
            method = getattr(BulkOperationBuilder, name)
            patch.setattr(BulkOperationBuilder, name, _without_sort(method))
        yield MongoStore("mongodb://nowhere", new_name(), connect=mongomock.MongoClient)


@contextmanager
def _wire(folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    with database_at(str(request.getfixturevalue("wire_uri"))) as store:
        yield store


@contextmanager
def _ferret(folder: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    with database_at(str(request.getfixturevalue("ferret_uri"))) as store:
        yield store


SORTS: Mapping[str, Callable[[Path, pytest.FixtureRequest], AbstractContextManager[Store]]] = {
    "memory": _memory,
    "loose": _loose,
    "sqlite": _sqlite,
    "mongomock": _mongomock,
    "wire": _wire,
    **({"ferret": _ferret} if ferret_wanted() else {}),
}
"""FerretDB, a second independent server, takes minutes to build: OTTO_TEST_FERRETDB=1 adds it."""
KEPT = ("sqlite", "wire")
"""Sorts that outlive their process, and that other programs may write too."""


def new_name() -> str:
    return f"otto_test_{uuid.uuid4().hex[:12]}"


@contextmanager
def database_at(uri: str) -> Iterator[MongoStore]:
    """A new database on a server, dropped afterwards."""
    with dropped(uri) as name, closing(MongoStore(uri, name)) as store:
        yield store


@contextmanager
def dropped(uri: str) -> Iterator[str]:
    """The name of a database that is not there yet, and is not there afterwards."""
    name = new_name()
    yield name
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(name)


def put_rows(store: Store, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Rows as another program writes them, past this package; of a store that is one of KEPT."""
    if isinstance(store, SQLiteStore):
        with closing(sqlite3.connect(store._file)) as connection, connection:
            for name, documents in rows.items():
                texts = [(json.dumps(d, default=lambda time: time.isoformat()),) for d in documents]
                connection.executemany(f"INSERT INTO {name} (document) VALUES (?)", texts)
        return
    assert isinstance(store, MongoStore)
    for name, documents in rows.items():
        store._database[name].insert_many([dict(d) for d in documents])


def _without_sort(method: Callable[..., Any]) -> Callable[..., Any]:
    """mongomock 4.3 does not know the argument that PyMongo 4.11 and later always passes."""
    known = inspect.signature(method).parameters

    def shim(*args: Any, **options: Any) -> Any:
        return method(*args, **{k: v for k, v in options.items() if k in known or v is not None})

    return shim
