"""A revision that brought an earlier one back, and the manifest that says otherwise since then.

An import does not write over such a revision as long as the manifest has the content that was
rolled back from: `Source.over` has the digest of it. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from otto_reconcile.model.shared import Declaration
from otto_reconcile.records.events import ROLLBACK, Event, Source

MANIFEST = "manifest"
"""The kind of source of what an import brought."""


def rollback_source(events: Sequence[Event], to: Event, reason: str | None = None) -> Source:
    """The source of a revision that brings the content of `to` back.

    `events` are all that can be read, the first one first. The commit is the one that has this
    content. What is deleted now belongs to no folder any more, else the next import would delete it
    again.
    """
    note = f"to revision {to.revision}" + (f": {reason}" if reason else "")
    over, home = _over(events), _home(events)
    if to.declaration is not None and to.declaration.digest() == over:
        over = None
    where = (home.path, home.root) if home is not None else (None, None)
    return replace(to.source, kind=ROLLBACK, path=where[0], root=where[1], note=note, over=over)


def _home(events: Sequence[Event]) -> Source | None:
    """The last source with a folder, since it was made or came back."""
    for event in reversed(events):
        if event.declaration is None:
            return None
        if event.source.root is not None:
            return event.source
    return None


def _over(events: Sequence[Event]) -> str | None:
    """The digest of what an import brought last; None if that took it away, or none ever was."""
    for event in reversed(events):
        if event.source.kind == MANIFEST:
            return event.declaration.digest() if event.declaration is not None else None
        if event.source.kind == ROLLBACK and event.source.over is not None:
            return event.source.over
    return None


def holds(source: Source, declared: Declaration) -> bool:
    """True if an import is to leave what has this source as it is, whatever the manifest says."""
    return source.kind == ROLLBACK and source.over == declared.digest()


def advice(source: Source) -> str | None:
    """What a person has to know of what was rolled back; None if no manifest says otherwise."""
    if source.kind != ROLLBACK or source.over is None:
        return None
    file = source.path or "its manifest"
    of_commits = (source.root or "").startswith("git:")
    path = source.path or "FILE"
    remedy = "commit it" if of_commits else f"change it, or otto-reconcile apply -f {path}"
    note = (source.note or "").partition(":")[0]
    to = f" {note}" if note.startswith("to revision ") else ""
    return (
        f"rolled back{to}, and its import is suspended:"
        f" {file} says otherwise, and is not heeded until it changes: {remedy}"
    )


def commands(to: Event, newest: Event) -> str | None:
    """What brings the bot's file back in its repository; None if no commit has it.

    A `git revert` would take back all that its commits did, and nothing of those that were not
    imported one by one.
    """
    commit, path = to.source.commit, to.source.path
    if commit is None or path is None or "-" in commit:
        return None
    moved = newest.declaration is not None and newest.source.path not in (None, path)
    away = f"git rm -q -- {shlex.quote(str(newest.source.path))} && " if moved else ""
    file, message = shlex.quote(path), f"Bring {to.bot_id} back to revision {to.revision}"
    return f"{away}git checkout {commit} -- {file} && git commit -m {shlex.quote(message)}"
