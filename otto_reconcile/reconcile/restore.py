"""Puts every bot back on a target that began a new life: in order, in chunks, deletions frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from otto_reconcile.errors import OttoError, PermanentError, fault_of
from otto_reconcile.planning.plan import Result
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.reporter import RESTORING, Reporter
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.runtime.clock import Clock

CHUNK = 10
"""Bots whose records share one write before and one after."""


async def restore(
    world: TargetState,
    present: frozenset[str],
    reconciler: Reconciler,
    reporter: Reporter,
    clock: Clock,
    run_id: str,
    conclude: Callable[[BotResult, str], None],
) -> None:
    """`present` are the agents that are there already: they are looked at, not taken for absent.

    Raises StoreUnavailable. Ends early if the target goes away again, as the voice then says.
    """
    started = clock.monotonic()
    wanted = [bot_id for bot_id in world.bot_ids if bot_id in world.desired.bots]
    waves = {bot_id: world.desired.bots[bot_id].bot.wave for bot_id in wanted}
    outside = {bot_id for bot_id in wanted if world.outside(bot_id)}
    reporter.target(RESTORING)
    reporter.progressing(wanted)
    world.restoring = True
    restored = there = 0
    try:
        for chunk, absent in chunks(wanted, present, waves):
            for result in await _looked(reconciler, world, chunk, run_id, absent):
                conclude(result, run_id)
                if not _in_place(result) or result.bot_id in outside:
                    continue
                if any(o.result is Result.SUCCEEDED for o in result.outcomes):
                    restored += 1
                    _tell(result, reporter, run_id)
                else:
                    there += 1
            reporter.publish()
            if not reporter.target_up:
                return
    finally:
        world.restoring = False
    count = len(wanted) - len(outside)
    reporter.restored(run_id, restored, count, clock.monotonic() - started, there)


async def _looked(
    reconciler: Reconciler, world: TargetState, chunk: list[str], run_id: str, absent: bool
) -> list[BotResult]:
    """What came of a look at these bots; one that fails as nobody foresaw fails alone."""
    try:
        return await reconciler.look(world, chunk, run_id, absent=absent)
    except OttoError:
        raise
    except Exception as error:
        if len(chunk) == 1:
            why = PermanentError(f"internal error: {fault_of(error)}")
            return [BotResult(chunk[0], error=why)]
    # Some of them may be there by now: none is taken for absent any more.
    return [
        r for bot_id in chunk for r in await _looked(reconciler, world, [bot_id], run_id, False)
    ]


def chunks(
    wanted: list[str], present: frozenset[str], waves: Mapping[str, int]
) -> Iterator[tuple[list[str], bool]]:
    """The bots to be looked at together, and whether they are known to be absent.

    Those of a lower wave come first.
    """
    for wave in sorted(set(waves.values())):
        bots = [bot_id for bot_id in wanted if waves[bot_id] == wave]
        absent = [bot_id for bot_id in bots if bot_id not in present]
        for start in range(0, len(absent), CHUNK):
            yield absent[start : start + CHUNK], True
        for bot_id in bots:
            if bot_id in present:
                yield [bot_id], False


def _in_place(result: BotResult) -> bool:
    return result.planned is not None and result.planned.wanted is not None and result.in_place


def _tell(result: BotResult, reporter: Reporter, run_id: str) -> None:
    assert result.planned is not None
    assert result.planned.wanted is not None
    bot = result.planned.wanted.bot
    reporter.say(
        "restored",
        bot=result.bot_id,
        guidelines=len(bot.guidelines),
        journeys=len(bot.journeys),
        run=run_id,
    )
