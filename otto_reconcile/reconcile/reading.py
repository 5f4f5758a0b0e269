"""Reads what is known of a target: whole, or only the bots that have moved."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.reconcile.wanted import Bots, Wanted, WantedOfStore
from otto_reconcile.records.applied import Applied
from otto_reconcile.runtime.collecting import uncollected


@uncollected()
def read(
    stores: Stores,
    target: str,
    *,
    wanted: Wanted | None = None,
    restoring: bool = False,
    applied: Mapping[str, Applied] | None = None,
) -> TargetState:
    """Everything that is kept, read whole; all bots, or those that are `wanted` there.

    What is `applied` is given where nobody else can have changed it. Blocking. Raises
    StoreUnavailable.
    """
    wanted = wanted or WantedOfStore(stores)
    bots = wanted.read()
    desired = bots.effective
    held = stores.applied.load(target) if applied is None else dict(applied)
    missing = held.keys() - desired.bots.keys() - desired.unreadable.keys()
    return TargetState(
        target,
        desired,
        held,
        stores.applied.epoch(target),
        wanted.gone(missing),
        restoring,
        written=bots.written.bots,
    )


def read_moved(
    stores: Stores, before: TargetState, bot_ids: AbstractSet[str], wanted: Wanted
) -> TargetState:
    """The world of now, if nothing but these bots is wanted otherwise than in the one before.

    All that was wanted there has to be readable, and only this process may change what is applied.
    Blocking. Raises StoreUnavailable.
    """
    known = Bots(replace(before.desired, bots=before.written), before.desired)
    bots = wanted.read_moved(known, bot_ids)
    unwanted = {b for b in bot_ids if b in before.applied and b not in bots.effective.bots}
    return replace(
        before,
        desired=bots.effective,
        epoch=stores.applied.epoch(before.target),
        deleted=(before.deleted - bot_ids) | wanted.gone(unwanted),
        restoring=False,
        written=bots.written.bots,
    )
