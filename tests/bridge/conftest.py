"""A program with a bridge in a process of its own, and a folder for the daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon, Place
from tests.parlant_server.process import ParlantProcess

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="session")
def host_process() -> Iterator[ParlantProcess]:
    with ParlantProcess("tests.bridge.host", OTTO_BRIDGE_TOKEN=TOKEN) as server:
        yield server


@pytest.fixture
def host(host_process: ParlantProcess) -> ParlantProcess:
    """The program, in a life of its own."""
    host_process.restart()
    return host_process


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, OTTO_BRIDGE_TOKEN=TOKEN)


def bridged(place: Place, host: ParlantProcess, *arguments: str, **environ: str) -> Daemon:
    return place.forked("--parlant-url", host.url, "--interval", "1", *arguments, **environ)
