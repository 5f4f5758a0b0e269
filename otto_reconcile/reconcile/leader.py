"""Who may act on a target: the holder of its lease, as long as it was surely renewed in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Protocol

from otto_reconcile.errors import OttoError
from otto_reconcile.records.leases import Lease, Leases
from otto_reconcile.runtime.clock import Clock

TTL = 15.0
"""Seconds that a lease lasts in the store."""
SURE = 0.8
"""The part of it for which its holder trusts it: a stopped process finds out when it goes on."""


LEAVING = 2.0
"""Seconds that whoever gives the lease back waits for a renewal that is under way."""


class Right(Protocol):
    """The right to change a target: asked before each call, and at each write."""

    @property
    def held(self) -> bool:
        """True as long as nobody else may change it."""
        ...

    @property
    def token(self) -> int | None:
        """The fencing token under which is written; None writes without one."""
        ...

    def lose(self) -> None:
        """The store has seen a later token: what is on the target is the later leader's to know."""
        ...


class Undisputed:
    """The right of a process that is alone."""

    held = True
    token: int | None = None

    def lose(self) -> None:
        """There is nobody to lose it to."""


class Leader:
    """`predecessors` are holders that are surely dead: they are not waited for.

    `owner` names the daemon that is to act on the target, where that is another one that lives: it
    gets the lease as soon as it asks. None where it is this one.
    """

    def __init__(
        self,
        leases: Leases,
        target: str,
        holder: str,
        clock: Clock,
        predecessors: Collection[str] = (),
        owner: Callable[[], str | None] | None = None,
    ) -> None:
        self._owner = owner or (lambda: None)
        self._predecessors = frozenset(predecessors)
        self._leases, self._target, self._holder, self._clock = leases, target, holder, clock
        self._lease: Lease | None = None
        self._until = float("-inf")
        self._last: int | None = None
        self._renewal: asyncio.Task[str | None] | None = None

    @property
    def leading(self) -> bool:
        return self._clock.monotonic() < self._until

    @property
    def token(self) -> int | None:
        """The fencing token of the lease that is held or was held last; None before the first."""
        return self._lease.token if self._lease is not None else self._last

    def overtaken(self) -> None:
        """The store has seen a later lease than this one: nothing may be done under it any more."""
        self._lease, self._until = None, float("-inf")

    async def move(self, target: str) -> None:
        """Gives the lease back; from now on that of another target counts."""
        await self.resign()
        self._target, self._last = target, None

    @property
    def owner(self) -> str | None:
        """Another daemon, if that is to act on the target."""
        return self._owner()

    @property
    def pause(self) -> float:
        """Seconds until `renew` should be called again."""
        return TTL / 3 if self.leading else 1.0

    async def renew(self) -> str | None:
        """Takes or renews the lease; gives the holder's name if that is another.

        A renewal that is under way is waited for: two at once would take the lease from each
        other. One whose caller is cancelled goes on. Raises StoreUnavailable; what was held is then
        trusted until its time is up.
        """
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="renewal")
            self._renewal.add_done_callback(_retrieve)
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> str | None:
        if (owner := self._owner()) is not None:
            await self._give_back()
            # Looked at all the same, so that its silence is measured from now on.
            await asyncio.to_thread(self._leases.current, self._target)
            return owner
        asked = self._clock.monotonic()
        lease = await asyncio.to_thread(self._renewed)
        if lease is not None and lease.target != self._target:
            return None  # it was moved meanwhile
        self._lease = lease
        if lease is not None:
            self._last, self._until = lease.token, asked + TTL * SURE
            return None
        self._until = float("-inf")
        current = await asyncio.to_thread(self._leases.current, self._target)
        return current.holder if current is not None else "another daemon"

    def _renewed(self) -> Lease | None:
        if self._lease is not None:
            renewed = self._leases.renew(self._lease, TTL)
            if renewed is not None:
                return renewed
        if self._predecessors:
            last = self._leases.current(self._target)
            if last is not None and last.holder in self._predecessors:
                self._leases.release(last)
            self._predecessors = frozenset()
        return self._leases.acquire(self._target, self._holder, TTL)

    async def resign(self) -> None:
        """Gives the lease back, so that another need not wait for it. Never raises."""
        if self._renewal is not None:  # what it takes is to be given back as well
            await asyncio.wait({self._renewal}, timeout=LEAVING)
        with contextlib.suppress(OttoError):
            await self._give_back()

    async def _give_back(self) -> None:
        lease, self._lease, self._until = self._lease, None, float("-inf")
        if lease is not None:
            await asyncio.to_thread(self._leases.release, lease)


def _retrieve(renewal: asyncio.Task[str | None]) -> None:
    """An error that nobody waits for any more is not worth a word: the next renewal has its own."""
    if not renewal.cancelled():
        renewal.exception()
