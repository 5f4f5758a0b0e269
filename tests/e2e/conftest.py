"""What the end-to-end tests share: a folder each, one Parlant elsewhere, a MongoDB of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Place
from tests.parlant_server.process import ParlantProcess
from tests.wire.server import NotRunnable, Server, own_server, skip_or_fail


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def parlant(parlant_process: ParlantProcess) -> ParlantProcess:
    """The shared Parlant elsewhere, empty."""
    parlant_process.restart()
    return parlant_process


@pytest.fixture
def mongodb() -> Iterator[Server]:
    """A server of MongoDB's wire protocol that a test may stop and start."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_server())
        except NotRunnable as error:
            skip_or_fail(error)
        yield server
