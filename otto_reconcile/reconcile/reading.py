"""Reads from the stores what is known of a target: whole, or only the bots that have moved."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from otto_reconcile.desired import Desired
from otto_reconcile.model import is_reserved
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState


def read(stores: Stores, target: str, *, restoring: bool = False) -> TargetState:
    """Everything that is kept, read whole. Blocking. Raises StoreUnavailable."""
    written = _without_reserved(stores.desired.read())
    desired = stores.desired.effective(written)
    applied = stores.applied.load(target)
    missing = applied.keys() - desired.bots.keys() - desired.unreadable.keys()
    return TargetState(
        target,
        desired,
        applied,
        stores.applied.epoch(target),
        frozenset(_deleted(stores, missing)),
        restoring,
        written=written.bots,
    )


def read_moved(stores: Stores, before: TargetState, bot_ids: AbstractSet[str]) -> TargetState:
    """The world of now, if nothing but these bots is wanted otherwise than in the one before.

    All that was wanted there has to be readable, and only this process may change what is applied.
    Blocking. Raises StoreUnavailable.
    """
    known = replace(before.desired, bots=before.written)
    written = _without_reserved(stores.desired.read_moved(known, bot_ids), bot_ids)
    desired = stores.desired.effective_moved(written, before.desired, bot_ids)
    unwanted = {b for b in bot_ids if b in before.applied and b not in desired.bots}
    deleted = (before.deleted - bot_ids) | frozenset(_deleted(stores, unwanted))
    return replace(
        before,
        desired=desired,
        epoch=stores.applied.epoch(before.target),
        deleted=deleted,
        restoring=False,
        written=written.bots,
    )


def _without_reserved(desired: Desired, among: Iterable[str] | None = None) -> Desired:
    """Nobody can write such a bot any more; an older or foreign event log may have one."""
    wanted = desired.bots
    names = wanted if among is None else (name for name in among if name in wanted)
    reserved = {name for name in names if is_reserved(name, wanted[name].bot.name)}
    if not reserved:
        return desired
    bots = {bot_id: one for bot_id, one in wanted.items() if bot_id not in reserved}
    return replace(desired, bots=bots)


def _deleted(stores: Stores, bot_ids: Iterable[str]) -> Iterable[str]:
    """Those whose deletion is on record: it was checked when it was recorded.

    The names that are reserved by now are wanted by nobody either.
    """
    for bot_id in bot_ids:
        newest = stores.desired.history(bot_id, limit=1)
        bot = newest[0].bot if newest else None
        if newest and (bot is None or is_reserved(bot_id, bot.name)):
            yield bot_id
