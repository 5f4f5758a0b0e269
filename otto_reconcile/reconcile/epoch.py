"""Tells one life of a target from the next: by a canary that does not survive a restart."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from otto_reconcile.errors import OttoError
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Epoch
from otto_reconcile.runtime.clock import Clock

PREFIX = "otto-canary-"


class EpochChange(StrEnum):
    SAME = "same"
    CANARY_LOST = "canary lost"  # the tag is gone; all our agents are there (again, it may be)
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Found:
    """What the canary told, and the agents that were listed if it was not there."""

    life: EpochChange
    present: frozenset[str] = frozenset()


async def identity(port: Port, stores: Stores) -> str:
    """The name under which the server that answers is kept in the store, whatever its URL is now.

    A canary on it that the store knows tells it; of several (it was taken for several targets
    once) the oldest counts. Without one it is what the port calls it, and so it is where the store
    has something that was applied there under such a canary: its record may be lost. Raises
    TargetUnavailable, TargetRefused or StoreUnavailable.
    """
    names = await port.marks((PREFIX,))
    if not names or await asyncio.to_thread(stores.applied.lives, port.target) & names.keys():
        return port.target
    epochs = await asyncio.to_thread(stores.applied.epochs)
    known = [(epoch.started, target) for target, epoch in epochs.items() if epoch.name in names]
    return min(known)[1] if known else port.target


async def is_strange(port: Port, stores: Stores) -> bool:
    """True if the server bears canaries and the store knows of none at all. Raises as above."""
    if not await port.marks((PREFIX,)):
        return False
    return not await asyncio.to_thread(stores.applied.epochs)


async def restarted(port: Port, world: TargetState) -> bool:
    """True if the target's life is not the one in `world`; asks, and changes nothing."""
    return world.epoch is None or not await port.has_canary(world.epoch.name)


def is_canary_lost(world: TargetState, present: Collection[str]) -> bool:
    """True if all agents that we put on the target are there, though the canary is not."""
    return world.epoch is not None and bool(world.agents) and world.agents <= set(present)


async def ensure(port: Port, stores: Stores, world: TargetState, clock: Clock) -> Found:
    """Looks for the canary, and where it is gone records a new epoch and sets a new one.

    The epoch is recorded before the canary is set: a crash in between makes one more restore,
    never one less. Where the canary is lost and all our agents are there, somebody deleted it, or
    another server with agents of these ids answers now: the new epoch continues the last one, but
    what differs there is ours only once somebody says so.

    Raises TargetUnavailable, TargetRefused or StoreUnavailable.
    """
    if not await restarted(port, world) or await _recalled(port, stores, world, clock):
        return Found(EpochChange.SAME)
    present = frozenset(agent.key for agent in await port.list_agents())
    lost = is_canary_lost(world, present)
    if lost and port.inside and world.epoch is not None:  # nobody can have exchanged this process
        await port.set_canary(world.epoch.name)
        return Found(EpochChange.CANARY_LOST, present)
    before = world.epoch.name if lost and world.epoch is not None else None
    former = world.epoch.names() if world.epoch is not None else ()
    name = f"{PREFIX}{secrets.token_hex(6)}"
    epoch = Epoch(name, clock.now(), before, watched=True, former=former)
    await asyncio.to_thread(stores.applied.begin_epoch, world.target, epoch)
    await port.set_canary(epoch.name)
    await _clear(port, former)
    world.epoch = epoch
    return Found(EpochChange.CANARY_LOST if lost else EpochChange.NEW, present)


async def _recalled(port: Port, stores: Stores, world: TargetState, clock: Clock) -> bool:
    """True if the record of the epoch was lost, and what was applied in it tells its canary."""
    if world.epoch is not None:
        return False
    lives = {life for one in world.applied.values() for life in (one.epoch, one.begun) if life}
    names = sorted(lives & (await port.marks((PREFIX,))).keys()) if lives else ()
    if not names:
        return False
    epoch = Epoch(names[0], clock.now(), watched=True)
    await asyncio.to_thread(stores.applied.begin_epoch, world.target, epoch)
    world.epoch = epoch
    return True


async def _clear(port: Port, former: Collection[str]) -> None:
    """Takes our own former canaries off a server that was away behind another one meanwhile.

    Those of other stores stay: nobody here knows whether somebody looks for them.
    """
    if not former:
        return
    with suppress(OttoError):  # the new canary is set: what is left now goes another time
        for name, tag_id in (await port.marks((PREFIX,))).items():
            if name in former:
                await port.drop_mark(tag_id)
