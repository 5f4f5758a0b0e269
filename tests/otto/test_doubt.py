"""What Otto's tools say and do where not all can be known: the store was never read, another daemon
was as fast, an answer was too long, nobody has said yes. With a real Parlant, without a chat.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.desired import Source
from otto_reconcile.model import Bot
from otto_reconcile.otto import spec_codec
from otto_reconcile.outbox import UNSAVED
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.memory import MemoryStore
from tests.otto.maker import Away, Shop, opened
from tests.otto.shop import agents, pasted, spec, there
from tests.parlant_server.rest import Rest


class Door(Away):
    """A store that answers once it is opened."""

    def __init__(self) -> None:
        self.store, self.open = MemoryStore(), False
        self.atomic = self.store.atomic

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name) if self.open else super().__getattr__(name)


def keep(store: MemoryStore, bot: Bot, kind: str = "cli") -> None:
    """As another program does."""
    Stores.over(store).desired.put(bot, source=Source(kind), actor="me")


async def test_a_store_that_was_never_read_is_no_empty_one(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    door = Door()
    keep(door.store, Bot(id="kept", name="Kept", description="theirs"))
    keep(door.store, Bot(id="old-name", name="Shared Name"))
    async with opened(parlant_url, tmp_path, door) as shop:
        catalogue, unread = shop.service.catalogue, "not known which bots it keeps"
        listed = await catalogue.list()
        assert listed["ok"] is False
        assert unread in listed["message"]
        assert listed["bots"] == []
        shown = await catalogue.show("Kept")
        assert unread in shown["message"]
        assert "Parlant has no agent 'Kept' now" in shown["message"]
        for answer in (
            await shop.service.update("kept", "{}", "s1", "t1"),
            await shop.service.delete("kept", "Kept", "s1", "t1"),
        ):
            assert (answer["ok"], answer["problem"]) == (False, "unsure")

        await parlant_rest.post("/agents", id="x-1", name="Stranger")
        taken = await shop.make(spec("stranger"))
        assert taken["problem"] == "taken"
        assert unread in taken["message"]
        for name, more in (("Kept", {}), ("shared name", {"id": "new-name"})):
            made = await shop.make(spec(name, **more), name)
            assert made["live"]
            assert made["saved"] is False
            assert "could not be asked whether it has a bot of this name" in made["message"]
        listed = await catalogue.list()
        assert {b["bot_id"]: b["saved"] for b in listed["bots"]} == {
            "kept": False, "new-name": False, "x-1": "unknown"
        }  # fmt: skip

        door.open = True
        await shop.loop.restore()
        warnings = shop.reporter.board.status.warnings
        (path,) = (tmp_path / UNSAVED).iterdir()
        assert any("'kept' was not saved: there is a bot 'kept'" in w and str(path) in w
                   for w in warnings)  # fmt: skip
        assert any("2 bots are named 'Shared Name': 'old-name' (from cli) and then 'new-name'" in w
                   for w in warnings)  # fmt: skip
        # What was made meanwhile under the id of a bot of the store is not overwritten unasked.
        assert there(parlant_url, "kept").description.startswith("Purpose: Tells")
        assert "--take-over" in (shop.reporter.board.status.bots["kept"].message or "")
        assert json.loads(path.read_text())["bot"]["description"].startswith("Purpose: Tells")
        path.unlink()
        await shop.loop.reconcile_now("kept")
        assert not [w for w in shop.reporter.board.status.warnings if "not saved" in w]
        assert "Shared Name" in [b["name"] for b in (await catalogue.list())["bots"]]
    await parlant_rest.delete("/agents/x-1")


async def test_a_store_that_went_away_is_told_as_it_was_read(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    door = Door()
    door.open = True
    keep(door.store, Bot(id="kept", name="Kept"))
    async with opened(parlant_url, tmp_path, door) as shop:
        door.open = False
        listed = await shop.service.catalogue.list()
        assert [b["bot_id"] for b in listed["bots"]] == ["kept"]
        assert "how it was when it was last read" in listed["message"]
        assert (await shop.make(spec("KEPT")))["problem"] == "taken"


async def test_name_given_by_two_daemons_at_once_is_reported(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    async with opened(parlant_url, tmp_path, store) as shop:
        desired = shop.stores.desired
        read = desired.read

        def slow() -> Any:
            """Between our look and our write the other daemon writes."""
            found = read()
            monkeypatch.setattr(desired, "read", read)
            keep(store, Bot(id="rival", name="contested  NAME"), "otto")
            return found

        await shop.service.validate(spec("Contested Name"), "", "s1", "t1")
        monkeypatch.setattr(desired, "read", slow)
        made = await shop.service.create(spec("Contested Name"), "s1", "t2")
        assert made["live"]
        assert "There is a bot 'contested  NAME' with the id 'rival' already." in made["message"]
        (warning,) = shop.reporter.board.status.warnings
        assert "2 bots are named 'contested  NAME': 'rival' (from otto) and then" in warning
        assert (await shop.make(spec("contested name", id="third")))["problem"] == "taken"
        assert (await shop.service.validate({"name": "Rival"}, "rival", "s1", "t3"))["ok"]
        # Whoever keeps the name that two have may be changed all the same.
        assert (await shop.service.validate({"tone": ["grave"]}, "rival", "s1", "t4"))["ok"]
        assert (await shop.service.update("rival", {"tone": ["grave"]}, "s1", "t5"))["ok"]


async def test_nothing_is_done_that_the_customer_has_not_answered_to(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    store = MemoryStore()
    async with opened(parlant_url, tmp_path, store) as shop:
        work, first, second = shop.service, pasted("First"), pasted("Second")
        unconfirmed = [
            await work.create(first, "s1", "t1"),  # never shown; shown now
            await work.create(first, "s1", "t1"),  # in the same turn
            await work.create(second, "s1", "t2"),  # another one
            await work.create(first, "s1", "t3"),  # shown, but not last
            await work.create(first, "s2", "t4"),  # in another chat
        ]
        assert {answer["problem"] for answer in unconfirmed} == {"unconfirmed"}
        assert agents(parlant_url) == []
        assert (await work.validate(first, "", "s1", "t3"))["ok"]
        reordered = json.dumps(dict(reversed(spec("First").items())))
        assert (await work.create(reordered, "s1", "t5"))["live"]

        grave = {"tone": ["grave"]}
        shown = await work.validate(grave, "First", "s1", "t6")
        assert shown["changes"] == ['tone: ["friendly"] becomes ["grave"]']
        assert (await work.update("first", grave, "s1", "t6"))["problem"] == "unconfirmed"
        keep(store, desired(shop).model_copy(update={"name": "Renamed"}))
        again = await work.update("first", grave, "s1", "t7")  # it is another bot by now
        assert again["problem"] == "unconfirmed"
        assert (await work.update("first", grave, "s1", "t8"))["ok"]
        assert (desired(shop).name, "Tone: grave" in there(parlant_url, "first").description) == (
            "Renamed", True
        )  # fmt: skip


def desired(shop: Shop) -> Bot:
    return shop.stores.desired.get("first").bot


async def test_bot_too_long_for_one_answer_is_paged_and_loses_nothing(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    guidelines = [
        {"key": f"g{n}", "condition": f"The customer says {n} {'é' * 300}", "action": "Nod"}
        for n in range(20)
    ]
    guidelines += [{"key": "long", "condition": "The customer waits", "action": "x" * 20_000}]
    async with opened(parlant_url, tmp_path, MemoryStore()) as shop:
        work = shop.service
        made = await shop.make(pasted("Big", guidelines=guidelines, relationships=[]))
        before = shop.stores.desired.get("big").bot
        first = await work.catalogue.show("big")
        pages = [await work.catalogue.show("big", n + 1) for n in range(first["pages"])]
        assert made["live"]
        assert all(len(json.dumps(page)) < 16_000 for page in pages)
        keys = [g["key"] for page in pages for g in page["specification"].get("guidelines", ())]
        assert sorted(keys) == sorted(g["key"] for g in guidelines)
        beyond = await work.catalogue.show("big", first["pages"] + 1)
        assert f"1 to {first['pages']}" in beyond["message"]

        (cut,) = (page for page in pages if page.get("cut"))
        back = await work.validate(cut["specification"], "big", "s1", "t1")
        assert [p["where"] for p in back["problems"]] == ["/guidelines/0/action"]
        page = pages[1]["specification"]
        page["guidelines"][0]["action"] = "Bow"
        assert len((await work.validate(page, "big", "s1", "t1"))["changes"]) == 1
        assert (await work.update("big", page, "s1", "t2"))["ok"]
    after = spec_codec.written(before)
    (changed,) = (g for g in after["guidelines"] if g["key"] == page["guidelines"][0]["key"])  # type: ignore[union-attr, index]
    changed["action"] = "Bow"  # type: ignore[index]
    found = there(parlant_url, "big")
    assert found.guidelines == {
        f"big.{g['key']}": (g["condition"], g["action"])  # type: ignore[index, call-overload]
        for g in after["guidelines"]  # type: ignore[union-attr]
    }


class Frozen(Away):
    """A store that is waited for in vain each time it is asked anything."""

    waits = 0

    def __getattr__(self, name: str) -> Any:
        refuse = super().__getattr__(name)

        def wait(*args: Any, **options: Any) -> None:
            self.waits += 1
            refuse()

        return wait


async def test_store_that_does_not_answer_is_waited_for_once(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    frozen = Frozen()
    async with opened(parlant_url, tmp_path, frozen) as shop:
        shown = await shop.service.validate(pasted("Patient"), "", "s", "1")
        frozen.waits = 0
        made = await shop.service.create(shown["draft"], "s", "2")
        assert (made["live"], made["saved"]) == (True, False)
        assert frozen.waits == 1
        assert there(parlant_url, "patient")
