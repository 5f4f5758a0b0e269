"""A restore with the port open: other looks come in between, and nobody meets half a bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from otto_reconcile.desired import Source
from otto_reconcile.errors import StoreUnavailable, TargetRefused
from otto_reconcile.model import Resource
from otto_reconcile.reconcile.admission import EVERY_BOT, Admission, Subject
from otto_reconcile.reconcile.workqueue import Item
from tests.reconcile.fakes import Setting, bot

BOTS = [f"desk-{number:02}" for number in range(30)]


class Watched(Setting):
    """Keeps the order in which agents are made; `at` is called before each one of them.

    The first one is made once the loop has taken up the look at the bot `first`.
    """

    def __init__(self, first: str | None = None) -> None:
        self.admission, self.order = Admission(), list[str]()
        taken = asyncio.Event()
        if first is None:
            taken.set()
        self.at: Callable[[str], None] = lambda bot_id: None
        super().__init__(admission=self.admission)
        create = self.port.create

        async def created(
            resource: Resource, *, fresh: bool = False, claimed: bool = True
        ) -> Resource:
            if resource.kind == "agent":
                await taken.wait()
                self.at(resource.key)
                self.order.append(resource.key)
            return await create(resource, fresh=fresh, claimed=claimed)

        queue = self.loop._session.queue
        pop = queue.pop

        def popped() -> Item | None:
            item = pop()
            if item is not None and item.bot_id == first:
                taken.set()
            return item

        self.port.create = created  # type: ignore[method-assign]
        queue.pop = popped  # type: ignore[method-assign]
        self.want(*(bot(bot_id) for bot_id in BOTS))

    def delete_the_last(self, bot_id: str) -> None:
        """For `at`: as the first bot is made, nobody wants the last one any more."""
        if bot_id == BOTS[0]:
            self.stores.desired.delete(BOTS[-1], source=Source(kind="cli"), actor="tests")
            self.loop.poke("asked")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        run = asyncio.create_task(self.loop.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await run

    async def passes(self, bot_id: str | None = None) -> bool:
        subject = EVERY_BOT if bot_id is None else Subject(bot_id)
        return await self.admission.wait([subject], 60.0)

    def is_whole(self, bot_id: str) -> bool:
        return {ref.kind for ref, one in self.port.held.items() if one.bot_id == bot_id} == {
            "agent",
            "guideline",
        }


async def test_the_bot_that_is_waited_for_is_made_next_and_whole() -> None:
    setting = Watched(first=BOTS[-1])
    async with setting.running():
        assert await setting.passes(BOTS[-1])
        assert setting.is_whole(BOTS[-1])
        assert await setting.passes()
        assert all(map(setting.is_whole, BOTS))
    assert setting.order[:2] == [BOTS[0], BOTS[-1]]
    assert sorted(setting.order) == BOTS  # each once
    restore = setting.reporter.board.status.restore
    assert restore is not None
    assert (restore["restored"], restore["bots"]) == (30, 30)


async def test_a_bot_that_is_deleted_meanwhile_does_not_stay() -> None:
    setting = Watched()
    setting.at = setting.delete_the_last
    async with setting.running():
        assert await setting.passes()
        assert await setting.passes(BOTS[-1])
        async with asyncio.timeout(60):
            while setting.agents() != set(BOTS[:-1]):
                await setting.clock.sleep(0.1)


async def test_one_that_is_refused_answers_and_the_others_come() -> None:
    setting = Watched()

    def refuse(bot_id: str) -> None:
        if bot_id == BOTS[3]:
            raise TargetRefused("no such name", status=422)

    setting.at = refuse
    async with setting.running():
        assert await setting.passes()
        assert await setting.passes(BOTS[3])
        assert setting.reporter.board.status.bots[BOTS[3]].health == "Degraded"
    assert setting.agents() == {*BOTS} - {BOTS[3]}


async def test_what_a_lost_store_cut_short_is_gone_on_with() -> None:
    setting = Watched()
    batch, failing = setting.stores.store.batch, [3]

    def fail(writes: object) -> None:
        if len(setting.order) >= 5 and failing[0]:
            failing[0] -= 1
            raise StoreUnavailable("gone for a moment")
        batch(writes)  # type: ignore[arg-type]

    setting.stores.store.batch = fail  # type: ignore[method-assign]
    async with setting.running():
        for bot_id in BOTS:
            assert await setting.passes(bot_id)
            assert setting.is_whole(bot_id)
        assert await setting.passes()


async def test_an_idle_minute_costs_few_calls_whatever_the_bots() -> None:
    calls: dict[int, float] = {}
    for bots in (1, 30):
        setting = Setting(speed=60.0, hooked=True)
        setting.port.inside = True  # type: ignore[misc]
        setting.want(*(bot(bot_id) for bot_id in BOTS[:bots]))
        await setting.loop.restore()
        count = [0]
        call = setting.port._call

        def counted(count: list[int] = count, call: Callable[[], None] = call) -> None:
            count[0] += 1
            call()

        setting.port._call = counted  # type: ignore[method-assign]
        stopping = asyncio.Event()
        run = asyncio.create_task(setting.loop.run(stopping))
        started = setting.clock.monotonic()
        while setting.clock.monotonic() - started < 180.0:
            await setting.clock.sleep(3.0)
        calls[bots] = count[0] / (setting.clock.monotonic() - started) * 60.0
        stopping.set()
        await run
    # Probes every 10 s, a mark (two calls) every 5 s, agents and what reaches all every 30 s.
    assert calls[1] < 60.0
    assert calls[30] < 60.0 + 30.0


async def test_a_restore_counts_only_bots_that_are_to_come_back() -> None:
    setting = Watched()
    setting.stores.desired.suspend(BOTS[5], True, source=Source(kind="cli"), actor="tests")
    setting.at = setting.delete_the_last
    async with setting.running():
        assert await setting.passes()
    restore = setting.reporter.board.status.restore
    assert restore is not None
    assert (restore["restored"], restore["bots"]) == (28, 28)
