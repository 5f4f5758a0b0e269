"""docs/api.md runs as it reads, beside a real Parlant."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_of_the_api_runs_as_it_reads(
    parlant_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, globs={"url": parlant_url})
    assert (failed, tried > 15) == (0, True)
