"""One Parlant that has one of several equal parts of all bots; other daemons have the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import asdict

from otto_reconcile.daemon.assembly import Assembly, OneOfSeveral
from otto_reconcile.daemon.live import Runs
from otto_reconcile.daemon.spreading import Spreading
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.runtime.sharding import Shard
from otto_reconcile.settings import TargetSettings

JOB = "sharding"
PUBLISH = 0.5
"""Seconds between two looks at what moves, for the status."""


class ShardOf:
    """Of one life of a daemon's target; `holder` is what the daemon is called in its lease."""

    def __init__(
        self, assembly: Assembly, shard: Shard, holder: str, predecessors: Collection[str]
    ) -> None:
        self._assembly, self._shard, self._name = assembly, shard, f"shard-{shard.number}"
        self._holder = holder
        target = TargetSettings(self._name, "", shard=shard)
        self.spreading = Spreading(assembly, [target], holder, predecessors, leads=lambda: True)

    @property
    def one_of(self) -> OneOfSeveral:
        """What its loop needs."""
        reporter, used = self._assembly.reporter, self._assembly.last_used
        return self.spreading.one_of(self._name, reporter, used, self._twin)

    def _twin(self) -> str | None:
        """Another daemon with the same shard, if that is to act: else each bot would be on both."""
        other = min(self.spreading.sharing.twins(self._name), default=self._holder)
        return f"{other}, a daemon with the same shard," if other < self._holder else None

    def _missing(self) -> list[str]:
        """The shards that no daemon has, as far as daemons of this store can see each other."""
        sharing = self.spreading.sharing
        if self._assembly.stores.store.label.startswith(("SQLite", "memory")) or not sharing.agreed:
            return []
        there = {name for peer in sharing.peers for name in peer.targets}
        numbers = range(1, self._shard.of + 1)
        return [f"{n}/{self._shard.of}" for n in numbers if f"shard-{n}" not in there]

    def around(self, loop: Runs, url: str) -> Runs:
        """The loop with what it needs beside it; `url` is where its Parlant is reached."""
        self.spreading.urls = {self._name: url}
        return _Around(self, loop, self._assembly.jobs)

    async def publish(self) -> None:
        """Keeps the status up to date about other shards, forever."""
        assembly, sharing = self._assembly, self.spreading.sharing
        while True:
            assembly.reporter.board.status.fleet = {
                "shard": str(self._shard),
                "moves": [asdict(move) for move in self.spreading.shared.moves],
                "daemons": [peer.holder for peer in sharing.peers],
                "agreed": sharing.agreed,
                "missing": self._missing(),
                "clashes": dict.fromkeys(sharing.twins(self._name), self._name),
            }
            assembly.jobs.succeeded(JOB)
            await assembly.clock.sleep(PUBLISH)


def shard_of(assembly: Assembly, holder: str, predecessors: Collection[str]) -> ShardOf | None:
    """None where the target has all bots."""
    shard = assembly.settings.shard
    return ShardOf(assembly, shard, holder, predecessors) if shard is not None else None


class _Around:
    def __init__(self, shard: ShardOf, loop: Runs, jobs: Jobs) -> None:
        self._shard, self._loop, self._jobs = shard, loop, jobs

    def poke(self, reason: str) -> None:
        self._shard.spreading.read_all()
        self._loop.poke(reason)

    async def run(self, stopping: asyncio.Event) -> None:
        async with self._shard.spreading.running():
            telling = asyncio.create_task(self._jobs.keep(JOB, self._shard.publish), name=JOB)
            try:
                await self._loop.run(stopping)
            finally:
                telling.cancel()
