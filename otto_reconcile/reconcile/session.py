"""One target: who may change it, what is known of it, and which of its bots are to be looked at."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Collection, Container, Iterable
from dataclasses import dataclass

from otto_reconcile.model import Ref
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.admission import Admission
from otto_reconcile.reconcile.cache import TargetCache
from otto_reconcile.reconcile.last_used import LastUsed
from otto_reconcile.reconcile.leader import Leader
from otto_reconcile.reconcile.managing import Managing
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.wanted import Wanted
from otto_reconcile.reconcile.workqueue import URGENT, WorkQueue
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.runtime.selecting import Selector

_UNANSWERED = 1.0
"""Seconds between two looks at whether a request can still be answered."""


@dataclass(frozen=True)
class LeaderAndManager:
    """The right of the one that leads among those of its store, and among all on the target."""

    leader: Leader
    managing: Managing

    @property
    def held(self) -> bool:
        return self.leader.leading and self.managing.held

    @property
    def token(self) -> int | None:
        return self.leader.token

    def lose(self) -> None:
        self.leader.overtaken()


class TargetSession:
    """What all parts of one target's loop share. It decides nothing and calls none of them.

    `holder` names this process in the lease; `predecessors` are holders that are surely dead. Bots
    in `take_over` may replace agents that were never ours. Bots that `selector` does not fit are
    left as they are. `wanted` gives those that are wanted on this target; None is all of the store.
    `owner` names another daemon that is to act on the target, see `leader`. `outage` keeps what is
    wanted while the store is away; None refuses it then. `admission` has the bots that are still to
    come back in this life of the target, `last_used` when customers wrote to each.
    """

    def __init__(
        self,
        port: Port,
        stores: Stores,
        reporter: Reporter,
        clock: Clock,
        *,
        holder: str,
        predecessors: Collection[str] = (),
        take_over: Container[str] = frozenset(),
        selector: Selector | None = None,
        wanted: Wanted | None = None,
        owner: Callable[[], str | None] | None = None,
        outage: Outage | None = None,
        admission: Admission | None = None,
        last_used: LastUsed | None = None,
    ) -> None:
        self.port, self.stores, self.reporter, self.clock = port, stores, reporter, clock
        self.outage = outage
        self.leader = Leader(stores.leases, port.target, holder, clock, predecessors, owner)
        who = f"{socket.gethostname()}.{os.getpid()}"
        self.managing = Managing(port, clock, who, holder, predecessors)
        self.right = LeaderAndManager(self.leader, self.managing)
        self.remembered = Remembered(reporter.board.folder, stores.store)
        self.cache = TargetCache(stores, port, self.remembered, take_over, selector, wanted)
        self.queue = WorkQueue(clock)
        self.last_used = last_used or LastUsed(None, clock)
        self.admission = admission or Admission()
        self.admission.demand = lambda bot_id: self.ask_for([bot_id], "a customer waits")
        self.preparing: Callable[[], Awaitable[None]] | None = None
        """What has to be done, once this daemon leads, before anything is decided by what it reads.
        Raises StoreUnavailable."""
        self.turn = asyncio.Lock()
        """Held for changes of the target, which are made by one at a time."""

    @property
    def leading(self) -> bool:
        """True if this daemon alone acts: among those of its store, and among all on the target."""
        return self.right.held

    @property
    def may_act(self) -> bool:
        """True if bots may be looked at now: this daemon leads, and knows what is wanted."""
        known = self.cache.world is not None
        behind = self.outage is not None and self.outage.is_behind
        ready = known and not behind and self.preparing is None
        return ready and self.leading and self.reporter.target_up

    async def prepare(self) -> None:
        """Does once what is to be done first, if this daemon leads. Raises StoreUnavailable."""
        if self.preparing is not None and self.leader.leading:
            await self.preparing()
            self.preparing = None

    @property
    def settled(self) -> list[str]:
        """Every bot but those that a restore is about to look at."""
        restoring = self.cache.world is not None and self.cache.world.restoring
        left = self.admission.left if restoring else frozenset()
        return [bot_id for bot_id in self.cache.bot_ids if bot_id not in left]

    def enqueue(
        self,
        bot_ids: Iterable[str],
        reason: str,
        priority: int,
        parts: frozenset[Ref] | None = None,
    ) -> None:
        """Asks for a look at each of them, or at these parts of it."""
        run_id, world = uuid.uuid4().hex[:8], self.cache.world
        wanted = world.written if world is not None else {}
        for bot_id in bot_ids:
            wave = wanted[bot_id].bot.wave if bot_id in wanted else None
            self.queue.add(bot_id, reason, run_id=run_id, priority=priority, wave=wave, parts=parts)

    def ask_for(
        self, bot_ids: Iterable[str], reason: str, parts: frozenset[Ref] | None = None
    ) -> None:
        """Asks for a look at those of them that are ours, at once, or at these parts of them."""
        self.enqueue(filter(self.cache.knows, bot_ids), reason, URGENT, parts)

    async def recreate(self, bot_id: str, refs: frozenset[Ref], run_id: str) -> None:
        """Asks for a look that makes these parts again, and waits for it while there can be one."""
        answer = self.queue.ask(bot_id, "evaluated", run_id=run_id, recreate=refs)
        while not answer.done() and self.may_act:
            await asyncio.wait({answer}, timeout=_UNANSWERED)
