"""A server of MongoDB's wire protocol, and a daemon on it with a scripted model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon, Place
from tests.scripted.kept import Kept
from tests.wire.server import NotRunnable, Server, own_server, skip_or_fail

SCRIPTED = ("--port", "0", "--nlp", "tests.scripted.otto:factory")


@pytest.fixture(scope="package")
def mongo() -> Iterator[Server]:
    """Shared: a test that stops it starts it again."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_server())
        except NotRunnable as error:
            skip_or_fail(error)
        yield server


def on(server: Server, database: str) -> tuple[str, ...]:
    """The options of a daemon that keeps its bots there."""
    return (*SCRIPTED, "--mongodb-uri", server.uri, "--database", database)


@pytest.fixture(scope="package")
def kept(mongo: Server) -> Kept:
    """The database of `shop`."""
    return Kept(mongo.uri, "otto_shop")


@pytest.fixture(scope="package")
def shop(mongo: Server, kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Shared: a test makes bots of names of its own."""
    place = Place(tmp_path_factory.mktemp("wired"))
    with place.daemon(*on(mongo, kept.database)) as daemon:
        yield daemon


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
