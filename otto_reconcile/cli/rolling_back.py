"""The command `rollback`: an earlier revision comes back as a new one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from otto_reconcile import settings as environment
from otto_reconcile.cli.console import Output, note, say, say_data, say_lines
from otto_reconcile.cli.places import opened_store
from otto_reconcile.cli.reverting import Made, make_commit
from otto_reconcile.cli.revisions import between_of, refuse_unknown, told
from otto_reconcile.cli.scratch import ScratchStore
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import OttoError, PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.model.shared import called, is_shared
from otto_reconcile.planning.revisions import PieceChange, compare
from otto_reconcile.records.events import Event, Source
from otto_reconcile.records.neighbours import taken_back
from otto_reconcile.records.past import Past
from otto_reconcile.records.rollbacks import advice, commands, rollback_source
from otto_reconcile.render import revisions as rendered
from otto_reconcile.runtime.escaping import visible
from otto_reconcile.settings import Settings
from otto_reconcile.store.base import Store


@dataclass(frozen=True, slots=True)
class Rollback:
    """What is to be done: `to` comes back after revision `newest`, which `found` tells apart.

    `commands` bring the file back in the repository that it is from; `beside` is what else of it
    they would take back.
    """

    name: str
    newest: int
    to: Event
    found: Sequence[PieceChange]
    source: Source
    commands: str | None
    beside: Sequence[str]
    same: bool
    suspended: bool


def run_rollback(
    settings: Settings,
    name: str,
    number: int,
    reason: str | None,
    output: Output,
    *,
    yes: bool,
    dry_run: bool,
    commit: bool = False,
) -> int:
    """0 if done, or as it was already; 2 for a dry run that differs.

    With `commit` nothing is written here: a commit is made, which the daemon imports.
    """
    with opened_store(settings, writing=not dry_run) as store:
        used: Store = ScratchStore(store) if dry_run else store
        desired = DesiredState(used)
        desired.ingest()  # what others wrote into the rows is a revision that can come back
        past = Past(used)
        refuse_unknown(past, name, settings)
        planned = _planned(past, name, number, reason)
        if output is Output.TABLE:
            _show(planned)
        revision = None
        if not (dry_run or planned.same):
            _confirm(planned, yes)
            if commit:
                made = make_commit(settings, planned.to, past.events(name)[-1], reason)
                return _tell_commit(planned, made, output)
            revision = _write(desired, planned)
    _tell(planned, revision, output)
    return 2 if dry_run and not planned.same else 0


def _planned(past: Past, name: str, number: int, reason: str | None) -> Rollback:
    """Raises NotFound and PermanentError for a revision that cannot come back."""
    to, events = past.event(name, number), past.events(name)
    if to.declaration is None:
        raise PermanentError(
            f"{called(name)} was deleted: {told(to)}",
            hint=f"otto-reconcile delete {name}, or roll back to another revision",
        )
    newest = past.numbers(name)[-1]
    now = events[-1].declaration if events[-1].revision == newest else None  # else it is damaged
    revert = commands(to, events[-1])
    return Rollback(
        name,
        newest,
        to,
        compare(now, to.declaration, between_of(past, events[-1], to)),
        rollback_source(events, to, reason),
        revert,
        taken_back(past, to, events[-1]) if revert is not None else (),
        same=now is not None and now.digest() == to.declaration.digest(),
        suspended=isinstance(now, Bot) and now.suspended,
    )


def _write(desired: DesiredState, planned: Rollback) -> int:
    """The new revision. One that others made meanwhile is not written over: Conflict."""
    declaration = planned.to.declaration
    assert declaration is not None
    if isinstance(declaration, Bot):
        declaration = declaration.model_copy(update={"suspended": planned.suspended})
    event = desired.put(
        declaration, source=planned.source, actor=environment.actor(), expect=planned.newest
    )
    return event.revision if event is not None else planned.newest


def _tell_commit(planned: Rollback, made: Made, output: Output) -> int:
    if output in (Output.JSON, Output.YAML):
        done = {"bot": planned.name, "result": "committed", "to": planned.to.revision}
        say_data({**done, "commit": made.commit, "branch": made.branch}, output)
        return 0
    say(f"commit {made.commit[:12]} on {made.branch} brings {planned.name} back")
    note(f"note: the daemon imports it from {made.repository}, as a revision of its own")
    return 0


def _show(planned: Rollback) -> None:
    title = f"{planned.name}: rollback of revision {planned.newest}"
    say_lines(rendered.text_lines(title, [told(planned.to)], planned.found))


def _confirm(planned: Rollback, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise OttoError("nothing was rolled back: this needs to be confirmed", hint="add --yes")
    what = planned.name if is_shared(planned.name) else "this bot"
    if not typer.confirm(f"Roll {visible(what)} back to revision {planned.to.revision}?"):
        raise OttoError("nothing was rolled back")


def _tell(planned: Rollback, revision: int | None, output: Output) -> None:
    """What was done, and what the manifest has to do with it."""
    name, to = planned.name, planned.to.revision
    result = "unchanged" if planned.same else "rolled back" if revision is not None else "differs"
    if output in (Output.JSON, Output.YAML):
        done = {"bot": name, "result": result, "revision": revision, "to": to}
        say_data({**done, **rendered.document(planned.found)}, output)
    elif planned.same:
        say(f"{name} is as in revision {to} already")
    elif revision is not None:
        say(f"{name} rolled back to revision {to}, revision {revision}")
    if revision is None:
        return
    if otherwise := advice(planned.source):
        note(f"note: {name}: {otherwise}")
        if planned.commands:
            note(f"note: in the repository: {_in_repository(planned)}")
    if planned.suspended:
        note(f"note: {name} is suspended: its target stays as it is until it is resumed")


def _in_repository(planned: Rollback) -> str:
    """The commands; or how it is done by hand, where these would change more than is meant."""
    if not planned.beside:
        return str(planned.commands)
    name, others = planned.name, ", ".join(planned.beside)
    return (
        f"{planned.to.source.path} also holds {others}, which would be taken back too by"
        f" `git checkout` of it; change {name} alone, to what"
        f" `otto-reconcile show {name}@{planned.to.revision}` prints, and commit that"
    )
