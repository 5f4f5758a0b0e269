"""What fails again and again keeps nothing else from being healed. On a target in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from otto_reconcile.errors import Incomplete, TargetRefused
from otto_reconcile.model import Bot, Ref, Resource
from otto_reconcile.model.shared import SharedToolService
from otto_reconcile.planning.plan import Change
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.records.events import Source
from tests.reconcile.fakes import Setting, bot
from tests.reconcile.test_loop import running, until

BOOK, GREET = Ref("guideline", "desk.book"), Ref("guideline", "desk.greet")


class Missing:
    """The tool services that are not there: what names a tool of theirs fails."""

    def __init__(self, setting: Setting) -> None:
        self.services: set[str] = set()
        self.port = setting.port
        self._create, self._update = setting.port.create, setting.port.update
        setting.port.create = self.create  # type: ignore[method-assign]
        setting.port.update = self.update  # type: ignore[method-assign]

    def lacks(self, resource: Resource) -> bool:
        tools = resource.spec.get("tools", ())
        return any(tool.partition(":")[0] in self.services for tool in tools)

    def _fail(self, resource: Resource) -> Incomplete:
        held = self.port.held[resource.ref]
        self.port.held[resource.ref] = replace(held, spec={**held.spec, "tools": []})
        return Incomplete(f"a tool is not there (yet): {resource.spec['tools'][0]}", status=404)

    async def create(
        self, resource: Resource, *, fresh: bool = False, claimed: bool = True
    ) -> Resource:
        made = await self._create(resource, fresh=fresh, claimed=claimed)
        if self.lacks(resource):
            raise self._fail(resource)
        return made

    async def update(
        self, resource: Resource, changes: list[Change], observed: Resource
    ) -> Resource:
        made = await self._update(resource, changes, observed)
        if self.lacks(resource):
            raise self._fail(resource)
        return made


@pytest.fixture
def setting() -> Setting:
    return Setting(interval=0.05)


def booking(bot_id: str) -> Bot:
    greet = {"id": f"{bot_id}.greet", "condition": "Hello", "action": "Greet"}
    book = {
        "id": f"{bot_id}.book",
        "condition": "A visit",
        "action": "Book",
        "tools": ["crm:slots"],
    }
    return bot(bot_id, guidelines=[greet, book])


def tries(setting: Setting, ref: Ref) -> int:
    return len(setting.stores.store.find("actions", {"kind": ref.kind, "key": ref.key}))


def drift(setting: Setting, ref: Ref, action: str) -> None:
    held = setting.port.held[ref]
    setting.port.held[ref] = replace(held, spec={**held.spec, "action": action})


def action_of(setting: Setting, ref: Ref) -> object:
    return setting.port.held[ref].spec["action"]


async def let_the_backoff_grow(setting: Setting) -> None:
    """To minutes, which even with a fast clock are longer than a test waits."""
    for _ in range(4):
        before = tries(setting, BOOK)
        setting.clock.ahead += 60.0
        await until(lambda before=before: tries(setting, BOOK) > before)


async def test_drift_beside_a_missing_tool_is_healed_at_the_interval() -> None:
    setting = Setting(interval=0.05, speed=1)  # it counts tries: a fast clock would add some
    missing = Missing(setting)
    missing.services.add("crm")
    setting.want(booking("desk"))
    await setting.loop.restore()
    async with running(setting):
        for _ in range(2):  # until the back-off is long
            before = tries(setting, BOOK)
            setting.clock.ahead += 8.0
            await until(lambda before=before: tries(setting, BOOK) > before)
        before = tries(setting, BOOK)
        drift(setting, GREET, "Shout")
        await until(lambda: action_of(setting, GREET) == "Greet", 2.0)
        drift(setting, BOOK, "Refuse")
        await until(lambda: action_of(setting, BOOK) == "Book", 2.0)
        assert tries(setting, BOOK) == before + 1
        held = setting.port.held.pop(GREET)
        setting.stir(None)
        await until(lambda: GREET in setting.port.held, 2.0)
        assert held.ref == GREET
        status = setting.reporter.board.status.bots["desk"]
        assert status.sync is Sync.OUT_OF_SYNC
        assert status.health is Health.DEGRADED
        assert "crm:slots" in (status.message or "")
        assert status.failures >= 2
        assert status.next_try is not None


async def test_what_failed_is_not_tried_again_before_its_time() -> None:
    setting = Setting(interval=0.05, speed=1)
    missing = Missing(setting)
    missing.services.add("crm")
    setting.want(booking("desk"))
    await setting.loop.restore()
    observe, looks = setting.port.observe, 0

    async def counted(*args: Any, **options: Any) -> Sequence[Resource]:
        nonlocal looks
        looks += 1
        return await observe(*args, **options)

    setting.port.observe = counted  # type: ignore[method-assign]
    async with running(setting):
        for number in range(30):
            setting.stir("desk")
            setting.stir(None)
            await until(lambda number=number: looks > number)
    assert tries(setting, BOOK) < 5


async def test_when_one_bot_finds_a_service_again_the_others_look_too(setting: Setting) -> None:
    missing = Missing(setting)
    missing.services.add("crm")
    setting.want(booking("desk"), booking("shop"))
    await setting.loop.restore()
    async with running(setting):
        await let_the_backoff_grow(setting)
        missing.services.clear()
        await setting.loop.reconcile_now("shop")
        bots = setting.reporter.board.status.bots
        await until(lambda: bots["desk"].sync is bots["shop"].sync is Sync.SYNCED, 2.0)


async def test_a_changed_service_lets_all_that_waits_be_tried(setting: Setting) -> None:
    missing = Missing(setting)
    missing.services.add("crm")
    setting.want(booking("desk"), booking("shop"))
    await setting.loop.restore()
    async with running(setting):
        await let_the_backoff_grow(setting)
        missing.services.clear()
        setting.stir(None, "tool_service", "crm")
        bots = setting.reporter.board.status.bots
        await until(lambda: bots["desk"].sync is bots["shop"].sync is Sync.SYNCED, 2.0)


async def test_what_needs_what_failed_waits_with_it_and_comes_after_it() -> None:
    setting = Setting(interval=0.05, speed=1)
    create, refused = setting.port.create, True

    async def refusing(resource: Resource, **how: bool) -> Resource:
        if refused and resource.ref == BOOK:
            raise TargetRefused("not this one", status=422)
        return await create(resource, **how)

    setting.port.create = refusing  # type: ignore[method-assign]
    pair = {"kind": "priority", "source": "guideline:desk.book", "target": "guideline:desk.greet"}
    wanted = booking("desk").to_document() | {"relationships": [pair]}
    setting.want(Bot.from_document(wanted))
    await setting.loop.restore()
    async with running(setting):
        setting.stir("desk")
        await until(
            lambda: "not this one" in str(setting.reporter.board.status.bots["desk"].message)
        )
        assert tries(setting, BOOK) == 1
        assert not [ref for ref in setting.port.held if ref.kind == "relationship"]
        refused = False
        setting.clock.ahead += 8.0
        await until(lambda: any(ref.kind == "relationship" for ref in setting.port.held))
        assert BOOK in setting.port.held


async def test_what_was_never_made_is_a_pending_change_at_every_try(setting: Setting) -> None:
    create = setting.port.create

    async def refusing(resource: Resource, **how: bool) -> Resource:
        if resource.ref == BOOK:
            raise TargetRefused("not this one", status=422)
        return await create(resource, **how)

    setting.port.create = refusing  # type: ignore[method-assign]
    setting.want(booking("desk"))
    await setting.loop.restore()
    for _ in range(2):
        await setting.loop.reconcile_now("desk")
    tried = setting.stores.store.find("actions", {"kind": BOOK.kind, "key": BOOK.key})
    assert [one["cause"] for one in tried] == ["PendingChange"] * 3
    assert setting.reporter.board.status.bots["desk"].cause == "PendingChange"


async def test_bot_without_its_tool_is_degraded_though_nothing_differs(
    setting: Setting,
) -> None:
    setting.want(booking("desk"), bot("shop"))
    await setting.loop.restore()
    bots = setting.reporter.board.status.bots
    async with running(setting):
        await until(lambda: bots["desk"].health is Health.HEALTHY)
        setting.port.lacks["crm:slots"] = "crm:slots (tool service 'crm' does not answer)"
        await until(lambda: bots["desk"].health is Health.DEGRADED)
        assert bots["desk"].sync is Sync.SYNCED
        assert "tool service 'crm' does not answer" in (bots["desk"].message or "")
        assert bots["shop"].health is Health.HEALTHY
        setting.port.lacks.clear()
        await until(lambda: bots["desk"].health is Health.HEALTHY)
        assert bots["desk"].message is None


async def test_service_that_is_found_again_lets_what_waits_be_tried(
    setting: Setting,
) -> None:
    missing = Missing(setting)
    missing.services.add("crm")
    setting.port.lacks["crm:slots"] = "crm:slots"
    setting.want(booking("desk"))
    await setting.loop.restore()
    async with running(setting):
        await until(lambda: setting.port.asked > 1)
        await let_the_backoff_grow(setting)
        missing.services.clear()
        setting.port.lacks.clear()
        bots = setting.reporter.board.status.bots
        await until(lambda: bots["desk"].sync is Sync.SYNCED, 2.0)
        await until(lambda: bots["desk"].health is Health.HEALTHY)


async def test_the_port_knows_the_services_that_nobody_names(setting: Setting) -> None:
    service = {"name": "crm", "kind": "sdk", "url": "http://h:1"}
    crm = SharedToolService.from_document({"id": "crm", "service": service})
    setting.want(bot("shop"))
    setting.stores.desired.put(crm, source=Source(kind="manifest"), actor="ann")
    await setting.loop.restore()
    assert setting.port.declared == {"crm"}
