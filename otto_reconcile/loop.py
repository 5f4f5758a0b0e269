"""The reconcile loop of one target: level-based, driven by triggers that only say "look again".

Nothing here decides what to do. Triggers: start, interval, a new desired revision, an import, a
change that the embedded server noticed, a new life of the target, SIGHUP.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from otto_reconcile.desired import DesiredBot
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.beginning import Beginning
from otto_reconcile.reconcile.controller import Controller
from otto_reconcile.reconcile.extension import Extension
from otto_reconcile.reconcile.jobs import Job, Jobs
from otto_reconcile.reconcile.leadership import Leadership
from otto_reconcile.reconcile.managing import BEAT
from otto_reconcile.reconcile.noticing import Noticing
from otto_reconcile.reconcile.prober import Prober
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.retries import Retries
from otto_reconcile.reconcile.rounds import ROUND, SHARE, SHARE_HOOKED, Rounds
from otto_reconcile.reconcile.scanning import Scanning
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.store_reader import StoreReader
from otto_reconcile.reconcile.target_changes import TargetChanges
from otto_reconcile.reconcile.workqueue import URGENT
from otto_reconcile.runtime.backoff import CONNECTION

PROBE = 2.0  # seconds between two looks at the canary; no longer than the interval
PUBLISH, PUBLISH_CALM = 0.25, 1.0
"""Seconds between two looks at whether the status has changed: it did lately, or did not."""
SAVE = 1.0  # seconds between two tries to save what was wanted while the store was away


class Loop:
    """One target. Await `restore` before `run`, and the first customer finds every bot; without
    it `run` begins with it, and `TargetSession.admission` says which bots are there already.

    `changes` are those that others make on the target, and with `hooked` all of them from its first
    moment on. `busy` says whether a customer waits for an answer. The target is looked at once
    `probe` is set. Where somebody else follows the store, it sets `moved` for a look at that.
    """

    def __init__(
        self,
        session: TargetSession,
        *,
        interval: float = 30.0,
        prune_unmanaged: bool = False,
        extensions: Sequence[Extension] = (),
        changes: TargetChanges | None = None,
        hooked: bool = False,
        busy: Callable[[], bool] = lambda: False,
        probe: asyncio.Event | None = None,
        moved: asyncio.Event | None = None,
    ) -> None:
        self._session, self._interval, self._extensions = session, interval, extensions
        self._stores, self._outage = session.stores, session.outage
        self._reporter, self._clock = session.reporter, session.clock
        self._jobs = Jobs(session.reporter, session.clock)
        retries = Retries(session.clock)
        reconciler = Reconciler(
            session.port,
            session.stores,
            session.clock,
            on_outcome=session.reporter.outcome,
            right=session.right,
            retries=retries,
        )
        self._reader = StoreReader(session, reconciler)
        self._leadership = Leadership(session, self._reader)
        self._rounds = Rounds(session.clock, SHARE_HOOKED if hooked else SHARE, busy)
        prune = prune_unmanaged
        self._scanning = Scanning(session, self._reader, prune=prune, hooked=hooked)
        kept = session, reconciler, retries, extensions
        self._controller = Controller(*kept, prune_unmanaged=prune, hooked=hooked)
        parts = self._leadership, self._controller, self._scanning
        self._prober = Prober(session, reconciler, *parts, extensions, busy)
        self._beginning = Beginning(session, self._leadership, self._reader, self._prober)
        self._begun, self._probe_now = False, probe or asyncio.Event()
        self._look_again, self._scan_again = moved or asyncio.Event(), asyncio.Event()
        self._follows = moved is None
        self._all_at_once = False
        noticed_by = session, self._controller, self._scanning, self._scan_again
        self._noticing = Noticing(changes or asyncio.Queue(), *noticed_by)
        session.reporter.of(session.port.target, session.stores.store.label)

    def poke(self, reason: str, bot_ids: Iterable[str] | None = None) -> None:
        """Asks for a look at these bots at once; None means all, after reading everything anew."""
        if bot_ids is not None:
            self._session.ask_for(bot_ids, reason)
            return
        self._all_at_once = True
        self._look_again.set()

    @property
    def wanted(self) -> Mapping[str, DesiredBot] | None:
        """The bots that were wanted when the store was last read; None if it never was."""
        return world.written if (world := self._session.cache.world) is not None else None

    async def reconcile_now(self, bot_id: str) -> BotResult:
        """Reads what is wanted and looks at this bot at once. Raises StoreUnavailable."""
        if not await self._reader.read(whole=False):
            raise StoreUnavailable("the store does not answer")
        self._controller.release([bot_id])
        return await self._controller.look(bot_id, uuid.uuid4().hex[:8])

    async def carry_out(self, bot_id: str, wanted: DesiredBot | None) -> BotResult:
        """The same while the store is away, with what is wanted given. See `reconcile.outage`."""
        assert self._outage is not None
        async with self._session.turn:
            result = await self._outage.carry_out(self._session.cache.world, bot_id, wanted)
        self._session.admission.admit(bot_id)
        return result

    async def save_late(self) -> bool:
        """Saves what waits for the store; True if nothing waits any more."""
        return await self._beginning.save_late()

    async def restore(self) -> None:
        """Lead, read, and if the target began a new life put everything back.

        Never raises, whatever fails: `run` goes on from there.
        """
        keeping = [
            asyncio.create_task(self._jobs.keep(name, job), name=name)
            for name, job in (("leading", self._keep_leading), ("managing", self._keep_managing))
        ]
        try:
            await self._begin(self._before_serving)
        finally:
            for task in keeping:
                task.cancel()

    async def _begin(self, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self._begun = True
        await self._jobs.attempt("restoring", self._beginning.begin(then))

    async def _before_serving(self) -> None:
        """What the extensions do first; the looks that they ask for are had meanwhile."""
        over = asyncio.Event()
        job = self._jobs.keep("reconciling", lambda: self._work(over))
        working = asyncio.create_task(job, name="reconciling")
        try:
            for extension in self._extensions:
                await extension.before_serving()
            over.set()
            await working
        finally:
            working.cancel()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; then gives the lease back and returns."""
        jobs: Mapping[str, tuple[Job, Callable[[], None] | None]] = {
            "reconciling": (lambda: self._work(asyncio.Event()), None),
            "leading": (self._keep_leading, None),
            "managing": (self._keep_managing, None),
            "probing": (self._keep_probing, None),
            "sweeping": (self._sweep, None),
            "scanning": (self._scan, self._scan_again.set),
            "noticing": (self._notice, None),
            "reading": (self._listen, self._look_again.set),
            "saving": (self._save_late, None),
            "publishing": (self._publish, None),
            **{e.name: (self._job_of(e), e.wake) for e in self._extensions},
        }
        feed = self._stores, self._look_again, self._jobs
        async with change_feed.following(*feed, if_so=self._follows):
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
                self._session.last_used.save(at_once=True)
                await self._leadership.resign()

    # The jobs: each an endless loop around one step. `Jobs` starts one that fails again.

    async def _work(self, over: asyncio.Event) -> None:
        while not over.is_set():
            if not self._session.may_act:
                await self._clock.sleep(0.1)
                self._jobs.succeeded("reconciling")
                continue
            item = self._session.queue.pop() or self._rounds.pop()
            if item is None:
                await self._session.queue.wait(min(0.5, max(0.01, self._rounds.pause)))
                self._jobs.succeeded("reconciling")
                continue
            started = self._clock.monotonic()
            try:
                await self._controller.step(item)
            except Exception as error:  # a fault of ours in one bot is not the others' end
                self._controller.failed(item, error)
            finally:
                item.done()
            if item.reasons == {ROUND}:
                self._rounds.spent(self._clock.monotonic() - started)
                self._reporter.board.status.rounds = self._rounds.to_document()

    async def _keep_leading(self) -> None:
        while True:
            await self._clock.sleep(self._session.leader.pause)
            await self._renew(self._leadership.lead(), "leading")

    async def _keep_managing(self) -> None:
        while True:
            most = self._session.leader.pause
            await self._clock.sleep(most if self._session.port.inside else min(BEAT, most))
            await self._renew(self._leadership.manage(), "managing")

    async def _renew(self, right: Awaitable[None], job: str) -> None:
        led = self._session.leading
        await right
        self._jobs.succeeded(job)
        if self._session.leading and not led:
            self.poke("leading")

    async def _keep_probing(self) -> None:
        failures = 0
        if not self._begun:
            await self._begin()
        while True:
            pause = CONNECTION.delay(failures) if failures else min(PROBE, self._interval)
            asked = await self._clock.wait(self._probe_now, pause)
            self._probe_now.clear()
            if not (asked or self._prober.due):
                continue
            if self._session.cache.world is not None and self._session.leading:
                failures = 0 if await self._prober.probe() else failures + 1
            self._jobs.succeeded("probing")
            if self._session.cache.world is not None and not failures:
                self._jobs.succeeded("restoring")

    async def _sweep(self) -> None:
        while True:
            if await self._reader.read(calm=True) and self._session.may_act:
                await self._controller.list_foreign()
                self._rounds.begin(self._session.settled)
                self._controller.reopen()
                await self._controller.ask_for_tools()
            self._jobs.succeeded("sweeping")
            await self._clock.sleep(self._interval)

    async def _scan(self) -> None:
        """Looks for what reaches every agent: now and then, and at once when it may have come."""
        while True:
            if self._session.cache.world is not None and self._session.may_act:
                await self._scanning.look()
            self._jobs.succeeded("scanning")
            await self._clock.wait(self._scan_again, self._scanning.pause(self._interval))
            self._scan_again.clear()

    async def _listen(self) -> None:
        failures = 0
        while True:
            if failures:
                await self._clock.sleep(CONNECTION.delay(failures))
            else:
                await self._look_again.wait()
            self._look_again.clear()
            failures = 0 if await self._reader.read(whole=self._all_at_once) else failures + 1
            self._jobs.succeeded("reading")
            if self._all_at_once and not failures:
                self._all_at_once = False
                self._session.enqueue(self._session.settled, "asked", URGENT)

    async def _save_late(self) -> None:
        while self._outage is not None:
            await self._clock.sleep(SAVE)
            if self._outage.waiting and await self._outage.save():
                self._look_again.set()
            self._jobs.succeeded("saving")

    async def _notice(self) -> None:
        while True:
            await self._noticing.take()
            self._jobs.succeeded("noticing")

    def _job_of(self, extension: Extension) -> Job:
        return lambda: extension.run(lambda: self._jobs.succeeded(extension.name))

    async def _publish(self) -> None:
        while True:
            self._reporter.publish()
            self._jobs.succeeded("publishing")
            self._session.last_used.save()
            await self._clock.sleep(PUBLISH if self._reporter.board.moves else PUBLISH_CALM)
