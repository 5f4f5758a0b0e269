"""One daemon with a scripted model for all conversations that leave it running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon, Place
from tests.parlant_server.fixtures import parlant_process, parlant_rest, parlant_url

__all__ = ["parlant_process", "parlant_rest", "parlant_url"]

SCRIPTED = ("--port", "0", "--nlp", "tests.scripted.otto:factory")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Shared: a test makes bots of names of its own."""
    with Place(tmp_path_factory.mktemp("shop")).daemon(*SCRIPTED) as daemon:
        yield daemon


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
