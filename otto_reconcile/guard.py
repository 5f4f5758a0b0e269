"""The guard against mass deletion: pure, asked by the import and by the loop."""

from __future__ import annotations

from collections.abc import Collection

from otto_reconcile.errors import Guarded

SHARE = 0.1
LEAST = 2


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
) -> None:
    """Raises Guarded if too much would go at once: everything, or over a tenth and at least two.

    `of` says in the message what `present` are.
    """
    going = doomed(wanted, present, allowed)
    if not going:
        return
    everything = not wanted
    too_many = len(going) >= LEAST and len(going) > SHARE * len(present)
    if everything or too_many:
        what = "all" if everything else f"{len(going)} of {len(present)}"
        raise Guarded(
            f"refused to delete {what} {of} at once: {some(going)}",
            names=going,
            hint=by_name(going),
        )


def by_name(names: tuple[str, ...]) -> str:
    """What deletes them all the same."""
    more = " ..." if len(names) > 10 else ""
    return f"if that is meant, name them: otto-reconcile delete {' '.join(names[:10])}{more}"


def some(names: tuple[str, ...]) -> str:
    """Up to five of them."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
