"""A Parlant in this process, of a version that was verified, is not asked what it can do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from otto_reconcile.port import capabilities
from otto_reconcile.port.releases import RELEASES, Known, Versions
from tests.port.conftest import RELEASE

VERIFIED = sorted(version for release in RELEASES for version in release.verified)


async def known(version: str, describe: Any) -> tuple[Known, int]:
    """What is taken for known, and how often it was described for that."""
    times = 0

    def described() -> Any:
        nonlocal times
        times += 1
        return describe

    nobody: Any = SimpleNamespace(target="embedded:test", get=pytest.fail)
    return await Versions(nobody, version, described)._read(), times


async def test_the_real_server_says_what_is_taken_for_granted(parlant_url: str) -> None:
    async with httpx.AsyncClient(base_url=parlant_url, timeout=60) as http:
        description = (await http.get("/openapi.json")).json()
    assert RELEASE is not None
    assert capabilities.read(description) == RELEASE.can


@pytest.mark.parametrize("version", VERIFIED)
async def test_a_verified_version_is_not_asked_to_describe_itself(version: str) -> None:
    found, times = await known(version, {})
    assert (found.version, found.note, times) == (version, None, 0)


async def test_a_version_not_verified_is_asked_to_describe_itself() -> None:
    found, times = await known("3.3.999", {})
    assert (found.version, times) == ("3.3.999", 1)
