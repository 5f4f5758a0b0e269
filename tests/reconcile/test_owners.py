"""Two bots that want one part under one id, as rows can say: one has it, and nothing flips."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from otto_reconcile.desired import Source
from otto_reconcile.model import Ref
from otto_reconcile.reconcile import cache
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until

CLI = Source("cli")
GREET = Ref("guideline", "greet")
PARTS: dict[str, dict[str, Any]] = {
    "guidelines": {"guideline_id": "greet", "condition": "by {}"},
    "journeys": {"journey_id": "greet", "title": "by {}", "description": "d", "conditions": ["c"]},
    "terms": {"term_id": "greet", "name": "by {}", "description": "d"},
    "canned_responses": {"canned_response_id": "greet", "value": "by {}"},
}
KINDS = {"guidelines": "guideline", "journeys": "journey", "terms": "term"} | {
    "canned_responses": "canned_response"
}


def rows(setting: Setting, collection: str, *bot_ids: str) -> None:
    """As another program writes them: nothing there keeps two bots from one id."""
    store = setting.stores.store
    for bot_id in bot_ids:
        row = {name: _filled(text, bot_id) for name, text in PARTS[collection].items()}
        if not store.find("bots", {"bot_id": bot_id}):
            store.insert("bots", [{"bot_id": bot_id, "name": bot_id}])
        store.insert(collection, [{**row, "bot_id": bot_id}])


def _filled(value: Any, bot_id: str) -> Any:
    return value.format(bot_id) if isinstance(value, str) else value


def status(setting: Setting, bot_id: str) -> tuple[Sync, Health, str]:
    found = setting.reporter.board.status.bots[bot_id]
    return found.sync, found.health, found.message or ""


def is_degraded(setting: Setting, *bot_ids: str) -> bool:
    bots = setting.reporter.board.status.bots
    return all(b in bots and bots[b].health is Health.DEGRADED for b in bot_ids)


def has(setting: Setting, ref: Ref, text: str) -> bool:
    return ref in setting.port.held and text in str(setting.port.held[ref].spec)


def deletions(setting: Setting) -> list[Ref]:
    """All that is deleted on the target from now on."""
    deleted: list[Ref] = []
    delete = setting.port.delete

    async def noted(observed: Any) -> None:
        deleted.append(observed.ref)
        await delete(observed)

    setting.port.delete = noted  # type: ignore[method-assign]
    return deleted


class Counted(Setting):
    """Counts calls and looks."""

    def __init__(self) -> None:
        super().__init__(interval=0.05)
        self.calls, self.looks = 0, 0
        self.port.before_call = self._called
        observe = self.port.observe

        async def looked(*arguments: Any, **options: Any) -> Any:
            self.looks += 1
            return await observe(*arguments, **options)

        self.port.observe = looked  # type: ignore[method-assign]

    def _called(self) -> None:
        self.calls += 1

    async def settled(self) -> None:
        """Some looks at everything in which nothing is changed."""
        while True:
            calls, looks = self.calls, self.looks
            await until(lambda looks=looks: self.looks >= looks + 8)
            if self.calls == calls:
                return


async def test_rivals_for_one_id_are_told_and_do_not_fight() -> None:
    setting, refs = Counted(), [Ref(kind, "greet") for kind in KINDS.values()]
    for collection in PARTS:
        rows(setting, collection, "alpha", "beta")
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: is_degraded(setting, "alpha", "beta"))
        await setting.settled()
        assert all(has(setting, ref, "by alpha") for ref in refs)
        for bot_id, other in (("alpha", "beta"), ("beta", "alpha")):
            sync, _, message = status(setting, bot_id)
            assert sync is Sync.OUT_OF_SYNC
            said = "wanted by" if bot_id == "alpha" else "that of"
            assert message.count(f"'greet' is {said} bot '{other}'") == len(refs)
        setting.stores.desired.delete("alpha", source=CLI, actor="ann")
        await until(lambda: all(has(setting, ref, "by beta") for ref in refs))
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
        await until(lambda: setting.agents() == {"beta"})  # which of the two comes first is open


async def test_rivals_parts_pass_on_while_the_store_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting, refs = Setting(interval=3600.0), [Ref(kind, "greet") for kind in KINDS.values()]
    for collection in PARTS:
        rows(setting, collection, "alpha", "beta")
    await setting.loop.restore()
    setting.stores.desired.delete("alpha", source=CLI, actor="ann")
    await setting.loop._reader.read()
    has_read, may_go_on, real = threading.Event(), threading.Event(), cache.read

    def slowly(stores: Stores, target: str, **options: Any) -> TargetState:
        world = real(stores, target, **options)
        has_read.set()
        assert may_go_on.wait(20)
        return world

    monkeypatch.setattr(cache, "read", slowly)
    reading = asyncio.create_task(setting.loop._reader.read())
    assert await asyncio.to_thread(has_read.wait, 20)
    await setting.loop._controller.look("alpha", "run")
    may_go_on.set()
    assert await reading
    await setting.loop._controller.look("beta", "run")
    assert all(has(setting, ref, "by beta") for ref in refs)
    assert status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY)


async def test_a_rival_is_told_at_once_that_another_comes_and_goes() -> None:
    setting = Setting(interval=3600.0)
    rows(setting, "guidelines", "beta")
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
        rows(setting, "guidelines", "alpha")
        await until(lambda: is_degraded(setting, "alpha", "beta"))
        setting.stores.desired.delete("alpha", source=CLI, actor="ann")
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))


async def test_the_bot_that_has_a_part_keeps_it_against_an_earlier_id() -> None:
    setting = Counted()
    rows(setting, "guidelines", "beta")
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: GREET in setting.port.held)
        rows(setting, "guidelines", "alpha")
        await until(lambda: is_degraded(setting, "alpha", "beta"))
        await setting.settled()
        assert setting.port.held[GREET].spec["condition"] == "by beta"
        setting.stores.desired.delete("alpha", source=CLI, actor="ann")
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
        assert setting.port.held[GREET].spec["condition"] == "by beta"


async def test_a_part_that_moves_between_bots_is_never_deleted() -> None:
    setting = Setting(interval=0.05)
    rows(setting, "guidelines", "alpha", "beta")
    setting.stores.store.delete("guidelines", {"bot_id": "beta"})
    await setting.loop.restore()
    deleted = deletions(setting)
    async with running(setting):
        setting.stores.store.swap("guidelines", {"guideline_id": "greet"}, {"bot_id": "beta"})
        await until(lambda: len(setting.stores.desired.history("beta")) == 2)
        applied = setting.stores.applied
        await until(lambda: GREET not in applied.load("fake")["alpha"].resources)
        await until(lambda: GREET in applied.load("fake")["beta"].resources)
    assert deleted == []
    assert GREET in setting.port.held


async def test_a_renamed_bot_takes_its_parts_along() -> None:
    """All bots renamed at once: each part stays, but for what is made anew to change its bot."""
    setting = Counted()
    for collection in PARTS:
        rows(setting, collection, "alpha")
    store = setting.stores.store
    await setting.loop.restore()
    deleted = deletions(setting)
    async with running(setting):
        await until(lambda: status(setting, "alpha")[:2] == (Sync.SYNCED, Health.HEALTHY))
        note = {"metadata": {"previous_bot_id": "alpha"}}
        store.swap("bots", {"bot_id": "alpha"}, {"bot_id": "beta", **note})
        for collection in PARTS:
            store.swap(collection, {"bot_id": "alpha"}, {"bot_id": "beta"})
        await until(lambda: setting.agents() == {"beta"})
        await until(lambda: status(setting, "beta")[:2] == (Sync.SYNCED, Health.HEALTHY))
        await setting.settled()
        assert "alpha" not in setting.reporter.board.status.bots
    assert {ref.kind for ref in deleted} & set(KINDS.values()) <= {"canned_response"}
    assert all(Ref(kind, "greet") in setting.port.held for kind in KINDS.values())
    assert set(setting.stores.applied.load("fake")) == {"beta"}


async def test_one_bot_of_two_with_one_relationship_goes_alone() -> None:
    """A relationship is all in its key, so two bots may want the same."""
    from otto_reconcile.model import Relationship

    tie = Relationship(kind="priority", source="guideline:one.greet", target="guideline:two.greet")
    setting = Setting(interval=0.05)
    setting.want(bot("one", relationships=[tie]), bot("two", relationships=[tie]))
    await setting.loop.restore()
    setting.want(bot("one"))
    async with running(setting):
        await until(lambda: setting.reporter.board.status.bots["one"].revision == 2)
        assert [ref.kind for ref in setting.port.held if ref.kind == "relationship"]
        assert status(setting, "two")[:2] == (Sync.SYNCED, Health.HEALTHY)
