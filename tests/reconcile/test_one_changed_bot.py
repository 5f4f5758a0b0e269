"""What one changed bot costs: as many documents among many bots as among few."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from otto_reconcile.desired import Source
from otto_reconcile.model import Bot, Guideline
from otto_reconcile.model.shared import Glossary, UsedBy
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.base import Document, Filter, Order, Store
from otto_reconcile.store.over import StoreOver
from otto_reconcile.store.sqlite import SQLiteStore
from tests.reconcile.fakes import Setting, bot
from tests.support.stores import put_rows

CLI = Source("cli")


class Counting(StoreOver):
    """Counts the documents that are read."""

    def __init__(self, kept: Store) -> None:
        super().__init__(kept)
        self.read = 0

    def find(
        self,
        collection: str,
        where: Filter | None = None,
        *,
        order: Order = (),
        limit: int = 0,
        fields: Sequence[str] = (),
    ) -> list[Document]:
        found = super().find(collection, where, order=order, limit=limit, fields=fields)
        self.read += len(found)
        return found


async def settled(kept: Store, count: int) -> tuple[Setting, Counting]:
    """A daemon that has all of its bots in place, and knows it."""
    setting, store = Setting(interval=3600.0), Counting(kept)
    setting.stores = Stores.over(store)
    setting.loop = setting.another()
    setting.want(*(bot(f"bot-{n}") for n in range(count)))
    await setting.loop.restore()
    assert await setting.loop._reader.read()
    return setting, store


def changed(bot_id: str, action: str) -> Bot:
    guideline = Guideline(id=f"{bot_id}.greet", condition="Somebody says hello", action=action)
    return bot(bot_id, guidelines=[guideline])


async def documents(folder: Path, count: int) -> tuple[int, int]:
    """The documents read for a tick after one bot has changed, and for a look at it."""
    kept = SQLiteStore(folder / f"{count}.db")
    setting, store = await settled(kept, count)
    setting.stores.desired.put(changed("bot-7", "Wave"), source=CLI, actor="ann")
    store.read = 0
    assert await setting.loop._reader.read(whole=False)
    ticked, store.read = store.read, 0
    item = setting.loop._session.queue.pop()
    assert item is not None
    await setting.loop._controller.step(item)
    looked = store.read
    assert any("Wave" in str(one.spec) for one in setting.port.held.values())
    kept.close()
    return ticked, looked


async def test_a_tick_reads_as_much_among_many_bots(tmp_path: Path) -> None:
    few, many = await documents(tmp_path, 100), await documents(tmp_path, 300)
    assert few == many
    assert sum(few) < 10


@pytest.mark.parametrize("way", ["whole", "moved"])
async def test_a_tick_comes_to_what_a_whole_reading_does(tmp_path: Path, way: str) -> None:
    kept = SQLiteStore(tmp_path / "otto.db")
    setting, _ = await settled(kept, 5)
    cache, desired = setting.loop._session.cache, setting.stores.desired

    async def tick() -> list[str]:
        update = await cache.read(
            ingest=True, token=setting.loop._session.leader.token, whole=way == "whole"
        )
        assert (update.moved is None) == (way == "whole")
        return update.changed

    renamed = changed("bot-1", "Wave").model_copy(update={"name": "Bot-2"})
    desired.put(renamed, source=CLI, actor="ann")
    desired.put(bot("aaa"), source=CLI, actor="ann")
    assert await tick() == ["aaa", "bot-1"]
    desired.delete("bot-3", source=CLI, actor="ann")
    assert await tick() == ["bot-3"]
    world = cache.current
    assert list(world.desired.bots) == ["aaa", "bot-0", "bot-1", "bot-2", "bot-4"]
    assert world.bot_ids == ("aaa", "bot-0", "bot-1", "bot-2", "bot-3", "bot-4")
    assert world.deleted == {"bot-3"}
    assert world.index.namesakes() == [("bot-1", "bot-2")]
    assert await tick() == []
    kept.close()


async def test_what_others_write_is_read_whole(tmp_path: Path) -> None:
    kept = SQLiteStore(tmp_path / "otto.db")
    setting, _ = await settled(kept, 3)
    reader, cache = setting.loop._reader, setting.loop._session.cache
    put_rows(kept, {"bots": [{"bot_id": "theirs", "name": "Theirs"}]})
    setting.stores.desired.put(changed("bot-1", "Wave"), source=CLI, actor="ann")
    assert await reader.read(whole=False)
    assert "theirs" in cache.current.desired.bots
    other = SQLiteStore(tmp_path / "otto.db")
    Stores.over(other).desired.put(changed("bot-2", "Wave"), source=CLI, actor="bob")
    assert await reader.read(whole=False)
    assert cache.current.desired.bots["bot-2"].actor == "bob"
    setting.stores.desired.put(
        Glossary(id="words", used_by=UsedBy(all=True)), source=CLI, actor="ann"
    )
    assert await reader.read(whole=False)
    assert "glossary/words" in cache.current.desired.shared
    other.close(), kept.close()


async def test_odd_rows_are_told_until_they_are_mended(tmp_path: Path) -> None:
    kept = SQLiteStore(tmp_path / "otto.db")
    setting, _ = await settled(kept, 3)
    put_rows(kept, {"guidelines": [{"bot_id": "bot-1", "guideline_id": "odd"}]})
    for action in ("Wave", "Smile"):
        setting.stores.desired.put(changed("bot-2", action), source=CLI, actor="ann")
        assert await setting.loop._reader.read(whole=False)
        assert "bot-1" in setting.loop._session.cache.current.odd_rows
    kept.close()


async def test_what_a_tick_saw_is_remembered(tmp_path: Path) -> None:
    kept = SQLiteStore(tmp_path / "one.db")
    state = Stores.over(kept).desired
    state.put_many([(bot("a"), CLI), (bot("b"), CLI)], actor="ann")
    daemon = Remembered(tmp_path, kept)
    assert daemon.look(state.read()) is None
    state.put_many([(bot("c"), CLI)], actor="ann")
    state.delete("a", source=CLI, actor="ann")
    daemon.look_at(state.read(), ["a", "c"])
    with (tmp_path / "managed.changes").open("a") as file:
        file.write('\n["d", "on')  # the process died here
    empty = SQLiteStore(tmp_path / "two.db")
    later = Remembered(tmp_path, empty)
    assert "no record of b, c, which" in (later.look(Stores.over(empty).desired.read()) or "")
    assert not (tmp_path / "managed.changes").exists()
    kept.close(), empty.close()


async def test_reading_while_the_world_is_forgotten(tmp_path: Path) -> None:
    kept = SQLiteStore(tmp_path / "otto.db")
    setting, _ = await settled(kept, 3)
    cache = setting.loop._session.cache
    setting.stores.desired.put(changed("bot-1", "Wave"), source=CLI, actor="ann")
    reading = asyncio.create_task(setting.loop._reader.read(whole=False))
    await asyncio.sleep(0)
    cache.forget()
    assert await reading
    assert set(cache.bot_ids) == {"bot-0", "bot-1", "bot-2"}
    kept.close()
