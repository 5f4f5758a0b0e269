"""Processes that make a bot each through the service and say how far they are: to be killed.

python -m tests.otto.maker URL FOLDER     a line `here|away NAME` on its input starts one
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.loop import Loop
from otto_reconcile.otto.access import Access
from otto_reconcile.otto.service import OttoService
from otto_reconcile.outbox import Outbox
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.managing import TTL
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.reporter import WAITING, Reporter
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.runtime.logs import PlainLog
from otto_reconcile.store.sqlite import SQLiteStore
from tests.otto.shop import pasted
from tests.reconcile.fakes import FastClock


class Away:
    """A store that does not answer."""

    label, atomic = "nowhere", False

    def __getattr__(self, name: str) -> Any:
        def refuse(*args: Any, **options: Any) -> None:
            raise StoreUnavailable("the store does not answer")

        return refuse


class Shop:
    """All that a daemon has for Otto, beside a Parlant that goes on living."""

    def __init__(
        self, stores: Stores, outbox: Outbox, port: RestPort, access: Access = Access.ALL
    ) -> None:
        self.stores, self.outbox, self.port = stores, outbox, port
        clock = self.clock = FastClock(speed=1)
        self.reporter = Reporter(StatusBoard(None), clock, PlainLog(), outbox.unsaved)
        outage = Outage(outbox, stores, port, self.reporter, clock)
        session = TargetSession(port, stores, self.reporter, clock, holder="maker", outage=outage)
        self.loop = Loop(session)
        self.service = OttoService(
            self.loop, port, stores.desired, outbox, lambda: "http://parlant/chat/", access=access
        )

    async def make(self, spec: object, session: str = "session") -> dict[str, Any]:
        """A bot that a customer was shown and has said yes to."""
        await self.service.validate(spec, "", session, "shown")
        return await self.service.create(spec, session, "yes")


@asynccontextmanager
async def opened(
    url: str, folder: Path, store: Any = None, access: Access = Access.ALL
) -> AsyncIterator[Shop]:
    """With `store` None the file in the folder."""
    kept = store or SQLiteStore(folder / "otto.db")
    port = RestPort.over_http(url)
    try:
        shop = Shop(Stores.over(kept), Outbox(folder), port, access)
        await shop.loop.restore()
        if shop.reporter.board.status.target.state == WAITING:
            # The one before was killed: its mark on the server stands still from now on.
            shop.clock.ahead += 2 * TTL
            await shop.loop.restore()
        yield shop
    finally:
        await port.close()
        kept.close() if store is None else None


async def make(url: str, folder: Path, store: str, name: str) -> None:
    async with opened(url, folder, Away() if store == "away" else None) as shop:
        print(f"begun {os.getpid()}", flush=True)
        reply = await shop.make(pasted(name))
        print("answered" if reply["ok"] else reply, flush=True)


def main(url: str, folder: Path) -> None:
    """Each maker is a fork, which saves it the imports; says `ended` when one is gone."""
    for line in sys.stdin:
        store, name = line.rstrip("\n").split(" ", 1)
        if child := os.fork():
            os.waitpid(child, 0)
            print("ended", flush=True)
            continue
        try:
            asyncio.run(make(url, folder, store, name))
        finally:
            os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
