"""A bot on a real Parlant server, with the command that looks at it and what a daemon does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.reading import read
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.audit import Record
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.store.collections import COLLECTIONS
from otto_reconcile.store.sqlite import SQLiteStore
from tests.cli.command import Done, Otto
from tests.parlant_server.rest import Rest


@dataclass
class Desk:
    """The bot `desk` on a real server: `diff` looks, `converge` does, `rest` harms."""

    otto: Otto
    url: str
    rest: Rest

    async def diff(self, *arguments: object, stdin: str = "") -> Done:
        words = ("diff", "--parlant-url", self.url, *arguments)
        return await asyncio.to_thread(self.otto, *words, stdin=stdin)

    async def apply(self, text: str) -> None:
        done = await asyncio.to_thread(self.otto, "apply", "-f", "-", stdin=text)
        assert done.code == 0, done.err

    @asynccontextmanager
    async def stores(self) -> AsyncIterator[Stores]:
        store = SQLiteStore(self.otto.folder / ".otto" / "otto.db")
        yield Stores.over(store)
        store.close()

    async def converge(self, *, prune_unmanaged: bool = False) -> list[Record]:
        """What the daemon does in one round; gives what it recorded."""
        port, clock = RestPort.over_http(self.url), SystemClock()
        async with self.stores() as stores:
            world = read(stores, port.target)
            await epoch.ensure(port, stores, world, clock)
            reconciler = Reconciler(port, stores, clock)
            run_id = str(clock.now())
            options = {"prune_unmanaged": prune_unmanaged}
            await reconciler.look(world, world.bot_ids, run_id, **options)
            await port.close()
            return stores.audit.find(run_id=run_id)

    async def everything(self) -> Any:
        """All that the store and the server hold."""
        async with self.stores() as stores:
            kept = {name: stores.store.find(name) for name in COLLECTIONS}
        paths = ("agents", "guidelines", "journeys", "terms", "tags", "relationships")
        return kept, [await self.rest.get(f"/{path}") for path in paths]
