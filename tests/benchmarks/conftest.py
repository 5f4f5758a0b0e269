"""Simulated Parlant servers, each empty at the start of a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import httpx
import pytest

from tests.benchmarks.simulating import simulator


@pytest.fixture(scope="session")
def simulator_urls() -> Iterator[Sequence[str]]:
    with simulator("--targets", 3, "--speed", 0) as urls:
        yield urls


@pytest.fixture
def simulated_urls(simulator_urls: Sequence[str]) -> Sequence[str]:
    """Of three servers that take no time."""
    for url in simulator_urls:
        httpx.post(f"{url}/_simulator/restart").raise_for_status()
    return simulator_urls
