"""Tells one life of a target from the next: by a canary that does not survive a restart."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from enum import StrEnum

from otto_reconcile.applied import Epoch
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.clock import Clock
from otto_reconcile.reconcile.world import Stores, World

PREFIX = "otto-canary-"


class Life(StrEnum):
    SAME = "same"
    CANARY_LOST = "canary lost"  # the tag is gone; all our agents are there (again, it may be)
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Found:
    """What the canary told, and the agents that were listed if it was not there."""

    life: Life
    present: frozenset[str] = frozenset()


async def restarted(port: Port, world: World) -> bool:
    """True if the target's life is not the one in `world`; asks, and changes nothing."""
    return world.epoch is None or not await port.has_canary(world.epoch.name)


async def ensure(port: Port, stores: Stores, world: World, clock: Clock) -> Found:
    """Looks for the canary, and where it is gone records a new epoch and sets a new one.

    The epoch is recorded before the canary is set: a crash in between makes one more restore,
    never one less. Raises TargetUnavailable, TargetRefused or StoreUnavailable.
    """
    if not await restarted(port, world):
        return Found(Life.SAME)
    present = frozenset(agent.key for agent in await port.list_agents())
    ours = world.agents
    if world.epoch is not None and ours and ours <= present:
        await port.set_canary(world.epoch.name)
        return Found(Life.CANARY_LOST, present)
    epoch = Epoch(f"{PREFIX}{secrets.token_hex(6)}", clock.now())
    await asyncio.to_thread(stores.applied.begin_epoch, world.target, epoch)
    await port.set_canary(epoch.name)
    world.epoch = epoch
    return Found(Life.NEW, present)
