"""A store of each sort that matters here, empty: `store`; bots to put into it: `make_bot`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.model import Bot, Guideline, Journey, Relationship, Term
from otto_reconcile.model.bot import CannedField, CannedResponse, Capability, Customer, Variable
from otto_reconcile.store.base import Store
from tests.support.stores import SORTS, opened


@pytest.fixture(params=[sort for sort in SORTS if sort != "mongomock"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request.param, tmp_path, request) as store:
        yield store


@pytest.fixture
def make_bot() -> Callable[..., Bot]:
    def make(bot_id: str = "desk", **more: Any) -> Bot:
        fields: dict[str, Any] = {
            "name": bot_id.title(),
            "description": "Helps.",
            "labels": {"team": "retail"},
            "annotations": {"note": {"by": [1, 2]}},
            "guidelines": [
                Guideline(id=f"{bot_id}.b", condition="b", action="do", tools=["s:x", "a"]),
                Guideline(id=f"{bot_id}.a", condition="a", criticality="high", tools=[]),
            ],
            "journeys": [
                Journey(id=f"{bot_id}.j", title="J", description="", conditions=["one", "two"])
            ],
            "terms": [Term(id=f"{bot_id}.t", name="RMA", description="number")],
            "canned_responses": [
                CannedResponse(id=f"{bot_id}.c", value="Hi {{n}}", fields=[CannedField(name="n")])
            ],
            "variables": [Variable(name="a/b", values={"default": {"x": None}, "tag:t": 1})],
            "capabilities": [Capability(title="Lend", description="d", signals=["s"])],
            "customers": [Customer(id="anna", tags=["t"], metadata={"k": "v"})],
            "relationships": [
                Relationship(
                    kind="priority",
                    source=f"guideline:{bot_id}.a",
                    target=f"guideline:{bot_id}.b",
                )
            ],
        }
        return Bot(id=bot_id, **{**fields, **more})

    return make
