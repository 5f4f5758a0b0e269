"""Plans every bot as the daemon would now, and changes nothing: for `diff` and plan files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from otto_reconcile import settings as environment
from otto_reconcile.cli.inputs import Brought, Inputs, bring_all, doubted
from otto_reconcile.cli.places import (
    Daemon,
    Target,
    find_daemon,
    lost_by,
    memory_of,
    selector_of,
    told_stale,
    watched_folder,
)
from otto_reconcile.cli.unknown import LISTED, no_bot, not_there, refuse_unfit
from otto_reconcile.desired import Desired, Ingested
from otto_reconcile.errors import NotFound, OttoError
from otto_reconcile.model.shared import is_shared, stream_of
from otto_reconcile.planning.plan import Plan
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.bot_plan import Planned, foreign, plan_bot
from otto_reconcile.reconcile.reading import read
from otto_reconcile.reconcile.scanning import deletions, undeclared
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.reconcile.wanted import Wanted
from otto_reconcile.records.applied import Epoch
from otto_reconcile.records.composition import users
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.events import now_utc
from otto_reconcile.render.reports import BotPlan, Report
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared: these bots, or all that the running daemon looks after; after an
    import of `inputs`, if there are any, which deletes what left their folder if it is `whole`."""

    bot_ids: Sequence[str] = ()
    prune_unmanaged: bool = False
    inputs: Inputs | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Overlay:
    """The desired state with an import laid over it, in `stores` that keep it to themselves.

    `base` has the revisions that the import was decided on, 0 of what was never there.
    """

    stores: Stores
    ingested: Ingested
    brought: Brought = field(default_factory=Brought)
    base: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """The report with all that it was made from; `epoch` is the target's as it is on record."""

    report: Report
    world: TargetState
    planned: Mapping[str, Planned]
    epoch: Epoch | None


def lay_over(settings: Settings, stores: Stores, asked: Asked) -> Overlay:
    """What others wrote into the rows, and the import, as the daemon would take them."""
    ingested = stores.desired.ingest()
    warnings = list(ingested.problems)
    if stale := told_stale(find_daemon(settings)):
        warnings.append(stale)
    if asked.inputs is None:
        return Overlay(stores, ingested, warnings=tuple(warnings))
    before = Log(stores.store, now_utc).heads()
    brought = bring_all(
        stores.store,
        stores.desired,
        asked.inputs,
        actor=environment.actor(),
        watched=watched_folder(settings),
        prune=asked.whole,
    )
    names = brought.names | {stream_of(one.declaration) for one in asked.inputs.declarations}
    base = {name: before[name].revision if name in before else 0 for name in sorted(names)}
    ingested = stores.desired.ingest()  # applying writes damaged rows again
    found = doubted(asked.inputs, stores.desired.read(), find_daemon(settings))
    warnings += [str(one) for one in found]
    return Overlay(stores, ingested, brought, base, tuple(warnings))


async def compare(
    settings: Settings,
    target: Target,
    port: Port,
    overlay: Overlay,
    asked: Asked,
    wanted: Wanted | None = None,
) -> Compared:
    """What differs between the overlay and what the target has. Raises OttoError.

    With `wanted`, only what is wanted on this target among several.
    """
    stores, bot_ids = overlay.stores, asked.bot_ids
    await port.health()
    port.identify(target.id or await epoch.identity(port, stores))
    world = read(stores, port.target, wanted=wanted)
    world.take_over = frozenset(settings.take_over)
    world.selector = selector_of(find_daemon(settings))
    world.odd_rows = overlay.ingested.faults
    world.lost_names = frozenset(memory_of(settings, stores.store).lost(world.desired))
    recorded = world.epoch
    await _notice_restart(port, world)
    if wanted is None:  # else it may be another target's
        refuse_unknown(world.bot_ids, world.desired, bot_ids, find_daemon(settings))
    all_bots = asked.whole and not bot_ids
    outside = [one for one in world.bot_ids if all_bots and world.outside(one)]
    chosen = sorted({*world.bot_ids} - {*outside} if all_bots else {*bot_ids} & {*world.bot_ids})
    if wanted is None:
        refuse_unknown(world.bot_ids, world.desired, settings.take_over, None)
    planned: dict[str, Planned] = {}
    async with _sweep(port):
        bots = [await _planned(world, port, bot_id, asked, planned) for bot_id in chosen]
    found = foreign(world, await port.list_agents()) if all_bots else Plan()
    reaching = undeclared(world, await port.reaching()) if all_bots else []
    warnings = [*overlay.warnings]
    if world.guarded is not None:
        warnings.append(world.guarded.sentence)
    report = Report(
        bots,
        found,
        reaching=[str(one) for one in reaching],
        pruned=deletions(reaching) if asked.prune_unmanaged else Plan(),
        warnings=[*warnings, *overlay.brought.warnings],
        imported=_imported(overlay.brought, bot_ids if asked.whole else ()),
        lost=lost_by(settings, stores.store, world.desired) if all_bots else None,
        outside=tuple(outside),
        selector=world.selector.text if world.selector is not None else "",
    )
    return Compared(report, world, planned, recorded)


def selected_bots(selector: Selector, desired: Desired, bot_ids: Sequence[str]) -> Sequence[str]:
    """The bots whose labels fit; those that are named have to. Raises NotFound."""
    for bot_id in bot_ids:
        if bot_id in desired.bots:
            refuse_unfit(bot_id, desired.bots[bot_id].bot.labels, selector)
    if bot_ids:
        return bot_ids
    chosen = sorted(i for i, one in desired.bots.items() if selector.fits(one.bot.labels))
    if not chosen:
        raise NotFound(f"no bot has labels that fit {selector.text!r}", hint=LISTED)
    return chosen


def bots_of(inputs: Inputs, desired: Desired) -> Sequence[str]:
    """The bots that the inputs are about, and those that have what is shared in them."""
    shared = (one.document.stream for one in inputs.manifests.shared)
    concerned = {bot_id for name in shared for bot_id in users(name, desired)}
    return sorted(concerned | {one.bot.id for one in inputs.bots})


async def _notice_restart(port: Port, world: TargetState) -> None:
    """Sees the world as the daemon would that finds the target so: see `epoch.ensure`."""
    if not await epoch.restarted(port, world):
        return
    present = {agent.key for agent in await port.list_agents()}
    lost = epoch.is_canary_lost(world, present)
    before = world.epoch.name if lost and world.epoch is not None else None
    world.epoch = Epoch("", SystemClock().now(), before, watched=True)
    world.restoring = not lost


def refuse_unknown(
    known: Collection[str], desired: Desired, bot_ids: Sequence[str], daemon: Daemon | None
) -> None:
    """Raises NotFound for a name that is none of the bots that are known."""
    for bot_id in sorted(set(bot_ids) - set(known)):
        if is_shared(bot_id):
            raise no_bot(bot_id, desired, daemon)
        raise not_there(bot_id, known, daemon)


def _sweep(port: Port) -> AbstractAsyncContextManager[None]:
    """Shared reading of a whole target, where the port offers it."""
    sweep = getattr(port, "sweep", None)
    return sweep() if sweep is not None else nullcontext()


async def _planned(
    world: TargetState, port: Port, bot_id: str, asked: Asked, planned: dict[str, Planned]
) -> BotPlan:
    """The plan of one bot, which is noted in `planned` if there is one."""
    if why := world.unreadable(bot_id):
        return BotPlan(bot_id, error=why)
    try:
        prune = asked.prune_unmanaged
        now = SystemClock().now()
        found = await plan_bot(world, port, bot_id, prune_unmanaged=prune, now=now)
    except OttoError as error:
        return BotPlan(bot_id, error=error.message)
    planned[bot_id] = found
    return BotPlan(bot_id, found.plan, faults=found.faults)


def _imported(brought: Brought, bot_ids: Sequence[str]) -> dict[str, list[str]]:
    def some(ids: Sequence[str]) -> list[str]:
        return [bot_id for bot_id in ids if not bot_ids or bot_id in bot_ids]

    named = {"create": brought.created, "update": brought.updated, "delete": brought.deleted}
    return {word: some(ids) for word, ids in named.items() if some(ids)}
