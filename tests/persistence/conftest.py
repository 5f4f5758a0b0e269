"""A persistence over each store that matters here (`persistence`), and bodies of real servers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from otto_reconcile.persistence import DomainPersistence
from otto_reconcile.store.base import Store
from otto_reconcile.store.mongo import MongoStore
from tests.support.stores import KEPT, dropped, opened, put_rows

MongoClient = pymongo.MongoClient[dict[str, Any]]
Fill = Callable[[Mapping[str, list[dict[str, Any]]]], DomainPersistence]
Body = Callable[[], AbstractAsyncContextManager[tuple[Any, httpx.AsyncClient]]]


@pytest.fixture
def mongodb(wire_uri: str) -> str:
    """The URI of a real server."""
    return wire_uri


@pytest.fixture
def database(mongodb: str) -> Iterator[str]:
    """The name of a database there, dropped after the test."""
    with dropped(mongodb) as name:
        yield name


@pytest.fixture(params=["memory", *KEPT])
async def persistence(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DomainPersistence]:
    with opened(request.param, tmp_path, request) as store:
        made = of(store, request)
        yield made
        await made.close()


@pytest.fixture(params=KEPT)
def fill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fill]:
    """Writes rows past this package, as another program does; gives a persistence of them."""
    with opened(request.param, tmp_path, request) as store:

        def filled(rows: Mapping[str, list[dict[str, Any]]]) -> DomainPersistence:
            put_rows(store, rows)
            made = of(store, request)
            request.addfinalizer(lambda: made.stores.store.close())
            return made

        yield filled


def of(store: Store, request: pytest.FixtureRequest) -> DomainPersistence:
    """A persistence over the store; on MongoDB one that opens its own connection."""
    if isinstance(store, MongoStore):
        uri = request.getfixturevalue("mongodb")
        return DomainPersistence(uri, store.label.rpartition(" ")[2])
    return DomainPersistence.over(store)


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
