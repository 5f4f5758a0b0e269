"""Which daemon is to act on which target, where several daemons have the same targets.

Each of them has a part of the targets by its name alone (`runtime.sharding`), as long as it shows
that it lives; the lease of each target still decides. A daemon that finds a target to be another
one's gives its lease back; one that is killed is succeeded once its beat and its leases have run
out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from otto_reconcile.errors import OttoError
from otto_reconcile.records.presence import Peer, Presence
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.runtime.sharding import rendezvous

BEAT = 3.0
"""Seconds between two beats."""


class Sharing:
    """One daemon's view; `changed` is called when other daemons have come or gone."""

    def __init__(
        self, presence: Presence, me: Peer, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self._presence, self._me, self._clock, self._changed = presence, me, clock, changed
        self._peers: tuple[Peer, ...] = (me,)

    @property
    def peers(self) -> tuple[Peer, ...]:
        """All daemons that live, this one included."""
        return self._peers

    @property
    def agreed(self) -> bool:
        """True if all of them would put every bot on the same target."""
        return all(peer.layout == self._me.layout for peer in self._peers)

    def owner(self, target: str) -> str:
        """The daemon that is to act on this target."""
        knowing = (peer.holder for peer in self._peers if target in peer.targets)
        return rendezvous(target, knowing) or self._me.holder

    async def beat(self) -> None:
        """Shows this daemon, and looks at the others. Raises StoreUnavailable."""
        peers = await asyncio.to_thread(self._presence.show)
        if peers != self._peers:
            self._peers = peers
            self._changed()

    async def keep(self, went_well: Callable[[], None]) -> None:
        """Beats forever. Raises StoreUnavailable."""
        while True:
            await self.beat()
            went_well()
            await self._clock.sleep(BEAT)

    async def leave(self) -> None:
        """Lets the others have the targets at once. Never raises."""
        with contextlib.suppress(OttoError):
            await asyncio.to_thread(self._presence.leave)
