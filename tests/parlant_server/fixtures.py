"""Fixtures to be imported by name: one Parlant server for all tests of a run, clean for each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.parlant_server.in_process import ParlantThread
from tests.parlant_server.process import ParlantProcess
from tests.parlant_server.rest import Rest


@pytest.fixture(scope="session")
def parlant_process() -> Iterator[ParlantProcess]:
    """Shared: leave it running. A test that restarts it leaves it empty."""
    with ParlantProcess() as server:
        yield server


@pytest.fixture
def parlant_url(parlant_process: ParlantProcess) -> str:
    """The shared server, empty at the start of the test: what others left fails no test."""
    with ThreadPoolExecutor(1) as aside:  # an async fixture may ask for this one within its loop
        aside.submit(lambda: asyncio.run(_emptied(parlant_process.url))).result()
    return parlant_process.url


async def _emptied(url: str) -> None:
    async with plain_http(url):
        pass


@asynccontextmanager
async def plain_http(url: str) -> AsyncIterator[Rest]:
    """Plain HTTP to a server, which is emptied first."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        rest = Rest(http)
        await rest.clean()
        yield rest


@pytest.fixture
async def parlant_rest(parlant_url: str) -> AsyncIterator[Rest]:
    """Plain HTTP to the shared server, which is empty at the start of the test."""
    async with httpx.AsyncClient(base_url=parlant_url, timeout=60) as http:
        yield Rest(http)


@pytest.fixture(scope="session")
def parlant_thread(tmp_path_factory: pytest.TempPathFactory) -> ParlantThread:
    """Shared: a server in this process."""
    os.environ["PARLANT_HOME"] = str(tmp_path_factory.mktemp("parlant-home"))
    thread = ParlantThread()
    thread.start()
    return thread


class InLoop:
    """An object whose coroutines run in the server's loop, to be awaited from the test's."""

    def __init__(self, inner: Any, thread: ParlantThread) -> None:
        self.inner = inner
        self._thread = thread

    @property
    def target(self) -> str:
        return str(self.inner.target)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._thread.within(method(*args, **kwargs))

        return call

    @asynccontextmanager
    async def sweep(self) -> AsyncIterator[None]:
        manager = self.inner.sweep()
        await self._thread.within(manager.__aenter__())
        try:
            yield
        finally:
            await self._thread.within(manager.__aexit__(None, None, None))
