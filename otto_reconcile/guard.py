"""The guard against mass deletion: pure, asked by the import and by the loop."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from otto_reconcile.errors import Guarded

SHARE = 0.1
LEAST = 2
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
) -> None:
    """Raises Guarded if too much would go at once: everything, or over a tenth and at least two.

    `of` says in the message what `present` are. What is `gone` since WINDOW began counts as well.
    """
    going = doomed(wanted, present, allowed)
    if not going:
        return
    went = set(gone) - set(present) - set(wanted)
    everything = not wanted
    if everything or too_many(len(going) + len(went), len(present) + len(went)):
        what = "all" if everything else f"{len(going)} of {len(present)}"
        message = f"refused to delete {what} {of} at once: {some(going)}"
        if went and not everything and not too_many(len(going), len(present)):
            message = (
                f"refused to delete {some(going)}: with what was deleted in the last "
                f"{WINDOW.seconds // 60} minutes that is {len(going) + len(went)} of "
                f"{len(present) + len(went)} {of}"
            )
        raise Guarded(message, names=going, hint=by_name(going))


def too_many(going: int, of: int) -> bool:
    """True for over a tenth of them, and at least two."""
    return going >= LEAST and going > SHARE * of


def by_name(names: tuple[str, ...]) -> str:
    """What deletes them all the same."""
    more = " ..." if len(names) > 10 else ""
    return f"if that is meant, name them: otto-reconcile delete {' '.join(names[:10])}{more}"


def some(names: tuple[str, ...]) -> str:
    """Up to five of them."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
