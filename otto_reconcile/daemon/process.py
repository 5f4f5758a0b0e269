"""The process of a daemon: takes the data directory, opens the store, and ends in order."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from otto_reconcile.daemon.assembly import Assembly
from otto_reconcile.daemon.elsewhere import connect
from otto_reconcile.daemon.embedded import Embedded
from otto_reconcile.daemon.first_import import FirstImport
from otto_reconcile.daemon.fleet import Fleet
from otto_reconcile.daemon.live import Bar, Live, Say, until
from otto_reconcile.daemon.shard import shard_of
from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.outbox import Outbox
from otto_reconcile.reconcile.heartbeat import BEAT
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.events import refuse_newer
from otto_reconcile.records.placements import Placements
from otto_reconcile.runtime import data_dir, logs
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.proxies import refuse_unreadable
from otto_reconcile.server import run_until_signalled
from otto_reconcile.settings import Settings, without_credentials
from otto_reconcile.store import open_store

SPREAD = (
    "the bots of this store are spread over several targets ({targets}), and this daemon makes all"
    " of them on its own: give it those `targets` too, or a store of its own"
)


def run(
    settings: Settings,
    *,
    prune_unmanaged: bool = False,
    say: Say = print,
    bar: Bar | None = None,
) -> int:
    """Runs until SIGINT or SIGTERM, and gives the exit code. `say` gets the summary for people.

    `bar` opens a progress bar where there is a terminal for one.

    Raises SettingsError, StoreUnavailable for a store that cannot be opened at all, and
    TargetUnavailable for an embedded Parlant that does not start.
    """
    started = time.monotonic()
    refuse_unreadable()  # Parlant's own clients would fail on it, each in its own words
    data_dir.prepare(settings.data_dir)
    with data_dir.owned(settings.data_dir) as other:
        if other is not None and not settings.is_elsewhere:
            raise SettingsError(
                f"a daemon (pid {other}) runs with the data directory {settings.data_dir} already",
                hint="stop it, or choose another --data-dir",
            )
        log = logs.configure(settings.log_format)
        nowhere = settings.ephemeral or other is not None
        lost = data_dir.loss_of(settings.data_dir)
        outbox = Outbox(None if nowhere else settings.data_dir, lost)
        stores = Stores.over(open_store(settings, lost))
        board = StatusBoard(settings.data_dir if other is None else None, lost)
        clock = SystemClock()
        told: list[str] = []
        reporter = Reporter(board, clock, log, lambda: (*outbox.unsaved(), *told))
        try:
            assembly = Assembly(
                settings,
                stores,
                outbox,
                reporter,
                clock,
                prune_unmanaged=prune_unmanaged,
                alone=other is None,
            )
            daemon = Daemon(assembly, Live(assembly, say, started, bar), told)
            code = run_until_signalled(daemon.main)
        finally:
            stores.store.close()
            board.withdraw()
        reporter.say("stopped")
        return code


class Daemon:
    """One run. Nothing here decides anything: it starts the parts, and ends them in order."""

    def __init__(self, assembly: Assembly, live: Live, told: list[str]) -> None:
        """`told` takes the warnings that stand until the end."""
        self._assembly, self._live, self._told = assembly, live, told
        self._settings, self._stores = assembly.settings, assembly.stores
        self._reporter, self._clock = assembly.reporter, assembly.clock
        status = self._reporter.board.status
        status.started = self._clock.now().isoformat(timespec="seconds")
        status.store.label = self._stores.store.label

    async def main(self, stopping: asyncio.Event) -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._live.on_hangup)
        if self._assembly.tools is not None:
            self._assembly.tools.check()
        await asyncio.to_thread(self._try_store)
        self._reporter.publish()
        jobs = self._assembly.jobs
        beating = asyncio.create_task(jobs.keep("heartbeat", self._beat), name="heartbeat")
        try:
            async with self._webhook():
                if self._settings.targets:
                    await self._several(stopping)
                elif self._settings.parlant_url is None:
                    await Embedded(self._assembly, self._live).serve(stopping)
                else:
                    await self._elsewhere(self._settings.parlant_url, stopping)
        finally:
            beating.cancel()
            if self._assembly.tools is not None:
                await self._assembly.tools.stop()
        return 0

    @asynccontextmanager
    async def _webhook(self) -> AsyncIterator[None]:
        """Hears of moved branches, if that is asked for."""
        port, secret = self._settings.webhook_port, self._settings.webhook_secret
        if port is None or secret is None:
            yield
            return
        from otto_reconcile.server.webhook import Webhook

        async with Webhook(secret, self._assembly.woken).listening(port) as url:
            self._reporter.board.status.webhook = url
            self._reporter.say("webhook listening", url=url)
            yield

    async def _beat(self) -> None:
        """Shows that the daemon lives also while it starts and restores, before its loop does."""
        while True:
            await self._clock.sleep(BEAT)
            self._reporter.publish()
            self._assembly.jobs.succeeded("heartbeat")

    def _try_store(self) -> None:
        try:
            self._stores.store.ping()
            refuse_newer(self._stores.store)
            self._look_for_a_fleet()
        except StoreUnavailable as error:
            self._reporter.store(error)
        else:
            self._reporter.store(None)

    def _look_for_a_fleet(self) -> None:
        """A daemon that knows nothing of other targets makes all bots on its own, once more."""
        settings = self._settings
        if settings.targets or settings.shard is not None:
            return
        targets = {one.target for one in Placements(self._stores.store).read().values()}
        if targets:
            self._told.append(SPREAD.format(targets=", ".join(sorted(targets))))

    async def _several(self, stopping: asyncio.Event) -> None:
        fleet = Fleet(self._assembly)
        await self._assembly.import_all()
        await self._live.run(fleet, stopping, self._reporter.board.status.target.label)

    async def _elsewhere(self, url: str, stopping: asyncio.Event) -> None:
        secrets = self._settings.headers, self._settings.bridge_token
        port, known, bridged = connect(url, *secrets, self._reporter, self._clock)
        holder, predecessors = self._assembly.next_holder()
        shard = shard_of(self._assembly, holder, predecessors)
        one_of = shard.one_of if shard is not None else None
        loop = self._assembly.loop(
            port, known, holder, predecessors, None, bridged=bridged, one_of=one_of
        )
        if self._assembly.tools is not None:
            await self._assembly.tools.prepare(self._settings.data_dir / "parlant")
        try:
            await self._assembly.host_tools(port, loop, {})
            first = None
            if bridged is not None and shard is None:
                # A bridge is heard, and its gate kept, while the loop runs.
                admission = bridged.admission
                first = FirstImport(self._assembly, lambda: admission.known)
            else:
                await self._assembly.import_all()
            if bridged is None and shard is None:
                await until(stopping, loop.restore())
            shown = without_credentials(url).rstrip("/")
            runs = loop if shard is None else shard.around(loop, shown)
            await self._live.run(runs, stopping, shown, first)
        finally:
            await port.close()
