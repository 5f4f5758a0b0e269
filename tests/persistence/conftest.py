"""A persistence over each store that matters here (`persistence`), and bodies of real servers."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from otto_reconcile.persistence import DomainPersistence
from otto_reconcile.store.memory import MemoryStore
from otto_reconcile.store.sqlite import SQLiteStore

MongoClient = pymongo.MongoClient[dict[str, Any]]
Body = Callable[[], AbstractAsyncContextManager[tuple[Any, httpx.AsyncClient]]]


@pytest.fixture
def mongodb(wire_uri: str) -> str:
    """The URI of a real server."""
    return wire_uri


@pytest.fixture
def database(mongodb: str) -> Iterator[str]:
    """The name of a database there, dropped after the test."""
    name = f"otto_test_{uuid.uuid4().hex[:12]}"
    yield name
    with MongoClient(mongodb) as client:
        client.drop_database(name)


@pytest.fixture(params=["memory", "sqlite", "wire"])
async def persistence(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DomainPersistence]:
    if request.param == "wire":
        uri = request.getfixturevalue("mongodb")
        made = DomainPersistence(uri, request.getfixturevalue("database"))
    else:
        sqlite = request.param == "sqlite"
        made = DomainPersistence.over(
            SQLiteStore(tmp_path / "otto.db") if sqlite else MemoryStore()
        )
    yield made
    await made.close()
    await_close = made.stores.store.close
    await_close()


class Left(Exception):
    """Leaves the body of a server, so that it does not go on to serve."""


@pytest.fixture
def body() -> Body:
    """The body of `async with p.Server()`, and plain HTTP to its app; left without serving."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
        from fastapi import FastAPI

        from tests.parlant_server.serving import free_port, make_server

        with contextlib.suppress(Left):
            async with make_server(free_port()) as server:
                transport = httpx.ASGITransport(
                    server.container[FastAPI], raise_app_exceptions=False
                )
                async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
                    yield server, http
                raise Left

    return entered
