"""All that is done for one target, a step at a time; `loop.Loop` says when.

A step never raises for a store or target that is away: it tells the voice and says False.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, replace

from otto_reconcile.errors import OttoError, StoreUnavailable, fault_of
from otto_reconcile.model import Ref
from otto_reconcile.planning.plan import Result
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.cache import TargetCache
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler
from otto_reconcile.reconcile.heal_limiter import HealLimiter
from otto_reconcile.reconcile.leader import TTL, Leader
from otto_reconcile.reconcile.managing import Managing
from otto_reconcile.reconcile.missing_tools import MissingTools
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.reconciler import BotResult, Reconciler
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.reporter import CONNECTED, UNAVAILABLE, WAITING, Reporter
from otto_reconcile.reconcile.restore import restore
from otto_reconcile.reconcile.retries import Retries
from otto_reconcile.reconcile.scanning import Scanning
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.reconcile.target_state import Stores, TargetState, foreign
from otto_reconcile.reconcile.workqueue import ROUTINE, URGENT, Item, WorkQueue
from otto_reconcile.runtime.clock import Clock

_log = logging.getLogger("otto_reconcile.loop")

ONE_OF_ITS_OWN = "stop one, remove `instance` in its data directory, and start it again"
TAKEN_OVER = f"then this one takes over after {TTL:.0f} seconds of silence"
RESIGNING = 2.0
"""Seconds that taking our mark from the target may take."""
VERIFY = 1.0
"""Seconds after a change until it is looked at again."""
_SAME = frozenset({"calm", "evaluated", "interval", "noticed", "retry", "verify"})
"""Reasons for a look that make what failed no likelier to succeed than it was."""


@dataclass(frozen=True)
class _LeaderAndManager:
    """The right of the one that leads among those of its store, and among all on the target."""

    leader: Leader
    managing: Managing

    @property
    def held(self) -> bool:
        return self.leader.leading and self.managing.held

    @property
    def token(self) -> int | None:
        return self.leader.token

    def lose(self) -> None:
        self.leader.overtaken()


class Controller:
    """One target, and what is known of it."""

    def __init__(
        self,
        port: Port,
        stores: Stores,
        reporter: Reporter,
        clock: Clock,
        *,
        holder: str,
        predecessors: Collection[str],
        take_over: Container[str],
        prune_unmanaged: bool,
        late: Outage | None,
        evaluating: EvaluationScheduler | None,
    ) -> None:
        self._port, self._stores, self._reporter, self._clock = port, stores, reporter, clock
        self._prune, self._late, self._evaluating = prune_unmanaged, late, evaluating
        self.leadership = Leader(stores.leases, port.target, holder, clock, predecessors)
        self.managing = Managing(port, clock, f"{socket.gethostname()}.{os.getpid()}")
        self._retries, self._lacking = Retries(clock), MissingTools(port)
        self._right = _LeaderAndManager(self.leadership, self.managing)
        self._reconciler = Reconciler(
            port,
            stores,
            clock,
            told=reporter.outcome,
            right=self._right,
            retries=self._retries,
        )
        self.queue, self._heal_limiter = WorkQueue(clock), HealLimiter()
        self._remembered = Remembered(reporter.board.folder, stores.store)
        self._met = False  # whether the server was asked who managed it before
        self.known = TargetCache(stores, port, self._reconciler, take_over)
        self._note: str | None = None
        self._recalled: set[str] = set()  # the bots whose last change was looked up
        self._managing_turn, self._remembering = asyncio.Lock(), asyncio.Lock()
        self.turn = asyncio.Lock()  # the target is changed by one at a time
        self.scanning = Scanning(
            port,
            stores,
            reporter,
            clock,
            turn=self.turn,
            world=lambda: self.known.current,
            read=self.read,
            may_act=lambda: self.may_act,
            prune=prune_unmanaged,
        )
        status = reporter.board.status
        status.store.label = stores.store.label
        status.target.label = status.target_id = port.target

    @property
    def leading(self) -> bool:
        """True if this daemon alone acts: among those of its store, and among all on the target."""
        return self._right.held

    @property
    def may_act(self) -> bool:
        """True if bots may be looked at now: this daemon leads, and knows what is wanted."""
        known = self.known.world is not None
        unsaved = self._late is not None and self._late.waiting
        return known and not unsaved and self.leading and self._reporter.target_up

    def enqueue(self, bot_ids: Iterable[str], reason: str, priority: int) -> None:
        """Asks for a look at each of them."""
        run_id = uuid.uuid4().hex[:8]
        for bot_id in bot_ids:
            self.queue.add(bot_id, reason, run_id=run_id, priority=priority)

    async def lead(self) -> None:
        """Takes or renews the lease."""
        led = self.leadership.leading
        try:
            other = await self.leadership.renew()
            if self.leadership.leading and not led:
                await asyncio.to_thread(self._stores.audit.close_open, self._port.target)
        except StoreUnavailable as error:
            self._reporter.store(error)
            return
        if other is not None:
            told = f"{other} leads this target, or did so until it ended: {TAKEN_OVER}"
            if self._port.target.startswith("embedded:"):  # nobody else is in this process
                told += (
                    f"; if that is a daemon with a copy of this data directory: {ONE_OF_ITS_OWN}"
                )
            self._reporter.target(WAITING, told)

    async def manage(self) -> None:
        """Recognises the server that answers, and becomes or stays the one that manages it."""
        async with self._managing_turn:
            await self._manage()

    async def _manage(self) -> None:
        try:
            if not self._port.inside:
                await self._recognise()
            if not self.leadership.leading:
                await self.managing.watch()
                self._reporter.rivals(())
                return
            await self._renew_mark()
        except StoreUnavailable as error:
            self._reporter.store(error)
        except OttoError as error:
            if self.leadership.leading:
                self._reporter.target(UNAVAILABLE, error.message)

    async def _renew_mark(self) -> None:
        """Becomes or stays the one that manages the server, and tells who else wants to."""
        other = await self.managing.renew()
        self._reporter.rivals(self.managing.rivals)
        if other is not None:
            self._reporter.target(WAITING, other)

    async def _recognise(self) -> None:
        """The same server behind another URL is the same target."""
        if not self._met:
            self._remembered.managed_before = await epoch.is_strange(self._port, self._stores)
            self._met = True
        if (target := await epoch.identity(self._port, self._stores)) == self._port.target:
            return
        self._reporter.say("the server is known already", as_target=target, url=self._port.target)
        await self.leadership.move(target)
        self._port.identify(target)
        self.known.forget()
        self._reporter.board.status.target_id = target
        await self.lead()
        await self.read()

    async def resign(self) -> None:
        """Lets others manage the target at once. Never raises."""
        with contextlib.suppress(OttoError, TimeoutError):
            async with asyncio.timeout(RESIGNING), self._managing_turn:
                await self.managing.resign()
        await self.leadership.resign()

    async def read(self) -> bool:
        """Reads all that is kept, and queues what is wanted otherwise than before."""
        try:
            reading = await self.known.read(ingest=self.leadership.leading)
            async with self._remembering:  # what was read first is not looked at last
                written = self.known.current.desired
                lost = await asyncio.to_thread(self._remembered.look, written)
        except StoreUnavailable as error:
            self._reporter.store(error)
            return False
        self._reporter.store(None)
        self._reporter.lost(lost)
        warnings = (*reading.warnings, *self._remembered.warnings)
        self._reporter.world(self.known.current, warnings)
        for bot_id, note in reading.renamed.items():
            self._reporter.say("another program has renamed a bot", bot=bot_id, note=note)
        self.enqueue(reading.changed, "desired", URGENT)
        return True

    async def probe(self) -> bool:
        """Asks whether the target is there and lives the life that we know; restores it if not."""
        up = self._reporter.target_up
        try:
            async with self.turn:
                world = self.known.current
                found = await epoch.ensure(self._port, self._stores, world, self._clock)
                self.known.current.epoch = world.epoch
                if found.life is epoch.EpochChange.NEW:
                    self.scanning.soon()
                    self._reporter.reaching(())  # what was found was in the life before
                    if self._evaluating is not None:
                        await self._evaluating.begin()
                    await self._mark_anew()
                    await self._restore(world, found.present)
        except StoreUnavailable as error:
            self._reporter.store(error)
            return False
        except OttoError as error:
            self._reporter.target(UNAVAILABLE, error.message)
            return False
        if found.life is epoch.EpochChange.NEW and not self._reporter.target_up:
            return False  # it went away again
        if found.life is epoch.EpochChange.CANARY_LOST:
            self._reporter.warn(
                "the canary tag is gone and all agents are there: somebody deleted it, or a "
                "program that makes them itself was restarted; it is set again"
            )
        if found.life is epoch.EpochChange.NEW or not up:
            self._note = await self._noted()
        if self.leading:  # another may have taken over while this was under way
            self._reporter.target(CONNECTED, self._note)
        self._reporter.epoch(world.epoch)
        if found.life is epoch.EpochChange.CANARY_LOST or (
            found.life is epoch.EpochChange.SAME and not up
        ):
            self.enqueue(self.known.bot_ids, "target is back", URGENT)
        return True

    async def _mark_anew(self) -> None:
        """Sets our mark on a server that began anew and has lost it. At the next beat it would be
        set too, but in the middle of the restore, and what was under way would be stopped."""
        if self._port.inside:
            return
        async with self._managing_turn:
            if self.leadership.leading:
                await self._renew_mark()

    async def _noted(self) -> str | None:
        """What had to be assumed of the target, for a person to know."""
        try:
            return (await self._port.health()).note
        except OttoError:
            return None

    def release(self, bot_ids: Iterable[str] | None = None) -> None:
        """Lets what failed be tried again in the next look at each of these bots, or of all."""
        self._retries.release(bot_ids)

    async def _restore(self, world: TargetState, present: frozenset[str]) -> None:
        self.release()
        run_id = uuid.uuid4().hex[:8]
        self.queue.drop(world.desired.bots)
        await restore(
            world, present, self._reconciler, self._reporter, self._clock, run_id, self._conclude
        )
        self.known.carry_over(world, *world.bot_ids)
        left = [bot_id for bot_id in world.bot_ids if bot_id not in world.desired.bots]
        self.enqueue(left, "restored", URGENT)

    async def list_foreign(self) -> None:
        """Notes the agents that are nobody's here."""
        try:
            agents = await self._port.list_agents()
        except OttoError as error:
            self._reporter.target(UNAVAILABLE, error.message)
            return
        found = foreign(self.known.current, agents)
        self._reporter.board.status.foreign = tuple(action.ref.key for action in found)

    async def ask_for_tools(self) -> None:
        """Asks the services of all bots; those whom there is news for are looked at."""
        try:
            back, other = await self._lacking.ask(self.known.current.desired.bots)
        except OttoError as error:
            _log.debug("the tools could not be asked for: %s", error)
            return
        self.enqueue(other, "interval", ROUTINE)
        self.enqueue(self._retries.found(back), "a tool is back", URGENT)

    async def step(self, item: Item) -> None:
        """One look at one bot."""
        if item.reasons - _SAME:
            self.release([item.bot_id])
        calm = self._heal_limiter.wait(item.bot_id, self._clock.monotonic())
        hold = None
        if calm > 0 and "desired" not in item.reasons:
            hold = f"healed too often in a short time; next heal in {calm:.0f} s"
            self.queue.add(item.bot_id, "calm", run_id=item.run_id, priority=ROUTINE, after=calm)
        try:
            await self.look(item.bot_id, item.run_id, hold)
        except StoreUnavailable as error:
            self._reporter.store(error)
            self.queue.failed(item.bot_id, run_id=item.run_id)

    def failed(self, item: Item, error: Exception) -> None:
        """A look ended as nobody foresaw: the bot is Degraded, and the others are not held up."""
        fault = fault_of(error)
        self._reporter.warn("internal error", bot=item.bot_id, error=fault)
        failures, _ = self.queue.failed(item.bot_id, run_id=item.run_id)
        if item.bot_id in self.known.bot_ids:
            message = f"internal error: {fault}"
            state = {"sync": Sync.UNKNOWN, "health": Health.DEGRADED, "message": message}
            self._reporter.board.set_bot(item.bot_id, **state, failures=failures)

    async def renew(self, bot_id: str, refs: frozenset[Ref], run_id: str) -> None:
        """A look that also makes these again, for what was judged of them. As `look` otherwise."""
        await self.look(bot_id, run_id, again=refs)

    async def look(
        self,
        bot_id: str,
        run_id: str,
        hold: str | None = None,
        again: frozenset[Ref] = frozenset(),
    ) -> BotResult:
        """Raises StoreUnavailable. `hold` says why what differs is to be left as it is."""
        async with self.turn:
            world = self.known.current
            (result,) = await self._reconciler.look(
                world, [bot_id], run_id, prune_unmanaged=self._prune, hold=hold, again=again
            )
            self.known.carry_over(world, bot_id)
        await self._recall(result)
        if result.held is not None:
            self._reporter.warn("healing is held back", bot=bot_id, why=result.held, run=run_id)
        self._conclude(result, run_id)
        return result

    async def _recall(self, result: BotResult) -> None:
        """When a bot was changed last, from the record, if this process has not changed it."""
        known = self._reporter.board.status.bots.get(result.bot_id)
        done = any(outcome.result is Result.SUCCEEDED for outcome in result.outcomes)
        if done or known is None or known.last_change or result.bot_id in self._recalled:
            return
        self._recalled.add(result.bot_id)
        try:
            last = await asyncio.to_thread(
                self._stores.audit.last_change, result.bot_id, self._port.target
            )
        except StoreUnavailable:
            self._recalled.discard(result.bot_id)
            return
        if last is not None:
            self._reporter.board.set_bot(
                result.bot_id, last_change=last.isoformat(timespec="seconds")
            )

    def _conclude(self, result: BotResult, run_id: str) -> None:
        """Status, and when to look again."""
        result = replace(result, lacking=self._lacking.of(result.bot_id))
        bot_id, failures, delay = result.bot_id, 0, None
        if result.target_gone is not None:
            self._reporter.target(UNAVAILABLE, result.target_gone)
        self.enqueue(self._retries.note(bot_id, result.outcomes), "a tool is back", URGENT)
        later = self._retries.next_try(bot_id) if result.failures else None
        if result.error is not None or (result.failures and later is None):
            least = max((outcome.delay for outcome in result.failures), default=0.0)
            failures, delay = self.queue.failed(bot_id, run_id=run_id, least=least)
        else:
            self.queue.succeeded(bot_id)
            if any(o.result is Result.SUCCEEDED or o.there for o in result.outcomes):
                self._heal_limiter.healed(bot_id, self._clock.monotonic())
                self.queue.add(bot_id, "verify", run_id=run_id, priority=ROUTINE, after=VERIFY)
            if later is not None:
                failures, delay = later
                self.queue.add(bot_id, "retry", run_id=run_id, priority=ROUTINE, after=delay)
        if bot_id in self.known.bot_ids:
            self._reporter.bot(result, failures, delay)
        else:
            self._reporter.board.keep_only(self.known.bot_ids)
        if self._evaluating is not None:
            self._evaluating.looked(result)
