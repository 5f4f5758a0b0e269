"""A store of each sort that matters here, empty: `store`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otto_reconcile.store.base import Store
from tests.support.stores import SORTS, opened


@pytest.fixture(params=[sort for sort in SORTS if sort != "mongomock"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request.param, tmp_path, request) as store:
        yield store
