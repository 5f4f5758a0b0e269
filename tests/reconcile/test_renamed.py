"""What becomes of a bot on its target that another program renamed in the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otto_reconcile.desired import Source
from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Bot, Guideline, Ref, Resource, Snapshot, make
from otto_reconcile.reconcile import heirs
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.records.applied import Applied
from otto_reconcile.store.base import Store
from tests.reconcile.test_loop import running, until
from tests.reconcile.test_owners import KINDS, PARTS, Counted, has, is_degraded, rows, status


def rename(store: Store, before: str, after: str) -> None:
    """In the order of the original program."""
    metadata = {"previous_bot_id": before}
    store.swap("bots", {"bot_id": before}, {"bot_id": after, "metadata": metadata})
    for collection in PARTS:
        while store.swap(collection, {"bot_id": before}, {"bot_id": after}):
            pass


async def test_the_former_bot_stays_until_the_new_one_is_there() -> None:
    setting = Counted()
    for collection in PARTS:
        rows(setting, collection, "alpha")
    await setting.loop.restore()
    refusing = True
    create = setting.port.create

    async def refuse(resource: Resource, **options: Any) -> Resource:
        if refusing and resource.ref == Ref("agent", "beta"):
            raise TargetRefused("no more agents", status=422)
        return await create(resource, **options)

    setting.port.create = refuse  # type: ignore[method-assign]
    async with running(setting):
        rename(setting.stores.store, "alpha", "beta")
        await until(lambda: is_degraded(setting, "beta"))
        for _ in range(3):
            await setting.settled()
            setting.loop.poke("tests", ["alpha"])
        assert setting.agents() == {"alpha"}
        assert all(has(setting, Ref(kind, "greet"), "by alpha") for kind in KINDS.values())
        sync, _, message = status(setting, "alpha")
        assert sync is Sync.OUT_OF_SYNC
        assert "it stays until bot 'beta' is there, which has its parts now" in message
        refusing = False
        setting.loop.poke("tests", None)
        await until(lambda: setting.agents() == {"beta"})
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
        await until(lambda: set(setting.stores.applied.load("fake")) == {"beta"})
    assert all(Ref(kind, "greet") in setting.port.held for kind in KINDS.values())


async def test_a_rename_that_is_refused_is_on_both_and_nothing_flips() -> None:
    setting = Counted()
    part = Guideline(id="greet", condition="by a manifest")
    source = Source("manifest", path="desk.yaml")
    desk = Bot(id="desk", name="Desk", guidelines=[part])
    setting.stores.desired.put(desk, source=source, actor="ann")
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: "desk" in setting.agents())
        rename(setting.stores.store, "desk", "beta")
        await until(lambda: is_degraded(setting, "desk", "beta"))
        await setting.settled()
        assert setting.port.held[Ref("guideline", "greet")].spec["condition"] == "by a manifest"
        for bot_id in ("desk", "beta"):
            sync, _, message = status(setting, bot_id)
            assert sync is Sync.OUT_OF_SYNC
            assert "'desk' is declared by desk.yaml" in message
        assert "'beta' was 'desk' before, says its row: delete 'desk' if so" in message
        setting.stores.desired.delete("desk", source=Source("cli"), actor="ann")
        await until(lambda: setting.agents() == {"beta"})
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
    assert setting.reporter.board.status.warnings == ()


def thing(bot_id: str, remote_id: str) -> Resource:
    made = make("canned_response", "greet", bot_id, {"value": "Hi"})
    return replace(made, remote_id=remote_id)


@pytest.mark.parametrize(
    ("theirs", "copied"),
    [
        ([thing("beta", "2")], True),
        ([thing("beta", "1")], False),
        ([thing("beta", "2"), thing("gamma", "1")], False),
        ([], False),
    ],
)
def test_what_others_have_as_their_own_may_go(theirs: list[Resource], copied: bool) -> None:
    mine = Snapshot([thing("alpha", "1")])
    ref = Ref("canned_response", "greet")
    applied = {one.bot_id: Applied(one.bot_id, 1, "e", Snapshot([one])) for one in theirs}
    found = heirs.copies("alpha", [ref], mine, applied)
    assert found == (frozenset([ref]) if copied else frozenset())
    begun = Applied("delta", 0, "", Snapshot(), frozenset([ref]))
    assert heirs.copies("alpha", [ref], mine, {**applied, "delta": begun}) == frozenset()
