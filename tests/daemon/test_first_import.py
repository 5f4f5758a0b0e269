"""When the sources are imported at a start: before the loop, or beside it. Pure."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from otto_reconcile.daemon.first_import import FirstImport
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.model import Bot
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.store.memory import MemoryStore

BOT = Bot.from_document({"id": "b", "name": "B"})


class Parts:
    """What FirstImport asks of an assembly; `imports` counts."""

    def __init__(self) -> None:
        self.imports = 0
        self.store = MemoryStore()
        self.stores = SimpleNamespace(store=self.store)
        self.outbox = SimpleNamespace(pending=())
        self.clock = SystemClock()

    async def import_all(self) -> None:
        self.imports += 1

    def want(self) -> DesiredState:
        desired = DesiredState(self.store)
        desired.put(BOT, source=Source("manifest"), actor="test")
        return desired

    def first(self, known: Any = lambda: True, **options: bool) -> FirstImport:
        assembly: Any = self
        return FirstImport(assembly, known, **options)


async def test_a_store_that_knows_a_bot_lets_it_come_back_first() -> None:
    parts, known = Parts(), asyncio.Event()
    parts.want()
    first = parts.first(known.is_set)
    await first.before()
    importing = asyncio.create_task(first.beside())
    await asyncio.sleep(0)
    assert (parts.imports, first.over.is_set()) == (0, False)
    known.set()
    await importing
    assert (parts.imports, first.over.is_set()) == (1, True)


@pytest.mark.parametrize("case", ["empty", "all deleted", "outbox", "away", "asked for"])
async def test_else_all_is_imported_first_and_once(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Parts()
    desired = parts.want() if case != "empty" else None
    if desired is not None and case == "all deleted":
        desired.delete("b", source=Source("manifest"), actor="test")
    if case == "outbox":
        parts.outbox.pending = ("a change",)
    if case == "away":
        monkeypatch.setattr(parts.store, "find", _away)
    first = parts.first(always_before=case == "asked for")
    await first.before()
    assert parts.imports == 1
    await first.beside()
    assert parts.imports == 1


def _away(*args: Any, **options: Any) -> Any:
    raise StoreUnavailable("away")
