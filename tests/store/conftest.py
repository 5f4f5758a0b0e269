"""Every store there is, each empty, as one parameter: `store`."""

from __future__ import annotations

import contextlib
import inspect
import uuid
from collections.abc import Callable, Iterator
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
from tests.wire.server import NotRunnable, ferret_wanted, skip_or_fail, wire_server

SORTS = ("memory", "sqlite", "mongomock", "wire", *(("ferret",) if ferret_wanted() else ()))
"""FerretDB, a second independent server, takes minutes to build: OTTO_TEST_FERRETDB=1 adds it."""


def _without_sort(method: Callable[..., Any]) -> Callable[..., Any]:
    """mongomock 4.3 does not know the argument that PyMongo 4.11 and later always passes."""
    known = inspect.signature(method).parameters

    def shim(*args: Any, **options: Any) -> Any:
        return method(*args, **{k: v for k, v in options.items() if k in known or v is not None})

    return shim


@pytest.fixture(autouse=True)
def _shims(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("add_update", "add_replace"):
        method = getattr(BulkOperationBuilder, name)
        monkeypatch.setattr(BulkOperationBuilder, name, _without_sort(method))


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Gives the URI of a server of a sort, started when first asked for."""
    with contextlib.ExitStack() as stack:
        uris: dict[str, str | NotRunnable] = {}

        def uri_of(sort: str) -> str:
            if sort == "wire":
                return str(request.getfixturevalue("wire_uri"))
            if sort not in uris:
                try:
                    uris[sort] = stack.enter_context(wire_server(sort))
                except NotRunnable as error:
                    uris[sort] = error
            found = uris[sort]
            if isinstance(found, NotRunnable):
                skip_or_fail(found)
            return str(found)

        yield uri_of


@pytest.fixture(params=SORTS)
def sort(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(sort: str, tmp_path: Path, servers: Callable[[str], str]) -> Iterator[Store]:
    if sort == "memory":
        yield MemoryStore()
        return
    if sort == "sqlite":
        embedded = SQLiteStore(tmp_path / "data" / "otto.db")
        yield embedded
        embedded.close()
        return
    database = f"otto_test_{uuid.uuid4().hex[:12]}"
    if sort == "mongomock":
        yield MongoStore("mongodb://nowhere", database, connect=mongomock.MongoClient)
        return
    uri = servers(sort)
    remote = MongoStore(uri, database)
    yield remote
    remote.close()
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(database)
