"""The right to change a target while one command runs, as a daemon has it for its life."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from otto_reconcile.errors import Conflict, OttoError
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.leader import TTL as LEASE
from otto_reconcile.reconcile.leader import Leader
from otto_reconcile.reconcile.managing import BEAT, Managing
from otto_reconcile.reconcile.managing import TTL as MARK
from otto_reconcile.reconcile.session import LeaderAndManager
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.runtime.clock import Clock

_PATIENCE = max(LEASE, MARK) + 2.0
"""Seconds after which whoever has not let go is alive."""
_PAUSE = 1.0


@asynccontextmanager
async def in_charge(port: Port, stores: Stores, clock: Clock) -> AsyncIterator[LeaderAndManager]:
    """The lease in the store and the mark on the target, renewed until the end, then given back.

    Waits for one that a daemon has left behind which was killed. Raises Conflict if a daemon acts
    on the target, StoreUnavailable, TargetUnavailable or TargetRefused.
    """
    who = f"{socket.gethostname()}.{os.getpid()}"
    holder = f"{port.target} at {who} {secrets.token_hex(4)}"
    right = LeaderAndManager(
        Leader(stores.leases, port.target, holder, clock), Managing(port, clock, who)
    )
    try:
        await _take(right, clock)
        await asyncio.to_thread(stores.audit.close_open, port.target)
        renewing = asyncio.create_task(_renewing(right, clock), name="renewing")
        try:
            yield right
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
    finally:
        with suppress(OttoError):
            await right.managing.resign()
        await right.leader.resign()


async def _take(right: LeaderAndManager, clock: Clock) -> None:
    deadline = clock.monotonic() + _PATIENCE
    while True:
        other = await right.leader.renew()
        if other is None:
            other = await right.managing.renew()
        else:
            await right.managing.watch()  # the silence of its mark counts from now on too
        if other is None and right.held:
            return
        if clock.monotonic() >= deadline:
            raise Conflict(
                f"a daemon acts on this target, and makes these calls by itself: {other}",
                hint="stop it, or let it; a plan of an import is made with `diff -f`",
            )
        await clock.sleep(_PAUSE)


async def _renewing(right: LeaderAndManager, clock: Clock) -> None:
    """What cannot be renewed runs out by itself, and no call is made after that."""
    while True:
        await clock.sleep(BEAT)
        with suppress(OttoError):
            await right.leader.renew()
            await right.managing.renew()
