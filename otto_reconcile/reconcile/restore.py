"""Puts every bot back on a target that began a new life: in order, deletions frozen.

Other looks come in between: at a bot that a customer waits for, or that is wanted otherwise by now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import takewhile

from otto_reconcile.errors import OttoError, PermanentError, fault_of
from otto_reconcile.planning.plan import Result
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.reporter import RESTORING
from otto_reconcile.reconcile.restore_report import RestoreReport
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.target_state import RESTORING as FROZEN
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.reconcile.workqueue import URGENT

CHUNK = 10
"""Bots whose records share one write before and one after, at most."""
TURN = 0.25
"""Seconds for which such a chunk may keep others from their turn, about."""
YIELD = 3.0
"""While a customer waits for an answer, a pause so many times as long as a chunk took."""


@dataclass
class _Tally:
    """What came of the bots up to now."""

    looked: set[str] = field(default_factory=set)
    restored: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    """Of which something is to be deleted, once all is there."""


class Restore:
    """One restore, to be run once. `present` are the agents that are there already.

    Only the bots `among` these are put back, or all that are wanted.
    `conclude(result, run_id)` settles a bot; `busy` says whether a customer waits for an answer.
    """

    def __init__(
        self,
        session: TargetSession,
        reconciler: Reconciler,
        conclude: Callable[[BotResult, str], None],
        run_id: str,
        present: frozenset[str],
        busy: Callable[[], bool] = lambda: False,
        among: Collection[str] | None = None,
    ) -> None:
        self._session, self._reconciler, self._busy = session, reconciler, busy
        self._among = among
        self._conclude, self._run_id, self._present = conclude, run_id, present
        self._reporter, self._clock = session.reporter, session.clock
        self._admission = session.admission
        self._tally = _Tally()
        self._pace = TURN

    async def run(self) -> None:
        """Raises StoreUnavailable. Ends early if the target goes away again, as it reports."""
        world = self._session.cache.current
        wanted = self._in_order(world)
        report = RestoreReport(self._reporter, self._clock, self._run_id, len(wanted))
        self._session.queue.drop(wanted)
        self._reporter.target(RESTORING)
        self._reporter.progressing(wanted)
        world.restoring = True
        self._admission.expect(wanted, set(wanted) - self._present, _owners(world, wanted))
        await self._admission.told()
        try:
            await self._restore(wanted, report)
        finally:
            self._admission.finish()
            if (now := self._session.cache.world) is not None:
                now.restoring = False
                self._ask_for_the_rest(now)
                self._conclude_all(now, wanted, report)

    def _in_order(self, world: TargetState) -> list[str]:
        """A lower wave first, of one wave what customers wrote to last."""
        bots, used = world.desired.bots, self._session.last_used

        def place(bot_id: str) -> tuple[int, float, str]:
            return bots[bot_id].bot.wave, -used.at(bot_id), bot_id

        used.keep_only(frozenset(world.bot_ids))
        chosen = bots if self._among is None else bots.keys() & set(self._among)
        return sorted(chosen, key=place)

    async def _restore(self, wanted: list[str], report: RestoreReport) -> None:
        while self._reporter.target_up:
            async with self._session.turn:  # who had it before may have looked at some of them
                if not (todo := self._todo(wanted)):
                    return
                took = await self._look(*self._chunk(todo))
            report.so_far(len(wanted) - len(self._admission.left))
            hurried = not (self._busy() and self._admission.left)
            await self._clock.sleep(0.0 if hurried else YIELD * took)

    def _todo(self, wanted: list[str]) -> list[str]:
        """Those that are still to be looked at, in order; none if it is another target by now."""
        if (world := self._session.cache.world) is None:
            return []
        left, bots = self._admission.left, world.desired.bots
        todo = [b for b in wanted if b in left and b not in self._tally.looked]
        self._admission.admit(*(b for b in todo if b not in bots))  # wanted no longer
        return [b for b in todo if b in bots]

    def _chunk(self, todo: list[str]) -> tuple[list[str], bool]:
        """The next bots to look at together, and whether nothing of them is on the target."""
        most = max(1, min(CHUNK, int(TURN / max(self._pace, 1e-6))))
        if absent := [*takewhile(self._admission.take_absent, todo[:most])]:
            return absent, True
        return todo[:1], False

    async def _look(self, chunk: list[str], absent: bool) -> float:
        """Gives the seconds that it took."""
        begun, cache = self._clock.monotonic(), self._session.cache
        world = cache.current
        results = await self._looked(world, chunk, absent)
        cache.carry_over(world, *chunk, *(heir for r in results for heir in r.heirs))
        self._tally.looked.update(chunk)
        for result in results:
            self._conclude(result, self._run_id)
            self._count(world, result)
        took = self._clock.monotonic() - begun
        self._pace = took / len(chunk)
        return took

    async def _looked(self, world: TargetState, chunk: list[str], absent: bool) -> list[BotResult]:
        """What came of a look at these bots; one that fails as nobody foresaw fails alone."""
        try:
            return await self._reconciler.look(world, chunk, self._run_id, absent=absent)
        except OttoError:
            raise
        except Exception as error:
            if len(chunk) == 1:
                why = PermanentError(f"internal error: {fault_of(error)}")
                return [BotResult(chunk[0], error=why)]
        # Some of them may be there by now: none is taken for absent any more.
        return [r for bot_id in chunk for r in await self._looked(world, [bot_id], False)]

    def _count(self, world: TargetState, result: BotResult) -> None:
        planned = result.planned
        if planned is not None and any(one.skipped == FROZEN for one in planned.plan.skipped):
            self._tally.frozen.add(result.bot_id)
        if not _in_place(result) or world.left_alone(result.bot_id) is not None:
            return
        if any(o.result is Result.SUCCEEDED for o in result.outcomes):
            self._tally.restored.add(result.bot_id)
            self._say(result)
        else:
            self._tally.there.add(result.bot_id)

    def _conclude_all(self, world: TargetState, wanted: list[str], report: RestoreReport) -> None:
        self._count_others(world, wanted)
        bots = world.desired.bots  # some may be wanted no longer, or be left as they are
        due = {b for b in wanted if b in bots and world.left_alone(b) is None}
        restored, there = len(self._tally.restored & due), len(self._tally.there & due)
        report.ended(len(due), restored, there)

    def _count_others(self, world: TargetState, wanted: list[str]) -> None:
        """Those that were looked at in between, by whom a customer waited for or changed them."""
        others = (b for b in wanted if b not in self._tally.looked and b in world.applied)
        self._tally.restored.update(b for b in others if not world.restarted(b))

    def _say(self, result: BotResult) -> None:
        assert result.planned is not None
        assert result.planned.wanted is not None
        bot = result.planned.wanted.bot
        self._reporter.say(
            "restored",
            bot=result.bot_id,
            guidelines=len(bot.guidelines),
            journeys=len(bot.journeys),
            run=self._run_id,
        )

    def _ask_for_the_rest(self, world: TargetState) -> None:
        """What could not be looked at or changed meanwhile is looked at now."""
        session = self._session
        left = [bot_id for bot_id in world.bot_ids if bot_id not in world.desired.bots]
        session.enqueue([*left, *self._tally.frozen], "restored", URGENT)
        session.enqueue(sorted(self._admission.left), "retry", URGENT)


def _owners(world: TargetState, bot_ids: list[str]) -> dict[tuple[str, str], str]:
    """The parts of these bots, each with its bot."""
    return {(ref.kind, ref.key): b for b in bot_ids for ref in world.wanted(b)}


def _in_place(result: BotResult) -> bool:
    return result.planned is not None and result.planned.wanted is not None and result.in_place
