"""Looks at bots, one at a time, and decides from each result when to look again.

A step never raises for a store or target that is away: it is reported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from otto_reconcile.errors import OttoError, StoreUnavailable, fault_of
from otto_reconcile.model import Ref
from otto_reconcile.model.windows import closed
from otto_reconcile.planning.plan import Result
from otto_reconcile.reconcile.bot_plan import foreign
from otto_reconcile.reconcile.cache import SURE
from otto_reconcile.reconcile.extension import Extension
from otto_reconcile.reconcile.missing_tools import MissingTools
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.reporter import UNAVAILABLE
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.retries import Retries
from otto_reconcile.reconcile.rounds import ROUND
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.reconcile.workqueue import ROUTINE, URGENT, Item
from otto_reconcile.records.applied import Epoch
from otto_reconcile.runtime.backoff import HealLimiter

_log = logging.getLogger("otto_reconcile.loop")

VERIFY = 1.0
"""Seconds after a change until it is looked at again."""
_SAME = frozenset({"calm", "evaluated", "interval", "noticed", "retry", "verify"})
"""Reasons for a look that make what failed no likelier to succeed than it was."""


class Controller:
    """One target's. `extensions` hear of every result, once the bot's status is set.

    `hooked` says that every change by others is reported: what nobody wants is then known
    without a list, and a look that is only to be sure reads what is wanted.
    """

    def __init__(
        self,
        session: TargetSession,
        reconciler: Reconciler,
        retries: Retries,
        extensions: Sequence[Extension] = (),
        *,
        prune_unmanaged: bool = False,
        hooked: bool = False,
    ) -> None:
        self._session, self._reconciler, self._retries = session, reconciler, retries
        self._hooked = hooked
        self._reporter, self._clock, self._queue = session.reporter, session.clock, session.queue
        self._extensions, self._prune = extensions, prune_unmanaged
        self._lacking, self._heal_limiter = MissingTools(session.port), HealLimiter()
        self._recalled: set[str] = set()  # the bots whose last change was looked up
        self._closed: set[str] = set()  # the bots that wait for a sync window
        self._listed: tuple[tuple[str, ...], Epoch | None] | None = None  # what was known then
        self._unlisted = 0  # the sweeps since the agents were listed

    def reopen(self) -> None:
        """Asks for a look at the bots of which a change waited for a sync window that is open."""
        wanted, now = self._session.cache.current.desired.bots, self._clock.now()
        open_ = [b for b in self._closed if b not in wanted or closed(wanted[b].bot, now) is None]
        self._closed.difference_update(open_)
        self._session.enqueue(sorted(open_), "a window is open", ROUTINE)

    def reporter_of(self, kind: str, remote_id: str) -> str | None:
        """The bot of which something is reported that nobody wants, if it is."""
        return self._reconciler.glances.reporter_of(kind, remote_id)

    def release(self, bot_ids: Iterable[str] | None = None) -> None:
        """Lets what failed be tried again in the next look at each of these bots, or of all."""
        self._retries.release(bot_ids)

    def agents_moved(self) -> None:
        """There may be other agents than there were."""
        self._listed = None

    async def list_foreign(self) -> None:
        """Notes the agents that are nobody's here, where these may be others than before.

        To be sure they are listed now and then though nothing says so: the list costs a server of
        500 bots a tenth of a second.
        """
        world = self._session.cache.current
        now = world.bot_ids, world.epoch
        self._unlisted += 1
        if self._hooked and now == self._listed and self._unlisted < SURE:
            return
        self._listed, self._unlisted = now, 0
        try:
            agents = await self._session.port.list_agents()
        except OttoError as error:
            self.agents_moved()
            self._reporter.target(UNAVAILABLE, error.message)
            return
        found = foreign(self._session.cache.current, agents)
        self._reporter.board.status.foreign = tuple(action.ref.key for action in found)

    async def ask_for_tools(self) -> None:
        """Asks the services of all bots; those whom there is news for are looked at."""
        try:
            back, other = await self._lacking.ask(self._session.cache.current.desired.bots)
        except OttoError as error:
            _log.debug("the tools could not be asked for: %s", error)
            return
        self._session.enqueue(other, "interval", ROUTINE)
        self._session.enqueue(self._retries.found(back), "a tool is back", URGENT)

    async def step(self, item: Item) -> None:
        """One look at one bot."""
        if item.reasons - _SAME:
            self.release([item.bot_id])
        calm = self._heal_limiter.wait(item.bot_id, self._clock.monotonic())
        hold = None
        if calm > 0 and "desired" not in item.reasons and not item.recreate:
            hold = f"healed too often in a short time; next heal in {calm:.0f} s"
            self._queue.add(item.bot_id, "calm", run_id=item.run_id, priority=ROUTINE, after=calm)
        try:
            await self.look(item.bot_id, item.run_id, hold, item.recreate, self._parts(item))
        except StoreUnavailable as error:
            self._reporter.store(error, f"looking at {item.bot_id}")
            self._queue.failed(item.bot_id, run_id=item.run_id)
            if self._session.cache.knows(item.bot_id):
                self._reporter.board.set_bot(
                    item.bot_id, message=f"not looked at: {error.with_hint}"
                )

    def _parts(self, item: Item) -> frozenset[Ref] | None:
        """What of the bot is to be read; None for all of it, with what nobody wants."""
        if self._hooked and item.reasons == {ROUND}:
            world = self._session.cache.current
            return frozenset({*world.wanted(item.bot_id), *world.last(item.bot_id)})
        return item.parts

    def failed(self, item: Item, error: Exception) -> None:
        """A look ended as nobody foresaw: the bot is Degraded, and the others are not held up."""
        fault = fault_of(error)
        self._reporter.warn("internal error", bot=item.bot_id, error=fault)
        failures, _ = self._queue.failed(item.bot_id, run_id=item.run_id)
        if self._session.cache.knows(item.bot_id):
            message = f"internal error: {fault}"
            state = {"sync": Sync.UNKNOWN, "health": Health.DEGRADED, "message": message}
            self._reporter.board.set_bot(item.bot_id, **state, failures=failures)

    async def look(
        self,
        bot_id: str,
        run_id: str,
        hold: str | None = None,
        recreate: frozenset[Ref] = frozenset(),
        parts: frozenset[Ref] | None = None,
    ) -> BotResult:
        """Raises StoreUnavailable. `hold` says why what differs is to be left as it is.

        What is in `recreate` is made again though nothing differs. Only `parts` may differ.
        """
        async with self._session.turn:
            world = self._session.cache.current
            absent = self._session.admission.take_absent(bot_id)
            (result,) = await self._reconciler.look(
                world,
                [bot_id],
                run_id,
                absent=absent,
                prune_unmanaged=self._prune,
                hold=hold,
                again=recreate,
                parts=parts,
            )
            self._session.cache.carry_over(world, bot_id, *result.heirs)
        await self._recall(result)
        if result.held is not None:
            self._reporter.warn("healing is held back", bot=bot_id, why=result.held, run=run_id)
        self.conclude(result, run_id, recreated=bool(recreate))
        return result

    async def _recall(self, result: BotResult) -> None:
        """When a bot was changed last, from the record, if this process has not changed it."""
        known = self._reporter.board.status.bots.get(result.bot_id)
        done = any(outcome.result is Result.SUCCEEDED for outcome in result.outcomes)
        told = known is not None and known.last_change
        if done or told or result.bot_id in self._recalled:
            return
        if not self._session.cache.knows(result.bot_id):
            return
        self._recalled.add(result.bot_id)
        try:
            last = await asyncio.to_thread(
                self._session.stores.audit.last_change, result.bot_id, self._session.port.target
            )
        except StoreUnavailable:
            self._recalled.discard(result.bot_id)
            return
        if last is not None:
            self._reporter.board.set_bot(
                result.bot_id, last_change=last.isoformat(timespec="seconds")
            )

    def conclude(self, result: BotResult, run_id: str, *, recreated: bool = False) -> None:
        """Status, and when to look again."""
        result = replace(result, lacking=self._lacking.of(result.bot_id))
        bot_id, failures, delay = result.bot_id, 0, None
        self._reporter.store(None, f"looking at {bot_id}")
        if result.target_gone is not None:
            self._reporter.target(UNAVAILABLE, result.target_gone)
        self._session.enqueue(self._retries.note(bot_id, result.outcomes), "a tool is back", URGENT)
        if result.planned is not None and result.planned.waits:
            self._closed.add(bot_id)
        later = self._retries.next_try(bot_id) if result.failures else None
        if result.error is not None or (result.failures and later is None):
            least = max((outcome.delay for outcome in result.failures), default=0.0)
            failures, delay = self._queue.failed(bot_id, run_id=run_id, least=least)
        else:
            self._queue.succeeded(bot_id)
            changed = {
                o.action.ref for o in result.outcomes if o.result is Result.SUCCEEDED or o.there
            }
            if changed:
                self._heal_limiter.healed(bot_id, self._clock.monotonic())
                self._verify(bot_id, run_id, frozenset(changed))
            if later is not None:
                failures, delay = later
                self._queue.add(bot_id, "retry", run_id=run_id, priority=ROUTINE, after=delay)
        if self._session.cache.knows(bot_id):
            self._reporter.bot(result, failures, delay)
        else:
            self._reporter.board.keep_only(self._session.cache.bot_ids)
        if result.tried:
            self._session.admission.admit(bot_id)
        for extension in self._extensions:
            extension.after_look(result, recreated=recreated)

    def _verify(self, bot_id: str, run_id: str, parts: frozenset[Ref]) -> None:
        """What was changed is looked at once more. After a restore each answer said what is there,
        and all bots at once would keep customers waiting."""
        if not self._session.cache.current.restoring:
            self._queue.add(
                bot_id, "verify", run_id=run_id, priority=ROUTINE, after=VERIFY, parts=parts
            )
