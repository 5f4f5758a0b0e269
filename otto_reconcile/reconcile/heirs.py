"""What a bot gives up and another one takes over, as after a rename: nothing is missing between.

The former bot stays until the new one is there, and then takes nothing of it along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from otto_reconcile.model import Ref, Snapshot
from otto_reconcile.reconcile.owners import is_sole
from otto_reconcile.records.applied import Applied


def to_come(
    given: Iterable[Ref], wanted: Iterable[tuple[str, Snapshot]], applied: Mapping[str, Applied]
) -> str | None:
    """The first bot that wants something of what is given up, and is not on the target yet."""
    sole = [ref for ref in given if is_sole(ref)]
    return next(
        (
            bot_id
            for bot_id, snapshot in wanted
            if not _is_there(bot_id, applied) and any(ref in snapshot for ref in sole)
        ),
        None,
    )


def _is_there(bot_id: str, applied: Mapping[str, Applied]) -> bool:
    return bot_id in applied and Ref("agent", bot_id) in applied[bot_id].resources


def copies(
    bot_id: str, kept: Iterable[Ref], observed: Snapshot, applied: Mapping[str, Applied]
) -> frozenset[Ref]:
    """Of what others want too: what each of them has on the target as a thing of its own.

    Parlant gives canned responses ids, so that another bot's is another one under the same key.
    """
    if not kept:
        return frozenset()
    others = [one for other, one in applied.items() if other != bot_id]
    return frozenset(
        ref
        for ref in kept
        if (have := observed.get(ref)) is not None and _is_copied(ref, have.remote_id, others)
    )


def _is_copied(ref: Ref, remote_id: str | None, others: Iterable[Applied]) -> bool:
    theirs = [one for one in others if ref in one.resources or ref in one.claims]
    ids = [one.resources[ref].remote_id if ref in one.resources else None for one in theirs]
    return bool(ids) and remote_id is not None and not {None, remote_id} & set(ids)
