"""Which daemons share the targets of a store just now, and whether they mean the same targets.

Each counts up a beat of its own. A reader takes one for gone whose beat has stood still for `TTL`
seconds by the reader's own clock, so that no two clocks are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from otto_reconcile.store.base import Store

COLLECTION = "daemons"
TTL = 15.0


@dataclass(frozen=True, slots=True)
class Peer:
    """`holder` is the daemon's name in its leases, `targets` are the names of those that it knows.

    Daemons of the same `layout` would put every bot on the same target.
    """

    holder: str
    layout: str
    targets: frozenset[str]


class Presence:
    """One daemon's. Its methods block, and raise StoreUnavailable."""

    def __init__(
        self,
        store: Store,
        me: Peer,
        predecessors: Collection[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._me, self._monotonic = store, me, monotonic
        self._beat = 0
        self._dead = frozenset(predecessors)  # holders that are surely gone
        self._seen: dict[str, tuple[object, float]] = {}  # by holder: the beat, and since when

    def show(self) -> tuple[Peer, ...]:
        """Says that this daemon lives; gives all that do, itself included, by their holders.

        One that was seen now for the first time counts: it may be alive.
        """
        self._beat += 1
        me = {"holder": self._me.holder, "layout": self._me.layout, "beat": self._beat}
        self._store.put(COLLECTION, [{**me, "targets": sorted(self._me.targets)}])
        now, peers = self._monotonic(), [self._me]
        for found in self._store.find(COLLECTION):
            holder, layout, beat = (found.get(name) for name in ("holder", "layout", "beat"))
            if holder == self._me.holder or not isinstance(holder, str):
                continue
            before, since = self._seen.get(holder, (None, now))
            if before != beat:
                since = now
            self._seen[holder] = (beat, since)
            if now - since < TTL and holder not in self._dead:
                targets = found.get("targets")
                names = map(str, targets if isinstance(targets, list) else ())
                peers.append(Peer(holder, str(layout), frozenset(names)))
            else:
                self._bury(holder, beat)
        return tuple(sorted(peers, key=lambda peer: peer.holder))

    def leave(self) -> None:
        """This daemon ends."""
        self._store.delete(COLLECTION, {"holder": self._me.holder})

    def _bury(self, holder: str, beat: object) -> None:
        """Takes away what a dead daemon has left; one that was only stopped sets it anew."""
        self._store.delete(COLLECTION, {"holder": holder, "beat": beat})
