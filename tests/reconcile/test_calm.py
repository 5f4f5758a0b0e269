"""What a daemon reads and asks where nothing has happened: counts, no times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.model import Ref
from otto_reconcile.reconcile.cache import SURE
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.base import Document
from otto_reconcile.store.over import StoreOver
from otto_reconcile.store.sqlite import SQLiteStore
from tests.reconcile.fakes import Setting, bot

ROWS = {"bots", "guidelines", "journeys", "terms", "applied"}
BOTS = 40


class Counting(StoreOver):
    """Counts the documents that are read, by collection."""

    def __init__(self, kept: SQLiteStore) -> None:
        super().__init__(kept)
        self.read = Counter[str]()

    def find(self, collection: str, *args: Any, **options: Any) -> list[Document]:
        found = super().find(collection, *args, **options)
        self.read[collection] += len(found)
        return found


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "otto.db")) as store:
        yield store


async def settled(kept: SQLiteStore, **options: Any) -> tuple[Setting, Counter[str]]:
    """A daemon that has all of its bots in place, and has read that twice."""
    setting, store = Setting(interval=3600.0, **options), Counting(kept)
    setting.stores = Stores.over(store)
    setting.loop = setting.another()
    setting.want(*(bot(f"bot-{n:02}") for n in range(BOTS)))
    await setting.loop.restore()
    assert await setting.loop._reader.read()
    store.read = Counter()
    return setting, store.read


async def calm(setting: Setting, times: int = 1) -> None:
    for _ in range(times):
        assert await setting.loop._reader.read(calm=True)


async def test_calm_readings_pass_over_what_nobody_wrote_to(kept: SQLiteStore) -> None:
    setting, read = await settled(kept)
    await calm(setting, SURE - 1)
    assert not ROWS & (+read).keys()
    assert read["events"] == 20 * (SURE - 1)  # some revisions are compared each time
    await calm(setting)
    assert read["bots"] >= BOTS
    assert read["applied"] == BOTS


async def test_any_other_reading_reads_all_there_is(kept: SQLiteStore) -> None:
    setting, read = await settled(kept)
    assert await setting.loop._reader.read()
    assert read["bots"] >= BOTS
    assert read["applied"] == BOTS


async def test_rows_that_others_write_are_seen_by_a_calm_reading(
    kept: SQLiteStore, tmp_path: Path
) -> None:
    setting, read = await settled(kept)
    with closing(SQLiteStore(tmp_path / "otto.db")) as theirs:
        assert theirs.swap("bots", {"bot_id": "bot-07"}, {"name": "Renamed"})
    await calm(setting)
    assert read["bots"] >= BOTS
    assert setting.loop._session.cache.current.desired.bots["bot-07"].bot.name == "Renamed"


class Listing:
    """Counts how often the agents are listed."""

    def __init__(self, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times, self._real = 0, setting.port.list_agents
        monkeypatch.setattr(setting.port, "list_agents", self._listed)

    async def _listed(self) -> Sequence[Any]:
        self.times += 1
        return await self._real()


@pytest.mark.parametrize(("hooked", "times"), [(True, 1), (False, 6)])
async def test_agents_are_listed_where_there_may_be_others(
    kept: SQLiteStore, monkeypatch: pytest.MonkeyPatch, hooked: bool, times: int
) -> None:
    setting, _ = await settled(kept, hooked=hooked)
    listing, controller = Listing(setting, monkeypatch), setting.loop._controller
    for _ in range(6):
        await controller.list_foreign()
    assert listing.times == times
    setting.stir("stranger", "agent", "stranger")
    await controller.list_foreign()
    assert listing.times == times + 1
    assert Ref("agent", "bot-00") in setting.port.held
    for _ in range(SURE):
        await controller.list_foreign()
    assert listing.times >= times + 2
