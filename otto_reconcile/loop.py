"""The reconcile loop of one target: level-based, driven by triggers that only say "look again".

Nothing here decides what to do: it reads what is wanted, hands bots to the reconciler one by one,
and keeps trying. Triggers: start, interval, a new desired revision, an imported manifest, a change
that the embedded server noticed, a new life of the target, SIGHUP.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from otto_reconcile.desired import Wanted
from otto_reconcile.errors import OttoError, StoreUnavailable
from otto_reconcile.plan import Result
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import epoch, signs
from otto_reconcile.reconcile.backoff import CONNECTION
from otto_reconcile.reconcile.calm import Calm
from otto_reconcile.reconcile.clock import Clock
from otto_reconcile.reconcile.evaluating import Evaluating
from otto_reconcile.reconcile.knowledge import Knowledge
from otto_reconcile.reconcile.late import Late
from otto_reconcile.reconcile.leadership import Leadership
from otto_reconcile.reconcile.reconciler import BotResult, Reconciler
from otto_reconcile.reconcile.restore import restore
from otto_reconcile.reconcile.voice import CONNECTED, UNAVAILABLE, WAITING, Voice
from otto_reconcile.reconcile.workqueue import ROUTINE, URGENT, Item, WorkQueue
from otto_reconcile.reconcile.world import Stores, World, foreign

_log = logging.getLogger("otto_reconcile.loop")

PROBE = 2.0
"""Seconds between two looks at the canary; no longer than the interval."""
REST = 3.0
"""A routine look is followed by a pause of so many times its own length: chats come first."""
LONGEST_REST = 2.0
SAVE = 1.0
"""Seconds between two tries to save what was wanted while the store was away."""
FAULT = 1.0
"""Seconds after a fault of our own until a job goes on."""
VERIFY = 1.0
"""Seconds after a change until it is looked at again."""


class Loop:
    """One target. Await `restore` before `run`, and the first customer finds every bot."""

    def __init__(
        self,
        port: Port,
        stores: Stores,
        voice: Voice,
        clock: Clock,
        *,
        holder: str,
        interval: float = 30.0,
        prune_unmanaged: bool = False,
        late: Late | None = None,
        evaluating: Evaluating | None = None,
    ) -> None:
        self._port, self._stores, self._voice, self._clock = port, stores, voice, clock
        self._interval, self._prune, self._late = interval, prune_unmanaged, late
        self._leadership = Leadership(stores.leases, port.target, holder, clock)
        self._reconciler = Reconciler(
            port,
            stores,
            clock,
            told=voice.outcome,
            leading=lambda: self._leadership.leading,
            token=lambda: self._leadership.token,
            overtaken=self._leadership.overtaken,
        )
        self._queue, self._calm = WorkQueue(clock), Calm()
        self._known = Knowledge(stores, port.target, self._reconciler)
        self._turn = asyncio.Lock()  # the target is changed by one at a time
        self._look_again = asyncio.Event()
        self._all_at_once = False
        self._never = asyncio.Event()
        self._evaluating = evaluating
        if evaluating is not None:
            evaluating.bind(
                lambda: self._may_act, self._turn, lambda bot_id: self.poke("evaluated", [bot_id])
            )
        status = voice.board.status
        status.store.label = stores.store.label
        status.target.label = status.target_id = port.target

    def poke(self, reason: str, bot_ids: Iterable[str] | None = None) -> None:
        """Asks for a look at these bots at once; None means all, after reading everything anew."""
        if bot_ids is None:
            self._all_at_once = True
            self._look_again.set()
        else:
            ours = set(self._known.bot_ids)
            self._enqueue([b for b in bot_ids if b in ours], reason, URGENT)

    def stirred(self, bot_id: str | None) -> None:
        """Something changed on the target: of this bot, or of nobody knows whom."""
        if bot_id is not None:
            self.poke("noticed", [bot_id])
        else:
            self._enqueue(self._known.bot_ids, "noticed", ROUTINE)

    def owner_of(self, kind: str, key: str) -> str | None:
        """The bot to which a resource of ours belongs, if it is known."""
        return self._known.owner_of(kind, key)

    @property
    def wanted(self) -> Mapping[str, Wanted] | None:
        """The bots that were wanted when the store was last read; None if it never was."""
        return self._known.world.written if self._known.world is not None else None

    async def reconcile_now(self, bot_id: str) -> BotResult:
        """Reads what is wanted and looks at this bot, for somebody who waits for the outcome.

        Raises StoreUnavailable.
        """
        if not await self._read():
            raise StoreUnavailable("the store does not answer")
        return await self._look(bot_id, uuid.uuid4().hex[:8])

    async def carry_out(self, bot_id: str, wanted: Wanted | None) -> BotResult:
        """The same while the store is away, with what is wanted given. See `reconcile.late`."""
        assert self._late is not None
        async with self._turn:
            return await self._late.carry_out(self._known.world, bot_id, wanted)

    async def save_late(self) -> bool:
        """Saves what waits for the store; True if nothing waits any more."""
        return self._late is None or not self._late.waiting or await self._late.save()

    async def restore(self) -> None:
        """Lead, read, and if the target began a new life put everything back.

        Never raises for a store or target that is away: `run` goes on from there.
        """
        await self._lead()
        leading = asyncio.create_task(self._kept(self._keep_leading), name="leading")
        try:
            await self.save_late()
            if await self._read() and self._leadership.leading:
                await self._probe()
                self._voice.publish()
                if self._evaluating is not None:
                    await self._evaluating.before_serving()
        finally:
            leading.cancel()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; then gives the lease back and returns."""
        jobs: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = (
            self._work, self._keep_leading, self._keep_probing, self._sweep, self._listen,
            self._save_late, self._evaluate, self._publish,
        )  # fmt: skip
        done = threading.Event()
        watching = signs.watch(self._stores, self._look_again, done)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._kept(job), name=job.__name__) for job in jobs]
                await stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            done.set()
            await self._leadership.resign()
            await asyncio.to_thread(watching.join, 2.0)

    async def _kept(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """The job; a fault of ours in it is said, and is not the end of the others or of itself."""
        while True:
            try:
                return await job()
            except Exception as error:
                _log.exception("%s failed", job.__name__)
                self._voice.warn("internal error", job=job.__name__, error=repr(error))
                await self._pause(FAULT)

    # The jobs: each an endless loop around one step.

    async def _work(self) -> None:
        while True:
            item = self._queue.pop() if self._may_act else None
            if item is None:
                await self._queue.wait(0.5) if self._may_act else await self._pause(0.1)
                continue
            started = self._clock.monotonic()
            try:
                await self._step(item)
            except Exception as error:  # a fault of ours in one bot is not the others' end
                self._voice.warn("internal error", bot=item.bot_id, error=repr(error))
                self._queue.failed(item.bot_id, run_id=item.run_id)
            if item.priority == ROUTINE:
                await self._pause(min(LONGEST_REST, REST * (self._clock.monotonic() - started)))

    async def _keep_leading(self) -> None:
        while True:
            await self._pause(self._leadership.pause)
            led = self._leadership.leading
            await self._lead()
            if self._leadership.leading and not led:
                self.poke("leading")

    async def _keep_probing(self) -> None:
        failures = 0
        while True:
            usual = min(PROBE, self._interval)
            await self._pause(CONNECTION.delay(failures) if failures else usual)
            if self._known.world is not None and self._leadership.leading:
                failures = 0 if await self._probe() else failures + 1

    async def _sweep(self) -> None:
        while True:
            if await self._read() and self._may_act:
                await self._list_foreign()
                self._enqueue(self._known.bot_ids, "interval", ROUTINE)
            await self._pause(self._interval)

    async def _listen(self) -> None:
        failures = 0
        while True:
            if failures:
                await self._clock.wait(self._never, CONNECTION.delay(failures))
            else:
                await self._look_again.wait()
            self._look_again.clear()
            failures = 0 if await self._read() else failures + 1
            if self._all_at_once and not failures:
                self._all_at_once = False
                self._enqueue(self._known.bot_ids, "asked", URGENT)

    async def _save_late(self) -> None:
        while self._late is not None:
            await self._pause(SAVE)
            if self._late.waiting and await self._late.save():
                self._look_again.set()

    async def _evaluate(self) -> None:
        if self._evaluating is not None:
            await self._evaluating.run()

    async def _publish(self) -> None:
        while True:
            self._voice.publish()
            await self._pause(0.25)

    async def _pause(self, seconds: float) -> None:
        await self._clock.wait(self._never, seconds)

    # The steps.

    @property
    def _may_act(self) -> bool:
        known = self._known.world is not None
        unsaved = self._late is not None and self._late.waiting
        return known and not unsaved and self._leadership.leading and self._voice.target_up

    def _enqueue(self, bot_ids: Iterable[str], reason: str, priority: int) -> None:
        run_id = uuid.uuid4().hex[:8]
        for bot_id in bot_ids:
            self._queue.add(bot_id, reason, run_id=run_id, priority=priority)

    async def _lead(self) -> None:
        led = self._leadership.leading
        try:
            other = await self._leadership.renew()
            if self._leadership.leading and not led:
                await asyncio.to_thread(self._stores.audit.close_open, self._port.target)
        except StoreUnavailable as error:
            self._voice.store(error)
            return
        if other is not None:
            self._voice.target(WAITING, f"{other} leads this target")

    async def _read(self) -> bool:
        """Reads all that is kept, and queues what is wanted otherwise than before."""
        try:
            reading = await self._known.read(absorb=self._leadership.leading)
        except StoreUnavailable as error:
            self._voice.store(error)
            return False
        self._voice.store(None)
        self._voice.world(self._known.current, reading.warnings)
        self._enqueue(reading.changed, "desired", URGENT)
        return True

    async def _probe(self) -> bool:
        """Asks whether the target is there and lives the life that we know; restores it if not."""
        up = self._voice.target_up
        try:
            async with self._turn:
                world = self._known.current
                found = await epoch.ensure(self._port, self._stores, world, self._clock)
                self._known.current.epoch = world.epoch
                if found.life is epoch.Life.NEW:
                    if self._evaluating is not None:
                        await self._evaluating.begin()
                    await self._restore(world, found.present)
        except StoreUnavailable as error:
            self._voice.store(error)
            return False
        except OttoError as error:
            self._voice.target(UNAVAILABLE, error.message)
            return False
        if found.life is epoch.Life.NEW and not self._voice.target_up:
            return False  # it went away again
        if found.life is epoch.Life.CANARY_LOST:
            self._voice.warn("the canary tag was deleted by somebody; it is set again")
        self._voice.target(CONNECTED)
        self._voice.epoch(world.epoch)
        if found.life is epoch.Life.CANARY_LOST or (found.life is epoch.Life.SAME and not up):
            self._enqueue(self._known.bot_ids, "target is back", URGENT)
        return True

    async def _restore(self, world: World, present: frozenset[str]) -> None:
        run_id = uuid.uuid4().hex[:8]
        self._queue.drop(world.desired.bots)
        await restore(
            world, present, self._reconciler, self._voice, self._clock, run_id, self._conclude
        )
        self._known.carry_over(world, *world.bot_ids)
        left = [bot_id for bot_id in world.bot_ids if bot_id not in world.desired.bots]
        self._enqueue(left, "restored", URGENT)

    async def _list_foreign(self) -> None:
        try:
            agents = await self._port.list_agents()
        except OttoError as error:
            self._voice.target(UNAVAILABLE, error.message)
            return
        found = foreign(self._known.current, agents)
        self._voice.board.status.foreign = tuple(action.ref.key for action in found)

    async def _step(self, item: Item) -> None:
        """One look at one bot."""
        calm = self._calm.wait(item.bot_id, self._clock.monotonic())
        hold = None
        if calm > 0 and "desired" not in item.reasons:
            hold = f"healed too often in a short time; next heal in {calm:.0f} s"
            self._queue.add(item.bot_id, "calm", run_id=item.run_id, priority=ROUTINE, after=calm)
        try:
            await self._look(item.bot_id, item.run_id, hold)
        except StoreUnavailable as error:
            self._voice.store(error)
            self._queue.failed(item.bot_id, run_id=item.run_id)

    async def _look(self, bot_id: str, run_id: str, hold: str | None = None) -> BotResult:
        async with self._turn:
            world = self._known.current
            (result,) = await self._reconciler.look(
                world, [bot_id], run_id, prune_unmanaged=self._prune, hold=hold
            )
            self._known.carry_over(world, bot_id)
        if result.held is not None:
            self._voice.warn("healing is held back", bot=bot_id, why=result.held, run=run_id)
        self._conclude(result, run_id)
        return result

    def _conclude(self, result: BotResult, run_id: str) -> None:
        """Status, and when to look again."""
        bot_id, failures, delay = result.bot_id, 0, None
        if result.target_gone is not None:
            self._voice.target(UNAVAILABLE, result.target_gone)
        if result.error is not None or result.failures:
            least = max((outcome.delay for outcome in result.failures), default=0.0)
            failures, delay = self._queue.failed(bot_id, run_id=run_id, least=least)
        else:
            self._queue.succeeded(bot_id)
            if any(outcome.result is Result.SUCCEEDED for outcome in result.outcomes):
                self._calm.healed(bot_id, self._clock.monotonic())
                self._queue.add(bot_id, "verify", run_id=run_id, priority=ROUTINE, after=VERIFY)
        if bot_id in self._known.bot_ids:
            self._voice.bot(result, failures, delay)
        else:
            self._voice.board.keep_only(self._known.bot_ids)
        if self._evaluating is not None:
            self._evaluating.looked(result)
