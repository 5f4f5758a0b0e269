"""A revision that brought an earlier one back, and the manifest that says otherwise since then.

An import does not write over such a revision as long as the manifest has the content that was
rolled back from: `Source.over` has the digest of it. Pure.
"""

from __future__ import annotations

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
    apply = "" if of_commits else f", or otto-reconcile apply -f {source.path or 'FILE'}"
    return (
        f"rolled back {(source.note or '').partition(':')[0]}; {file} says otherwise, and is not"
        f" heeded until it changes: change it (git revert){apply}"
    )


def commits_since(events: Sequence[Event], to: Event) -> list[str]:
    """The commits that a revert would take back, the newest first."""
    later = (event.source for event in events if event.revision > to.revision)
    commits = [s.commit for s in later if s.kind == MANIFEST and s.commit and "-" not in s.commit]
    return list(dict.fromkeys(reversed(commits)))
