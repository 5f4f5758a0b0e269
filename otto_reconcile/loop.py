"""The reconcile loop of one target: level-based, driven by triggers that only say "look again".

Nothing here decides what to do: it reads what is wanted, hands bots to the reconciler one by one,
and keeps trying. Triggers: start, interval, a new desired revision, an imported manifest, a change
that the embedded server noticed, a new life of the target, SIGHUP.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Collection, Container, Iterable, Mapping

from otto_reconcile.desired import DesiredBot
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.model import kinds
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.controller import Controller
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler
from otto_reconcile.reconcile.jobs import Job, Jobs
from otto_reconcile.reconcile.managing import BEAT
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.reconciler import BotResult
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.target_state import Stores
from otto_reconcile.reconcile.workqueue import ROUTINE, URGENT
from otto_reconcile.runtime.backoff import CONNECTION
from otto_reconcile.runtime.clock import Clock

PROBE = 2.0
"""Seconds between two looks at the canary; no longer than the interval."""
REST = 3.0
"""A routine look is followed by a pause of so many times its own length: chats come first."""
LONGEST_REST = 2.0
REACHING = frozenset(kind.name for kind in kinds() if kind.reaches)
SAVE = 1.0
"""Seconds between two tries to save what was wanted while the store was away."""


class Loop:
    """One target. Await `restore` before `run`, and the first customer finds every bot."""

    def __init__(
        self,
        port: Port,
        stores: Stores,
        reporter: Reporter,
        clock: Clock,
        *,
        holder: str,
        predecessors: Collection[str] = (),
        take_over: Container[str] = frozenset(),
        interval: float = 30.0,
        prune_unmanaged: bool = False,
        late: Outage | None = None,
        evaluating: EvaluationScheduler | None = None,
    ) -> None:
        self._stores, self._reporter, self._clock, self._interval = (
            stores,
            reporter,
            clock,
            interval,
        )
        self._late, self._evaluating = late, evaluating
        self._jobs = Jobs(reporter, clock)
        self._target = Controller(
            port,
            stores,
            reporter,
            clock,
            holder=holder,
            predecessors=predecessors,
            take_over=take_over,
            prune_unmanaged=prune_unmanaged,
            late=late,
            evaluating=evaluating,
        )
        self._look_again = asyncio.Event()
        self._scan_again = asyncio.Event()
        self._all_at_once = False
        if evaluating is not None:
            evaluating.bind(
                lambda: self._target.may_act,
                self._target.turn,
                lambda bot_id: self.poke("evaluated", [bot_id]),
                self._target.renew,
            )

    def poke(self, reason: str, bot_ids: Iterable[str] | None = None) -> None:
        """Asks for a look at these bots at once; None means all, after reading everything anew."""
        if bot_ids is None:
            self._all_at_once = True
            self._look_again.set()
        else:
            ours = set(self._target.known.bot_ids)
            self._target.enqueue([b for b in bot_ids if b in ours], reason, URGENT)

    def stirred(self, bot_id: str | None, kind: str = "") -> None:
        """Something changed on the target: of this bot, or of nobody knows whom.

        Of a tool service no bot is the only one: what waits for its tools is tried again.
        """
        shared = kind == "tool_service"
        if shared:
            self._target.release()
        if bot_id is not None:
            self.poke("noticed", [bot_id])
        if bot_id is None and kind in REACHING:
            self._target.scanning.soon()
            self._scan_again.set()
        if bot_id is None or shared:
            self._target.enqueue(self._target.known.bot_ids, "noticed", ROUTINE)

    def owner_of(self, kind: str, key: str) -> str | None:
        """The bot to which a resource of ours belongs, if it is known."""
        return self._target.known.owner_of(kind, key)

    @property
    def wanted(self) -> Mapping[str, DesiredBot] | None:
        """The bots that were wanted when the store was last read; None if it never was."""
        return self._target.known.world.written if self._target.known.world is not None else None

    async def reconcile_now(self, bot_id: str) -> BotResult:
        """Reads what is wanted and looks at this bot, for somebody who waits for the outcome.

        Raises StoreUnavailable.
        """
        if not await self._target.read():
            raise StoreUnavailable("the store does not answer")
        self._target.release([bot_id])
        return await self._target.look(bot_id, uuid.uuid4().hex[:8])

    async def carry_out(self, bot_id: str, wanted: DesiredBot | None) -> BotResult:
        """The same while the store is away, with what is wanted given. See `reconcile.outage`."""
        assert self._late is not None
        async with self._target.turn:
            return await self._late.carry_out(self._target.known.world, bot_id, wanted)

    async def save_late(self) -> bool:
        """Saves what waits for the store; True if nothing waits any more."""
        return self._late is None or not self._late.waiting or await self._late.save()

    async def restore(self) -> None:
        """Lead, read, and if the target began a new life put everything back.

        Never raises, whatever fails: `run` goes on from there.
        """
        keeping = [
            asyncio.create_task(self._jobs.keep(name, job), name=name)
            for name, job in (("leading", self._keep_leading), ("managing", self._keep_managing))
        ]
        try:
            await self._jobs.attempt("restoring", self._restore())
        finally:
            for task in keeping:
                task.cancel()

    async def _restore(self) -> None:
        await self._target.lead()
        await self._target.manage()
        await self.save_late()
        read = await self._target.read()
        if not read and self._late is not None:
            await self._late.put_back(self._target.known.world)
        if read and self._target.leading:
            await self._target.probe()
            self._reporter.publish()
            if self._evaluating is not None:
                await self._evaluating.before_serving()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; then gives the lease back and returns."""
        jobs: Mapping[str, tuple[Job, Callable[[], None] | None]] = {
            "reconciling": (self._work, None),
            "leading": (self._keep_leading, None),
            "managing": (self._keep_managing, None),
            "probing": (self._keep_probing, None),
            "sweeping": (self._sweep, None),
            "scanning": (self._scan, self._scan_again.set),
            "reading": (self._listen, self._look_again.set),
            "saving": (self._save_late, None),
            "evaluating": (self._evaluate, self._wake_evaluating),
            "publishing": (self._publish, None),
        }
        done = threading.Event()
        watching = change_feed.watch(self._stores, self._look_again, done, self._jobs)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._jobs.keep(name, job, again=again), name=name)
                    for name, (job, again) in jobs.items()
                ]
                await stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            done.set()
            await self._target.resign()
            await asyncio.to_thread(watching.join, 2.0)

    # The jobs: each an endless loop around one step. `Jobs` starts one that fails again.

    async def _work(self) -> None:
        while True:
            if not self._target.may_act:
                await self._clock.sleep(0.1)
                self._jobs.succeeded("reconciling")
                continue
            if (item := self._target.queue.pop()) is None:
                await self._target.queue.wait(0.5)
                self._jobs.succeeded("reconciling")
                continue
            started = self._clock.monotonic()
            try:
                await self._target.step(item)
            except Exception as error:  # a fault of ours in one bot is not the others' end
                self._target.failed(item, error)
            if item.priority == ROUTINE:
                took = self._clock.monotonic() - started
                await self._clock.sleep(min(LONGEST_REST, REST * took))

    async def _keep_leading(self) -> None:
        while True:
            await self._clock.sleep(self._target.leadership.pause)
            led = self._target.leading
            await self._target.lead()
            self._jobs.succeeded("leading")
            if self._target.leading and not led:
                self.poke("leading")

    async def _keep_managing(self) -> None:
        while True:
            await self._clock.sleep(min(BEAT, self._target.leadership.pause))
            led = self._target.leading
            await self._target.manage()
            self._jobs.succeeded("managing")
            if self._target.leading and not led:
                self.poke("leading")

    async def _keep_probing(self) -> None:
        failures = 0
        while True:
            usual = min(PROBE, self._interval)
            await self._clock.sleep(CONNECTION.delay(failures) if failures else usual)
            if self._target.known.world is not None and self._target.leading:
                failures = 0 if await self._target.probe() else failures + 1
            self._jobs.succeeded("probing")
            if self._target.known.world is not None and not failures:
                self._jobs.succeeded("restoring")

    async def _sweep(self) -> None:
        while True:
            if await self._target.read() and self._target.may_act:
                await self._target.list_foreign()
                self._target.enqueue(self._target.known.bot_ids, "interval", ROUTINE)
                await self._target.ask_for_tools()
            self._jobs.succeeded("sweeping")
            await self._clock.sleep(self._interval)

    async def _scan(self) -> None:
        """Looks for what reaches every agent: now and then, and at once when it may have come."""
        while True:
            if self._target.known.world is not None and self._target.may_act:
                await self._target.scanning.look()
            self._jobs.succeeded("scanning")
            await self._clock.wait(self._scan_again, self._target.scanning.pause(self._interval))
            self._scan_again.clear()

    async def _listen(self) -> None:
        failures = 0
        while True:
            if failures:
                await self._clock.sleep(CONNECTION.delay(failures))
            else:
                await self._look_again.wait()
            self._look_again.clear()
            failures = 0 if await self._target.read() else failures + 1
            self._jobs.succeeded("reading")
            if self._all_at_once and not failures:
                self._all_at_once = False
                self._target.enqueue(self._target.known.bot_ids, "asked", URGENT)

    async def _save_late(self) -> None:
        while self._late is not None:
            await self._clock.sleep(SAVE)
            if self._late.waiting and await self._late.save():
                self._look_again.set()
            self._jobs.succeeded("saving")

    async def _evaluate(self) -> None:
        if self._evaluating is not None:
            await self._evaluating.run(lambda: self._jobs.succeeded("evaluating"))

    def _wake_evaluating(self) -> None:
        if self._evaluating is not None:
            self._evaluating.wake()

    async def _publish(self) -> None:
        while True:
            self._reporter.publish()
            self._jobs.succeeded("publishing")
            await self._clock.sleep(0.25)
