"""Each word of docs/glossary.md is at home where the page says."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"
HOMES = re.findall(r"\| `([\w.]+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_has_a_home_for_each_word() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    words = [row for row in rows if not row.startswith(("|---", "| word |"))]
    assert len(words) == len(HOMES) > 30
    assert len({row.split("|")[1] for row in words}) == len(words)


@pytest.mark.parametrize("home", HOMES)
def test_a_home_is_there(home: str) -> None:
    module, _, name = f"otto_reconcile.{home}".rpartition(".")
    try:
        assert importlib.import_module(f"{module}.{name}").__doc__
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), name)
