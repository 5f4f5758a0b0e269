"""Which daemon is to act on which target, where several daemons have the same targets.

Each of them has an even part of the targets, by the names alone (`runtime.sharding`), as long as it
shows that it lives; the lease of each target still decides. A daemon that finds a target to be
another one's gives its lease back; one that is killed is succeeded once its beat and its leases
have run out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import lru_cache

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
        return shared_out(self._peers).get(target, self._me.holder)

    def twins(self, target: str) -> list[str]:
        """Other daemons that have a target of this name, for one that only one daemon may have."""
        return [peer.holder for peer in self._peers if target in peer.targets and peer != self._me]

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


@lru_cache(maxsize=8)
def shared_out(peers: tuple[Peer, ...]) -> Mapping[str, str]:
    """Which daemon has which target: each the one with the largest weight for it, as long as none
    has more than its part (consistent hashing with bounded loads; Mirrokni et al., 2016)."""
    names = sorted({name for peer in peers for name in peer.targets})
    most = -(-len(names) // len(peers)) if peers else 0
    parts = dict.fromkeys((peer.holder for peer in peers), 0)
    owners = dict[str, str]()
    for name in names:
        knowing = [peer.holder for peer in peers if name in peer.targets]
        free = [holder for holder in knowing if parts[holder] < most] or knowing
        holder = rendezvous(name, free) or free[0]
        owners[name] = holder
        parts[holder] += 1
    return owners
