"""The command `delete`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import typer

from otto_reconcile import settings as environment
from otto_reconcile.cli.choosing import Chosen
from otto_reconcile.cli.console import Output, note, say
from otto_reconcile.cli.outcomes import Done, tell_done
from otto_reconcile.cli.places import (
    find_daemon,
    memory_of,
    opened_store,
    watched_environment,
    watched_folder,
)
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import InvalidInput, OttoError
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.shared import Declaration, is_shared, stream_of
from otto_reconcile.records.applied import AppliedSets
from otto_reconcile.records.composition import users
from otto_reconcile.records.events import Desired, Source
from otto_reconcile.runtime.escaping import visible
from otto_reconcile.settings import Settings
from otto_reconcile.sources.departures import sources_of
from otto_reconcile.sources.importer import load

_SOME = 5  # bots that are named
LOST = "lost by the store: only this is recorded, and what a target has of it stays there"
LOST_SHARE = "lost by the store: bots lose what they had of it"


def run_delete(
    settings: Settings, chosen: Chosen, output: Output = Output.TABLE, *, yes: bool
) -> int:
    """Records the deletions of what a person has chosen, which is what the guard asks for."""
    done: list[Done] = []
    with opened_store(settings, writing=True) as store:
        desired = DesiredState(store)
        found = desired.read()
        applied = AppliedSets(store).bot_ids()
        lost = frozenset(memory_of(settings, store).lost(found))
        commits = (find_daemon(settings) or {}).get("git") or {}
        names = chosen.of(store, found, applied | lost, commits)
        for bot_id in names if output is Output.TABLE else ():
            gone = LOST_SHARE if is_shared(bot_id) else LOST
            say(f"{bot_id}: {gone}" if bot_id in lost - applied else describe(bot_id, found))
        still_there = _in_folder(settings, names)
        for bot_id in still_there:
            note(f"warning: {bot_id} is still in the folder of manifests: it will come back")
        if chosen.folder is None:
            _warn_of_commits(names, found, commits)
        _confirm(names, yes, count=not chosen.names and len(names) > 1)
        source = Source(kind="cli")
        for bot_id in names:
            event = desired.delete(
                bot_id, source=source, actor=environment.actor(), unseen=bot_id in applied | lost
            )
            done.append(Done(bot_id, "deleted", event.revision))
    tell_done(done, output)
    return 0


def _warn_of_commits(names: Sequence[str], found: Desired, commits: Mapping[str, object]) -> None:
    """Of what is in a commit that is in force: the next one that still has it brings it back."""
    sources = sources_of(found)
    for name in names:
        root = sources[name].root if name in sources else None
        if root in commits:
            note(f"warning: {name} is in the commits of {root}: the next one brings it back")


def describe(bot_id: str, found: Desired) -> str:
    if (shared := found.shared.get(bot_id)) is not None:
        by = users(bot_id, found)
        more = " and more" if len(by) > _SOME else ""
        return (
            f"{bot_id}{_parts(shared.document)}, used by {', '.join(by[:_SOME]) or 'no bot'}{more}"
        )
    wanted = found.bots.get(bot_id)
    if wanted is None:
        unreadable = {**found.unreadable, **found.unreadable_shared}
        return f"{bot_id}: {unreadable.get(bot_id, 'on a target, and not wanted any more')}"
    return f"{bot_id}: {wanted.bot.name!r}{_parts(wanted.bot)}"


def _parts(declaration: Declaration) -> str:
    counts = ((group, len(group.of(declaration))) for group in GROUPS.values())
    words = [group.counted(number) for group, number in counts if number]
    return f" with {', '.join(words)}" if words else ""


def _in_folder(settings: Settings, names: Sequence[str]) -> list[str]:
    """Those that the watched folder would bring back at once."""
    folder = watched_folder(settings)
    if folder is None or not folder.is_dir():
        return []
    try:
        loaded = load([folder], os.environ, env=watched_environment(settings))
        there = {stream_of(one.declaration) for one in loaded.declarations}
    except InvalidInput as error:
        note(f"warning: {folder} has {len(error.problems)} faults: not known if it still has them")
        return []
    return [bot_id for bot_id in names if bot_id in there]


def _confirm(names: Sequence[str], yes: bool, *, count: bool) -> None:
    """With `count`, of what was not named one by one, their number is to be typed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise OttoError("nothing was deleted: this needs to be confirmed", hint="add --yes")
    shared = [name for name in names if is_shared(name)]
    what = f"these {len(names)}" if shared else f"these {len(names)} bots"
    if len(names) == 1:
        what = shared[0] if shared else "this bot"
    if count:
        question = f"Delete {visible(what)}, here and on the target? Type their number to do so"
        if typer.prompt(question, default="", show_default=False).strip() != str(len(names)):
            raise OttoError("nothing was deleted")
        return
    if not typer.confirm(f"Delete {visible(what)}, here and on the target?"):
        raise OttoError("nothing was deleted")
