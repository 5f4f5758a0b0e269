"""Reading everything takes each revision out of the store once. Counts, no times."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.model import Bot
from otto_reconcile.store.base import Collection
from otto_reconcile.store.sqlite import SQLiteStore
from otto_reconcile.store.sqltext import decode

BOTS = 30


def test_a_first_reading_takes_each_event_out_whole_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "store.db"
    bots = [Bot.from_document({"id": f"b{n}", "name": f"B{n}"}) for n in range(BOTS)]
    with closing(SQLiteStore(file)) as written:
        wanted = [(bot, Source("manifest")) for bot in bots]
        DesiredState(written).put_many(wanted, actor="test")
    whole = Counter[str]()

    def counted(text: str, collection: Collection) -> Any:
        whole[collection.name] += 1
        return decode(text, collection)

    monkeypatch.setattr("otto_reconcile.store.sqlite.decode", counted)
    with closing(SQLiteStore(file)) as store:
        desired = DesiredState(store)
        assert len(desired.read().bots) == BOTS
        assert (whole["events"], whole["heads"]) == (BOTS, BOTS)
        whole.clear()
        assert len(desired.read().bots) == BOTS
        assert whole["events"] == 20  # so many are compared with what was read of them
