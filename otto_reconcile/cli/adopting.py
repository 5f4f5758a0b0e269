"""The command `adopt`: turns a running Parlant server into manifests, and into managed bots."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile import settings as environment
from otto_reconcile.cli.bots import is_folder, write_files
from otto_reconcile.cli.console import Output, note, say_data, say_table, write
from otto_reconcile.cli.places import find_daemon, find_target, opened_store, told_stale
from otto_reconcile.errors import Conflict, OttoError, TargetUnavailable
from otto_reconcile.planning.plan import Operation, Plan
from otto_reconcile.port.errors import Failed
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.bot_plan import plan_bot
from otto_reconcile.reconcile.evaluation import inheritance
from otto_reconcile.reconcile.reading import read
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.evaluations import Answer, EvaluatedBy
from otto_reconcile.records.events import Source
from otto_reconcile.render.lines import visible
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.settings import Settings, without_credentials
from otto_reconcile.sources.adoption import Adoptee, Found, find, managed
from otto_reconcile.sources.exclusions import LeftOut

ADOPTION = "adoption"
MANAGED = "managed"


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store knows of the server: `results` has the bots that are managed already.

    `evaluated_by` had the server's texts evaluated, with these `answers`.
    """

    stores: Stores
    world: TargetState
    results: Mapping[str, str]
    evaluated_by: EvaluatedBy
    answers: Sequence[Answer] = ()

    def new(self, adoptee: Adoptee) -> bool:
        """One that is managed has a manifest already, where its secrets are not in clear."""
        return self.results[adoptee.bot.id] != MANAGED


def run_adopt(
    settings: Settings,
    bot_ids: Sequence[str],
    place: str | None,
    *,
    manage: bool,
    force: bool,
    output: Output,
) -> int:
    """Reads the server of `settings`; writes manifests to `place`, and with `manage` to the store.

    0 if all of it is in the manifests, 2 if something is left out, which is named.
    """
    if stale := told_stale(find_daemon(settings)):
        note(f"warning: {stale}")
    with ExitStack() as stack:
        stores = _stores(settings, stack, manage)
        found, known = asyncio.run(_read(settings, bot_ids, stores, manage))
        if not found.bots:
            raise OttoError("there is no agent that could be adopted", hint=_why_none(found))
        texts = {a.bot.id: _text(a, settings) for a in found.bots if known is None or known.new(a)}
        if place is not None and place != "-":
            note(_write(texts, place, force))
        if manage and known is not None:
            asyncio.run(_begin(settings, known))
            _take_over(known, found)
    if place == "-" or (place is None and not manage):
        write("---\n".join(texts.values()))
    else:
        _show(found, known, output)
    if known is not None and (kept := [a.bot.id for a in found.bots if not known.new(a)]):
        note(f"managed already: {', '.join(kept)}; `otto-reconcile export` writes their manifests")
    for left in found.left_out:
        _tell(left)
    return 2 if found.left_out else 0


def _stores(settings: Settings, stack: ExitStack, manage: bool) -> Stores | None:
    """What is managed is known where that is asked for, or where a daemon keeps that server."""
    if not manage and find_target(settings).id is None:
        return None
    try:
        return Stores.over(stack.enter_context(opened_store(settings, writing=manage)))
    except OttoError:
        if manage:
            raise
        return None  # kept in the daemon's own memory, say


async def _read(
    settings: Settings, bot_ids: Sequence[str], stores: Stores | None, manage: bool
) -> tuple[Found, _Known | None]:
    port = find_target(settings).connect(settings)
    try:
        health = await port.health()
        found = await _found(port, bot_ids)
        if stores is None:
            return found, None
        port.identify(find_target(settings).id or await epoch.identity(port, stores))
        world = read(stores, port.target)
        plans = {a.bot.id: await _planned(port, world, a) for a in found.bots}
        results = {bot_id: _standing(world, bot_id, plan) for bot_id, plan in plans.items()}
        if manage and (conflicts := sorted(b for b, r in results.items() if r == "conflict")):
            raise Conflict(
                f"wanted otherwise than it is on the server: {', '.join(conflicts)}; "
                "nothing was adopted",
                hint="otto-reconcile diff shows how; name the bots to be adopted, or delete those",
            )
        if not manage:
            results = {b: r if r == MANAGED else "written" for b, r in results.items()}
        found = _without_managed(
            found, world, {b: plans[b] for b, r in results.items() if r == MANAGED}
        )
        known = _Known(stores, world, results, EvaluatedBy.of(world.target, health.version))
        # What a daemon hosts it has had evaluated itself.
        elsewhere = world.target.startswith("http")
        new = [adoptee.bot for adoptee in found.bots if elsewhere and known.new(adoptee)]
        answers = await inheritance.evaluated(port, new, SystemClock().now()) if manage else []
        return found, replace(known, answers=answers)
    finally:
        await port.close()


def _without_managed(found: Found, world: TargetState, plans: Mapping[str, Plan | None]) -> Found:
    """A managed bot is as it is wanted; left out of it is only what nobody wants."""
    bots: list[Adoptee] = []
    for adoptee in found.bots:
        bot_id = adoptee.bot.id
        if (plan := plans.get(bot_id)) is not None:
            bot, left = world.desired.bots[bot_id].bot, tuple(_unwanted(bot_id, plan))
            adoptee = replace(adoptee, bot=bot, left_out=left)
        bots.append(adoptee)
    elsewhere = tuple(left for left in found.elsewhere if left.bot_id not in plans)
    return Found(tuple(bots), elsewhere)


def _unwanted(bot_id: str, plan: Plan) -> Iterator[LeftOut]:
    for action in plan:
        if action.operation is Operation.REPORT:
            fields = ", ".join(change.field for change in action.changes)
            what = f"{fields and f'{fields} of '}{action.ref.kind} {action.ref.key}"
            yield LeftOut(bot_id, what, "it is unmanaged, and the bot is managed already")


async def _found(port: RestPort, bot_ids: Sequence[str]) -> Found:
    try:
        return await find(port, bot_ids)
    except Failed as error:
        raise TargetUnavailable(
            error.message,
            hint="something there may have a name that Parlant's own API refuses to show: an empty"
            " one, or one of more than 100 characters",
        ) from error


async def _planned(port: RestPort, world: TargetState, adoptee: Adoptee) -> Plan | None:
    """What a daemon would do with it; None if it is not wanted."""
    if adoptee.bot.id not in world.desired.bots:
        return None
    return (await plan_bot(world, port, adoptee.bot.id)).plan


def _standing(world: TargetState, bot_id: str, plan: Plan | None) -> str:
    """`adopted` for what is new, `managed` for what is wanted as it is, or `conflict`."""
    if bot_id in world.desired.unreadable:
        return "conflict"
    if plan is None:
        return "adopted"
    return MANAGED if plan.in_sync else "conflict"


async def _begin(settings: Settings, known: _Known) -> None:
    """Marks the life of a server that was never seen; one that is known is its daemon's affair."""
    if known.world.epoch is None and not known.world.applied:
        port = find_target(settings).connect(settings)
        try:
            await epoch.ensure(port, known.stores, known.world, SystemClock())
        finally:
            await port.close()


def _take_over(known: _Known, found: Found) -> None:
    """Wanted first: what is applied and not wanted would be deleted, should we end in between.

    And before it what was evaluated: a daemon reads that when it meets the bot.
    """
    inheritance.keep(known.stores, known.evaluated_by, known.answers)
    new = [adoptee for adoptee in found.bots if known.new(adoptee)]
    source = Source(kind=ADOPTION, note=known.world.target)
    events = known.stores.desired.put_many(
        [(adoptee.bot, source) for adoptee in new], actor=environment.actor()
    )
    epoch_name = known.world.epoch.name if known.world.epoch is not None else ""
    sets = [
        Applied(adoptee.bot.id, event.revision, epoch_name, managed(adoptee))
        for adoptee, event in zip(new, events, strict=True)
        if event is not None
    ]
    known.stores.applied.save(known.world.target, sets)


def _text(adoptee: Adoptee, settings: Settings) -> str:
    """The manifest, and below it in comments what is not in it."""
    server = without_credentials(settings.parlant_url or "the running daemon's Parlant")
    lines = [f"# Adopted from {server}", manifest.dump([adoptee.bot]).rstrip("\n")]
    if adoptee.left_out:
        lines += ["#", "# Left out:"]
    for left in adoptee.left_out:
        lines.append(f"# - {visible(left.what)}: {visible(left.why)}")
        lines += [f"#     {visible(line)}" for line in (left.text or "").splitlines()]
    return "\n".join(lines) + "\n"


def _why_none(found: Found) -> str | None:
    return "; ".join(f"{left.what}: {left.why}" for left in found.left_out[:3]) or None


def _write(texts: Mapping[str, str], place: str, force: bool) -> str:
    """A file that has the same text already stays as it is. Gives what was done, in words."""
    if not texts:
        files = {}
    elif is_folder(place):
        files = {Path(place, f"{bot_id}.yaml"): text for bot_id, text in texts.items()}
    else:
        files = {Path(place): "---\n".join(texts.values())}
    new = {path: text for path, text in files.items() if not _holds(path, text)}
    return write_files(new, force)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeError):
        return False


def _show(found: Found, known: _Known | None, output: Output) -> None:
    columns = ("bot", "result", "guidelines", "journeys", "terms", "left out")
    rows = [
        (
            adoptee.bot.id,
            known.results[adoptee.bot.id] if known is not None else "written",
            len(adoptee.bot.guidelines),
            len(adoptee.bot.journeys),
            len(adoptee.bot.terms),
            len(adoptee.left_out),
        )
        for adoptee in found.bots
    ]
    if output in (Output.TABLE, Output.MARKDOWN):
        say_table(Table(columns, rows), output)
        return
    bots = [{"bot": row[0], "result": row[1]} for row in rows]
    say_data({"bots": bots, "left_out": list(_documents(found))}, output)


def _documents(found: Found) -> Iterator[dict[str, str | None]]:
    for left in found.left_out:
        bot_id = left.bot_id or None
        yield {"bot": bot_id, "what": left.what, "why": left.why, "text": left.text}


def _tell(left: LeftOut) -> None:
    prefix = f"{left.bot_id}: " if left.bot_id else ""
    note(visible(f"left out: {prefix}{left.what}: {left.why}"))
