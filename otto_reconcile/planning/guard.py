"""The guard against mass deletion: pure, asked by the import and by the loop."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from datetime import timedelta

from otto_reconcile.errors import Guarded

SHARE = 0.1
LEAST = 2
NAMED = 5
"""So many are named one by one in a command that deletes them."""
WINDOW = timedelta(minutes=10)
"""Deletions of so long ago still count: many that come one by one are many."""


def doomed(
    wanted: Collection[str], present: Collection[str], allowed: Collection[str] = ()
) -> tuple[str, ...]:
    """The bots of `present` that would go and were not `allowed` by name, sorted."""
    return tuple(sorted(set(present) - set(wanted) - set(allowed)))


def check(
    wanted: Collection[str],
    present: Collection[str],
    allowed: Collection[str] = (),
    *,
    of: str = "bots",
    gone: Collection[str] = (),
    folder: str | None = None,
) -> None:
    """Raises Guarded if too much would go at once: everything, or over a tenth and at least two.

    What is new makes up for nothing: everything is all that is present, whatever else is wanted.
    `of` says in the message what `present` are. What is `gone` since WINDOW began counts as well.
    `folder` is the one that they have left.
    """
    going = doomed(wanted, present, allowed)
    if not going:
        return
    went = set(gone) - set(present) - set(wanted)
    everything = set(wanted).isdisjoint(present)
    if everything or too_many(len(going) + len(went), len(present) + len(went)):
        what = "all" if everything else f"{len(going)} of {len(present)}"
        message = f"refused to delete {what} {of} at once: {some(going)}"
        if went and not everything and not too_many(len(going), len(present)):
            message = (
                f"refused to delete {some(going)}: with what was deleted in the last "
                f"{WINDOW.seconds // 60} minutes that is {len(going) + len(went)} of "
                f"{len(present) + len(went)} {of}"
            )
        new_id = "; one that only has another id now says so with `renamedFrom`"
        hint = if_meant(going, folder) + (new_id if everything and wanted else "")
        raise Guarded(message, names=going, hint=hint)


def too_many(going: int, of: int) -> bool:
    """True for over a tenth of them, and at least two."""
    return going >= LEAST and going > SHARE * of


def if_meant(names: Collection[str], folder: str | None = None) -> str:
    """The command that deletes them all the same: by name if they are few, else in one word."""
    if len(names) <= NAMED:
        return f"if that is meant: otto-reconcile delete {' '.join(sorted(names))}"
    word = "--held-back" if folder is None else f"--gone-from {shlex.quote(folder)}"
    return f"if that is meant: otto-reconcile delete {word}"


def some(names: tuple[str, ...]) -> str:
    """Up to five of them."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
