"""The command `diff`: plans every bot as the daemon would now, and changes nothing anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from otto_reconcile import settings as environment
from otto_reconcile.cli.console import Output, say_data, say_lines, write
from otto_reconcile.cli.failures import tell
from otto_reconcile.cli.inputs import Brought, bring_all, doubted, refuse_nothing
from otto_reconcile.cli.inputs import read as read_inputs
from otto_reconcile.cli.places import (
    Daemon,
    Target,
    find_daemon,
    find_target,
    lost_by,
    memory_of,
    opened_store,
    told_stale,
)
from otto_reconcile.cli.scratch import ScratchStore
from otto_reconcile.cli.unknown import LISTED, no_bot, not_there
from otto_reconcile.desired import Desired, Ingested
from otto_reconcile.errors import NotFound, OttoError
from otto_reconcile.model.shared import is_shared
from otto_reconcile.planning.plan import Plan
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.bot_plan import foreign, plan_bot
from otto_reconcile.reconcile.scanning import deletions, undeclared
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState, read
from otto_reconcile.records.applied import Epoch
from otto_reconcile.render.plans import BotPlan, Report, document, markdown, text_lines
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.selecting import Selector, parsed
from otto_reconcile.settings import Settings


def run_diff(
    settings: Settings,
    bot_ids: Sequence[str],
    paths: Sequence[str],
    *,
    prune_unmanaged: bool,
    output: Output,
) -> int:
    """Shows what differs; 0 if nothing, 2 if something, 1 if not all could be compared."""
    inputs = read_inputs(paths, settings.env) if paths else None
    if inputs is not None and inputs.folder is None:  # a folder may have been emptied
        refuse_nothing(inputs, paths)
    target = find_target(settings)
    with opened_store(settings) as store:
        stores = Stores.over(ScratchStore(store))
        ingested = stores.desired.ingest()
        warnings = list(ingested.problems)
        if stale := told_stale(find_daemon(settings)):
            warnings.append(stale)
        brought, before = Brought(), stores.desired.read()
        if inputs is not None:
            brought = bring_all(
                stores.store, stores.desired, inputs, actor=environment.actor(), prune=True
            )
            ingested = stores.desired.ingest()  # applying writes damaged rows again
            found = doubted(inputs, stores.desired.read(), find_daemon(settings))
            warnings += [str(one) for one in found]
        if settings.selector is not None:
            known = [before, stores.desired.read()]
            bot_ids = _selected(settings.selector, known, bot_ids)
        report = asyncio.run(
            _compare(
                settings, target, stores, bot_ids, prune_unmanaged, brought, warnings, ingested
            )
        )
    _show(report, output)
    for error in report.errors:
        tell(error)
    if report.errors:
        return 1
    return 2 if report.differs else 0


async def _compare(
    settings: Settings,
    target: Target,
    stores: Stores,
    bot_ids: Sequence[str],
    prune_unmanaged: bool,
    brought: Brought,
    warnings: list[str],
    ingested: Ingested,
) -> Report:
    port = target.connect(settings)
    try:
        await port.health()
        port.identify(target.id or await epoch.identity(port, stores))
        world = read(stores, port.target)
        world.take_over = frozenset(settings.take_over)
        world.selector = _selector_of(find_daemon(settings))
        world.odd_rows = ingested.faults
        world.lost_names = frozenset(memory_of(settings, stores.store).lost(world.desired))
        await _notice_restart(port, world)
        chosen = _chosen(world, bot_ids, find_daemon(settings))
        _refuse_unknown(world, settings.take_over, None)
        async with _sweep(port):
            bots = [await _planned(world, port, bot_id, prune_unmanaged) for bot_id in chosen]
        found = foreign(world, await port.list_agents()) if not bot_ids else Plan()
        reaching = undeclared(world, await port.reaching()) if not bot_ids else []
        if world.guarded is not None:
            warnings.append(f"{world.guarded.message}; {world.guarded.hint}")
    finally:
        await port.close()
    return Report(
        bots,
        found,
        reaching=[str(one) for one in reaching],
        pruned=deletions(reaching) if prune_unmanaged else Plan(),
        warnings=[*warnings, *brought.warnings],
        imported=_imported(brought, bot_ids),
        lost=lost_by(settings, stores.store, world.desired) if not bot_ids else None,
    )


def _selected(
    selector: Selector, known: Sequence[Desired], bot_ids: Sequence[str]
) -> Sequence[str]:
    """The bots whose labels fit, before or after an import. Raises NotFound if there is none."""
    bots = (one.bot for desired in known for one in desired.bots.values())
    fitting = {bot.id for bot in bots if selector.fits(bot.labels)}
    chosen = sorted(fitting & set(bot_ids) if bot_ids else fitting)
    if not chosen:
        raise NotFound(f"no bot has labels that fit {selector.text!r}", hint=LISTED)
    return chosen


def _selector_of(daemon: Daemon | None) -> Selector | None:
    """Which bots the running daemon looks after; None is all."""
    text = (daemon or {}).get("selector")
    return parsed(str(text)) if text else None


async def _notice_restart(port: Port, world: TargetState) -> None:
    """Sees the world as the daemon would that finds the target so: see `epoch.ensure`."""
    if not await epoch.restarted(port, world):
        return
    present = {agent.key for agent in await port.list_agents()}
    lost = epoch.is_canary_lost(world, present)
    before = world.epoch.name if lost and world.epoch is not None else None
    world.epoch = Epoch("", SystemClock().now(), before, watched=True)
    world.restoring = not lost


def _chosen(world: TargetState, bot_ids: Sequence[str], daemon: Daemon | None) -> Sequence[str]:
    _refuse_unknown(world, bot_ids, daemon)
    return sorted(set(bot_ids)) or world.bot_ids


def _refuse_unknown(world: TargetState, bot_ids: Sequence[str], daemon: Daemon | None) -> None:
    for bot_id in sorted(set(bot_ids) - set(world.bot_ids)):
        if is_shared(bot_id):
            raise no_bot(bot_id, world.desired, daemon)
        raise not_there(bot_id, world.bot_ids, daemon)


def _sweep(port: Port) -> AbstractAsyncContextManager[None]:
    """Shared reading of a whole target, where the port offers it."""
    sweep = getattr(port, "sweep", None)
    return sweep() if sweep is not None else nullcontext()


async def _planned(world: TargetState, port: Port, bot_id: str, prune_unmanaged: bool) -> BotPlan:
    if why := world.unreadable(bot_id):
        return BotPlan(bot_id, error=why)
    try:
        now = SystemClock().now()
        planned = await plan_bot(world, port, bot_id, prune_unmanaged=prune_unmanaged, now=now)
    except OttoError as error:
        return BotPlan(bot_id, error=error.message)
    return BotPlan(bot_id, planned.plan, faults=planned.faults)


def _imported(brought: Brought, bot_ids: Sequence[str]) -> dict[str, list[str]]:
    def some(ids: Sequence[str]) -> list[str]:
        return [bot_id for bot_id in ids if not bot_ids or bot_id in bot_ids]

    named = {"create": brought.created, "update": brought.updated, "delete": brought.deleted}
    return {word: some(ids) for word, ids in named.items() if some(ids)}


def _show(report: Report, output: Output) -> None:
    if output is Output.TABLE:
        say_lines(text_lines(report))
    elif output is Output.MARKDOWN:
        write(markdown(report))
    else:
        say_data(document(report), output)
