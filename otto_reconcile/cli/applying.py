"""The command `apply`: writes bots as desired, shows what changes, and may wait for the loop."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from otto_reconcile import settings as environment
from otto_reconcile.cli import places
from otto_reconcile.cli.console import Output, note, say_data, say_lines, say_table
from otto_reconcile.cli.inputs import Brought, Inputs, bring_all
from otto_reconcile.cli.inputs import read as read_inputs
from otto_reconcile.desired import DesiredState
from otto_reconcile.diff import plan
from otto_reconcile.errors import OttoError
from otto_reconcile.events import Wanted
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.render.lines import Line, Tone
from otto_reconcile.render.plans import plan_lines
from otto_reconcile.render.tables import Table
from otto_reconcile.resources import Bot, Snapshot, snapshot_of
from otto_reconcile.settings import Settings

_POLL = 0.1


def run_apply(
    settings: Settings,
    paths: Sequence[str],
    *,
    prune: bool,
    dry_run: bool,
    wait: float | None,
    output: Output,
) -> int:
    """0 if done (2 for a dry run that differs). `wait` is in seconds; None does not wait."""
    inputs = read_inputs(paths)
    if prune and (inputs.folder is None or len(paths) != 1):
        raise OttoError("--prune needs one folder", hint="otto-reconcile apply -f FOLDER --prune")
    if wait is not None and not dry_run:
        places.the_daemon(settings, hint="without --wait nothing needs to run")
    with places.opened_store(settings, writing=not dry_run) as store:
        desired = DesiredState(store)
        before = desired.read().bots
        brought = bring_all(
            desired,
            inputs,
            actor=environment.actor(),
            watched=places.watched_folder(settings),
            prune=prune,
            dry_run=dry_run,
        )
        after = before if dry_run else desired.read().bots
    if dry_run and output is Output.TABLE:
        say_lines(_dry_lines(inputs, brought, before))
    _show(brought, after, output)
    for warning in brought.warnings:
        note(f"warning: {warning}")
    if dry_run:
        return 2 if brought.changes else 0
    if wait is not None:
        wait_for(settings, {b.bot.id: after[b.bot.id].revision for b in inputs.bots}, wait)
    return 1 if brought.withheld else 0


def _show(brought: Brought, wanted: Mapping[str, Wanted], output: Output) -> None:
    rows = []
    for word in ("created", "updated", "unchanged", "deleted", "withheld"):
        for bot_id in getattr(brought, word):
            known = wanted.get(bot_id)
            rows.append((bot_id, word, known.revision if known is not None else None))
    rows.sort()
    if output in (Output.TABLE, Output.MARKDOWN):
        say_table(Table(("bot", "result", "revision"), rows), output)
        return
    bots = [{"bot": b, "result": result, "revision": revision} for b, result, revision in rows]
    say_data({"bots": bots, "warnings": brought.warnings}, output)


def _dry_lines(inputs: Inputs, brought: Brought, before: Mapping[str, Wanted]) -> Iterator[Line]:
    """What would change in the desired state, field by field."""
    for loaded in sorted(inputs.bots, key=lambda b: b.bot.id):
        bot = loaded.bot
        if bot.id in brought.unchanged:
            continue
        known = before.get(bot.id)
        yield Line(bot.id, Tone.HEADING)
        yield from _bot_lines(known.bot if known is not None else None, bot)
    if brought.changes:
        yield Line("")


def _bot_lines(before: Bot | None, after: Bot) -> Iterator[Line]:
    old = snapshot_of(before) if before is not None else Snapshot()
    lines = list(plan_lines(plan(snapshot_of(after), old, old), indent="  "))
    yield from lines or [Line("  ~ labels, annotations, or the order of things", Tone.CHANGED)]


def wait_for(settings: Settings, revisions: Mapping[str, int], seconds: float) -> None:
    """Returns when the daemon says that the bots are Synced. Raises OttoError if they are not."""
    deadline = time.monotonic() + seconds
    with _waiting(len(revisions)):
        while True:
            daemon = places.the_daemon(settings)
            bots = {str(bot["bot_id"]): bot for bot in daemon.get("bots", ())}
            open_ones = [b for b in sorted(revisions) if not _is_there(bots.get(b), revisions[b])]
            if not open_ones:
                return
            for bot_id in open_ones:
                _refuse_failed(bot_id, bots.get(bot_id), revisions[bot_id])
            if time.monotonic() >= deadline:
                names = ", ".join(open_ones)
                raise OttoError(
                    f"after {seconds:g} s these are not Synced: {names}",
                    hint="otto-reconcile status says why",
                )
            time.sleep(_POLL)


def _reached(bot: Mapping[str, object] | None, revision: int) -> bool:
    known = (bot or {}).get("revision")
    return isinstance(known, int) and known >= revision


def _is_there(bot: Mapping[str, object] | None, revision: int) -> bool:
    return _reached(bot, revision) and (bot or {}).get("sync") == Sync.SYNCED


def _refuse_failed(bot_id: str, bot: Mapping[str, object] | None, revision: int) -> None:
    if bot is None or not _reached(bot, revision):
        return
    if bot.get("health") == Health.DEGRADED:
        raise OttoError(f"{bot_id} is Degraded: {bot.get('message')}")
    if bot.get("health") == Health.SUSPENDED:
        raise OttoError(f"{bot_id} is suspended", hint=f"otto-reconcile resume {bot_id}")


@contextlib.contextmanager
def _waiting(count: int) -> Iterator[None]:
    """Something that moves, where somebody sees it."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    what = "1 bot" if count == 1 else f"{count} bots"
    with Console(stderr=True).status(f"waiting until {what} are Synced"):
        yield
