"""Servers for these tests: one offline server for a module, and a way to start others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.running import Running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts drivers in a folder of this test; what still runs at its end is ended."""
    started: list[Running] = []

    def starter(*arguments: str, **options: Any) -> Running:
        started.append(Running(tmp_path, *arguments, **options))
        return started[-1]

    yield starter
    for running in started:
        running.close()


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server without a model for all tests that only talk to it."""
    running = Running(tmp_path_factory.mktemp("offline"), "--contents")
    try:
        running.wait_for("ready")
        yield running
    finally:
        running.close()
