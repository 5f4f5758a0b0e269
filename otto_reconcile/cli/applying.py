"""The command `apply`: writes bots as desired, shows what changes, and may wait for the loop."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otto_reconcile import settings as environment
from otto_reconcile.cli import places
from otto_reconcile.cli.console import Output, note, say_data, say_lines, say_table, write
from otto_reconcile.cli.foreseeing import foreseen
from otto_reconcile.cli.inputs import Brought, Inputs, bring_all, doubted, refuse_nothing, selected
from otto_reconcile.cli.inputs import read as read_inputs
from otto_reconcile.cli.layered import refuse_other
from otto_reconcile.cli.scratch import ScratchStore
from otto_reconcile.desired import Desired, DesiredState
from otto_reconcile.errors import OttoError
from otto_reconcile.model import Bot
from otto_reconcile.model.bot import SUSPENSIONS
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.records.composition import users
from otto_reconcile.records.events import DesiredBot
from otto_reconcile.render.comments import comment
from otto_reconcile.render.lines import Line, Tone
from otto_reconcile.render.plans import document, plan_lines
from otto_reconcile.render.reports import Report
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.selecting import told_outside
from otto_reconcile.settings import Settings
from otto_reconcile.store.base import Store

_POLL = 0.1


def run_apply(
    settings: Settings,
    paths: Sequence[str],
    *,
    prune: bool,
    dry_run: bool,
    wait: float | None,
    output: Output,
    base: bool = False,
) -> int:
    """0 if done (2 for a dry run that differs). `wait` is in seconds; None does not wait.

    `base` says that the base is meant, whatever environment the daemon has.
    """
    inputs = read_inputs(paths, settings.env, places.watched_folder(settings))
    if prune and (inputs.folder is None or len(paths) != 1):
        raise OttoError("--prune needs one folder", hint="otto-reconcile apply -f FOLDER --prune")
    inputs = selected(inputs, settings.selector, prune=prune)
    for found in inputs.manifests.foreign:
        note(f"note: {found}")
    if not prune:  # else the guard has the say over a folder that was emptied
        refuse_nothing(inputs, paths)
    if wait is not None and not dry_run:
        places.the_daemon(settings, hint="without --wait nothing needs to run")
    with places.opened_store(settings, writing=not dry_run) as store:
        refuse_other(settings, inputs, DesiredState(store).read(), base=base)
        used = ScratchStore(store) if dry_run else store
        done = written(used, settings, inputs, prune=prune)
    brought = done.brought
    if dry_run:
        _show_dry(foreseen(*done.bots, brought), brought, done.before, output)
        done.warn()
    else:
        done.show(output)
    for found in doubted(inputs, done.after, places.find_daemon(settings)):
        note(f"note: {found}")
    if dry_run:
        return 2 if brought.changes else 0
    return done.awaited(settings, inputs, wait)


@dataclass(frozen=True, slots=True)
class Written:
    """An import, with what was desired before and after it; `bots` are those with their share."""

    before: Desired
    after: Desired
    bots: tuple[Mapping[str, DesiredBot], Mapping[str, DesiredBot]]
    brought: Brought

    def awaited(self, settings: Settings, inputs: Inputs, wait: float | None) -> int:
        """The exit code, after at most `wait` seconds until all is Synced; None does not wait."""
        if wait is not None:
            wanted = _looked_after(_awaited(inputs, self.after, *self.bots), settings)
            wait_for(settings, wanted, wait, rewritten=self.brought.rewritten)
        return 1 if self.brought.withheld else 0

    def show(self, output: Output) -> None:
        """What became of each, and what a person has to know of it."""
        _show_brought(self.brought, self.after, output)
        self.warn()

    def warn(self) -> None:
        for warning in self.brought.warnings:
            note(f"warning: {warning}")


def written(store: Store, settings: Settings, inputs: Inputs, *, prune: bool) -> Written:
    """Makes the inputs the desired state in this store. Raises as `bring_all`."""
    desired = DesiredState(store)
    before = desired.read()
    brought = bring_all(
        store,
        desired,
        inputs,
        actor=environment.actor(),
        watched=places.watched_folder(settings),
        prune=prune,
    )
    after = desired.read()
    bots = desired.effective(before).bots, desired.effective(after).bots
    return Written(before, after, bots, brought)


def _show_brought(brought: Brought, desired: Desired, output: Output) -> None:
    """What became of each bot and shared document."""
    if output in (Output.JSON, Output.YAML):
        say_data(_listed(brought, desired), output)
    else:
        say_table(Table(("bot", "result", "revision"), _results(brought, desired)), output)


def _listed(brought: Brought, desired: Desired) -> dict[str, Any]:
    names = ("bot", "result", "revision")
    bots = [dict(zip(names, row, strict=True)) for row in _results(brought, desired)]
    return {"bots": bots, "warnings": brought.warnings}


def _results(brought: Brought, desired: Desired) -> list[tuple[str, str, int | None]]:
    revisions = {bot_id: one.revision for bot_id, one in desired.bots.items()}
    revisions |= {name: one.revision for name, one in desired.shared.items()}
    words = ("created", "updated", "moved", "unchanged", "deleted", "withheld")
    return sorted(
        (bot_id, word, revisions.get(bot_id)) for word in words for bot_id in getattr(brought, word)
    )


def _show_dry(report: Report, brought: Brought, before: Desired, output: Output) -> None:
    """What would change in the bots, with what they share, field by field."""
    if output is Output.MARKDOWN:
        write(comment(report))
    elif output is Output.TABLE:
        say_lines(_dry_lines(report))
        _show_brought(brought, before, output)
    else:
        found = document(report)
        names = ("changes", "summary", "import")
        told = {name: found[name] for name in names if name in found}
        say_data({**_listed(brought, before), **told}, output)


def _dry_lines(report: Report) -> Iterator[Line]:
    for bot in report.bots:
        yield Line(bot.bot_id, Tone.HEADING)
        yield from plan_lines(bot.plan, indent="  ")
    if report.bots:
        yield Line("")


def _awaited(
    inputs: Inputs,
    desired: Desired,
    before: Mapping[str, DesiredBot],
    after: Mapping[str, DesiredBot],
) -> dict[str, DesiredBot]:
    """The bots that were named, and those that what was named concerns, if not suspended.

    A bot that has a shared document is waited for even if the document is as it was: the daemon,
    which watches the folder, may have been first with the change.
    """
    named = {loaded.bot.id for loaded in inputs.bots}
    shared = (loaded.document.stream for loaded in inputs.manifests.shared)
    concerned = {bot_id for name in shared for bot_id in users(name, desired)}
    concerned |= {i for i, now in after.items() if now.bot != _bot(before.get(i))}
    return {
        bot_id: now
        for bot_id, now in after.items()
        if bot_id in named or (bot_id in concerned and now.bot.suspension is None)
    }


def _looked_after(wanted: dict[str, DesiredBot], settings: Settings) -> dict[str, DesiredBot]:
    """Those that the daemon brings to its target. Raises OttoError if it does so with none."""
    selector = places.selector_of(places.find_daemon(settings))
    outside = [i for i, one in wanted.items() if selector and not selector.fits(one.bot.labels)]
    if selector is None or not outside:
        return wanted
    told = told_outside(sorted(outside), selector.text)
    if len(outside) == len(wanted):
        raise OttoError(
            f"there is nothing to wait for: {told}", hint="it was applied; leave --wait out"
        )
    note(f"note: {told}")
    return {i: one for i, one in wanted.items() if i not in outside}


def _bot(wanted: DesiredBot | None) -> Bot | None:
    return wanted.bot if wanted is not None else None


def wait_for(
    settings: Settings,
    wanted: Mapping[str, DesiredBot],
    seconds: float,
    *,
    rewritten: Collection[str] = (),
) -> None:
    """Returns when the daemon says that the bots are Synced. Raises OttoError if they are not.

    The daemon may still say Degraded of those whose rows were `rewritten` just now.
    """
    deadline = time.monotonic() + seconds
    with _waiting(len(wanted)):
        while True:
            daemon = places.the_daemon(settings)
            bots = {str(bot["bot_id"]): bot for bot in daemon.get("bots", ())}
            open_ones = [b for b in sorted(wanted) if not _is_there(bots.get(b), wanted[b])]
            if not open_ones:
                return
            for bot_id in open_ones:
                if bot_id not in rewritten:
                    _refuse_failed(bots.get(bot_id), wanted[bot_id])
            if time.monotonic() >= deadline:
                names = ", ".join(open_ones)
                raise OttoError(
                    f"after {seconds:g} s these are not Synced: {names}",
                    hint=places.told_stale(daemon) or "otto-reconcile status says why",
                )
            time.sleep(_POLL)


def _reached(bot: Mapping[str, object] | None, wanted: DesiredBot) -> bool:
    """True if the daemon has looked at what is wanted, what the bot shares included."""
    known = (bot or {}).get("revision")
    if not isinstance(known, int) or known != wanted.revision:
        return isinstance(known, int) and known > wanted.revision
    return (bot or {}).get("digest") in (None, wanted.bot.digest())  # None: of an older daemon


def _is_there(bot: Mapping[str, object] | None, wanted: DesiredBot) -> bool:
    return _reached(bot, wanted) and (bot or {}).get("sync") == Sync.SYNCED


def _refuse_failed(bot: Mapping[str, object] | None, wanted: DesiredBot) -> None:
    if bot is None or not _reached(bot, wanted):
        return
    bot_id = wanted.bot.id
    if bot.get("health") == Health.DEGRADED:
        raise OttoError(f"{bot_id} is Degraded: {bot.get('message')}")
    if bot.get("health") == Health.SUSPENDED:
        by_hand = wanted.bot.suspension in (None, SUSPENSIONS[0]) and not bot.get("outside")
        hint = f"otto-reconcile resume {bot_id}" if by_hand else None
        raise OttoError(f"{bot_id} is left as it is: {bot.get('message')}", hint=hint)


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
