"""Plans for several targets: each as the daemon would make it, and together one report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from otto_reconcile.cli.comparing import Asked, Overlay, compare, refuse_unknown
from otto_reconcile.cli.places import Target, find_daemon, targets_of_daemon
from otto_reconcile.errors import OttoError, SettingsError
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.board import NO_TARGET
from otto_reconcile.fleet.shared import Part, SharedWanted
from otto_reconcile.fleet.spread import Move
from otto_reconcile.planning.plan import Plan
from otto_reconcile.render.reports import BotPlan, Report
from otto_reconcile.settings import Settings


def refuse_several(targets: Sequence[Target], what: str) -> None:
    """Raises SettingsError for what is about one target, where there are several."""
    if len(targets) > 1:
        raise SettingsError(
            f"{what} is about one target, and the daemon has {len(targets)}",
            hint="name one by its URL: --parlant-url",
        )


def shared_by(settings: Settings, overlay: Overlay, targets: Sequence[Target]) -> SharedWanted:
    """What is wanted on each of the targets, as their daemon sees it. Raises StoreUnavailable."""
    fleet = (find_daemon(settings) or {}).get("fleet") or {}
    places = [target.place for target in targets if target.place is not None]
    shared = SharedWanted(overlay.stores, Assignment(places))
    shared.refresh(ingest=False, whole=True, settled=bool(fleet.get("agreed", True)))
    return shared


def part_of(settings: Settings, overlay: Overlay, target: Target) -> Part | None:
    """What is wanted on this target, where others have the rest; None where it has all bots."""
    if target.place is None:
        return None
    targets = targets_of_daemon(settings) or [target]
    return shared_by(settings, overlay, targets).part(target.place.name)


async def compare_all(
    settings: Settings, targets: Sequence[Target], overlay: Overlay, asked: Asked
) -> Report:
    """What differs on any of them; one that cannot be asked is reported with the others."""
    shared = shared_by(settings, overlay, targets)
    reports = dict[str, Report]()
    unasked = dict[str, str]()
    known = set(shared.placed) | set(overlay.stores.desired.read().bots)
    for target in targets:
        assert target.place is not None
        name = target.place.name
        try:
            reports[name] = await _compared(settings, target, overlay, asked, shared)
        except OttoError as error:
            unasked[name] = error.message
        else:
            known |= {bot.bot_id for bot in reports[name].bots}
    refuse_unknown(known, overlay.stores.desired.read(), asked.bot_ids, find_daemon(settings))
    moves = [move for move in shared.moves if not asked.bot_ids or move.bot_id in asked.bot_ids]
    nowhere = (b for b, name in shared.homeless.items() if name is None)
    homeless = [b for b in nowhere if not asked.bot_ids or b in asked.bot_ids]
    return _together(reports, unasked, moves, homeless, overlay)


async def _compared(
    settings: Settings, target: Target, overlay: Overlay, asked: Asked, shared: SharedWanted
) -> Report:
    assert target.place is not None
    port = target.connect(settings)
    try:
        part = shared.part(target.place.name)
        return (await compare(settings, target, port, overlay, asked, part)).report
    finally:
        await port.close()


def _together(
    reports: dict[str, Report],
    unasked: dict[str, str],
    moves: Sequence[Move],
    homeless: Sequence[str],
    overlay: Overlay,
) -> Report:
    """What is the same for every target once, all else with the target's name."""
    bots = [replace(b, target=name) for name, one in reports.items() for b in one.bots]
    none = [BotPlan(bot_id, faults=(NO_TARGET,)) for bot_id in homeless]
    beside = [
        BotPlan(what, plan, target=name)
        for name, one in reports.items()
        for what, plan in (("agents of no bot", one.foreign), ("for every agent", one.pruned))
    ]
    first = next(iter(reports.values()), Report())
    common = (*overlay.warnings, *overlay.brought.warnings)
    return Report(
        [*sorted([*bots, *none], key=lambda bot: bot.bot_id), *beside],
        Plan(),
        [f"{name}: {said}" for name, one in reports.items() for said in one.reaching],
        Plan(),
        [*common, *_of_targets(reports, common)],
        first.imported,
        first.lost,
        tuple(sorted({bot_id for one in reports.values() for bot_id in one.outside})),
        first.selector,
        [_told(move) for move in moves],
        unasked,
    )


def _of_targets(reports: dict[str, Report], common: Sequence[str]) -> Iterator[str]:
    for name, report in reports.items():
        yield from (f"{name}: {said}" for said in report.warnings if said not in common)


def _told(move: Move) -> str:
    return (
        f"{move.bot_id} goes from {move.before} to {move.after}, and is deleted from"
        f" {move.before} once all of it is there"
    )
