"""A daemon with a scripted model on MongoDB's wire, for conversations that leave it running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon, Place
from tests.otto.kept import Kept
from tests.wire.server import NotRunnable, Server, own_server, skip_or_fail

SCRIPTED = ("--port", "0", "--nlp", "tests.scripted.otto:factory")
UP = 150.0
"""Seconds that a daemon may take to start on a busy machine: Parlant's import alone may be 30."""


@pytest.fixture(scope="package")
def mongo() -> Iterator[Server]:
    """Shared: a test that stops it starts it again."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_server())
        except NotRunnable as error:
            skip_or_fail(error)
        yield server


def on(kept: Kept, folder: Path) -> Place:
    """Where a daemon and commands have this database."""
    return Place(folder, MONGODB_URI=kept.uri, MONGODB_DATABASE_NAME=kept.database)


@pytest.fixture(scope="module")
def kept(mongo: Server) -> Kept:
    """The database of `shop`."""
    return Kept(mongo.uri, "otto_shop")


@pytest.fixture(scope="module")
def shop(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Shared: a test makes bots of names of its own."""
    with on(kept, tmp_path_factory.mktemp("shop")).forked(*SCRIPTED).start() as daemon:
        yield daemon.wait_up(UP)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
