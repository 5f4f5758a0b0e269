"""Every store there is, each empty, as one parameter: `store`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from otto_reconcile.store.base import Store
from tests.support.stores import SORTS, opened


@pytest.fixture(params=[sort for sort in SORTS if sort != "loose"])
def sort(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(sort: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    with opened(sort, tmp_path, request) as store:
        yield store
