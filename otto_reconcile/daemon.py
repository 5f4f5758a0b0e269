"""The daemon: puts store, target, loop and the watched folder together, for the command `run`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.loop import Loop
from otto_reconcile.outbox import Outbox
from otto_reconcile.port.base import Evaluator, Port
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler, Mode
from otto_reconcile.reconcile.extension import Extension
from otto_reconcile.reconcile.heartbeat import BEAT
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.reporter import UNAVAILABLE, Reporter
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.summary import looked_at, summary
from otto_reconcile.records.events import refuse_newer
from otto_reconcile.runtime import data_dir, logs
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.proxies import refuse_unreadable
from otto_reconcile.server import EmbeddedServer, Touched, nlp, run_until_signalled
from otto_reconcile.server.local_tools import LocalTools
from otto_reconcile.server.metering import Meter
from otto_reconcile.server.model_watch import JOB, ModelWatch
from otto_reconcile.server.sdk_canned import CannedMaker
from otto_reconcile.server.sdk_journeys import JourneyMaker
from otto_reconcile.server.sdk_relationships import Relating
from otto_reconcile.settings import Settings, actor, without_credentials
from otto_reconcile.sources.folder import Folder
from otto_reconcile.store import open_store

if TYPE_CHECKING:
    from fastapi import FastAPI

Say = Callable[[str], None]

FIRST_LOOKS = 10.0
"""Seconds that the summary waits for the first look at every bot."""
NO_MODEL = "no language model"
NO_MODEL_NOW = "no language model at the moment"
"""Why nothing is evaluated where there is none."""
ANSWER_WITHIN = 60.0
"""Seconds that a start waits for a model that was found to be there a moment ago, at least."""


def run(settings: Settings, *, prune_unmanaged: bool = False, say: Say = print) -> int:
    """Runs until SIGINT or SIGTERM, and gives the exit code. `say` gets the summary for people.

    Raises SettingsError, StoreUnavailable for a store that cannot be opened at all, and
    TargetUnavailable for an embedded Parlant that does not start.
    """
    started = time.monotonic()
    refuse_unreadable()  # Parlant's own clients would fail on it, each in its own words
    data_dir.prepare(settings.data_dir)
    with data_dir.owned(settings.data_dir) as other:
        if other is not None and settings.parlant_url is None:
            raise SettingsError(
                f"a daemon (pid {other}) runs with the data directory {settings.data_dir} already",
                hint="stop it, or choose another --data-dir",
            )
        log = logs.configure(settings.log_format)
        nowhere = settings.ephemeral or other is not None
        lost = data_dir.loss_of(settings.data_dir)
        journal = Outbox(None if nowhere else settings.data_dir, lost)
        stores = Stores.over(open_store(settings, lost))
        board = StatusBoard(settings.data_dir if other is None else None, lost)
        reporter = Reporter(board, SystemClock(), log)
        try:
            daemon = Daemon(settings, stores, journal, reporter, say, started, prune_unmanaged)
            code = run_until_signalled(daemon.main)
        finally:
            stores.store.close()
            board.withdraw()
        reporter.say("stopped")
        return code


class Daemon:
    """One run. Nothing here decides anything: it starts the parts, and ends them in order."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        journal: Outbox,
        reporter: Reporter,
        say: Say,
        started: float,
        prune_unmanaged: bool,
    ) -> None:
        self._settings, self._stores, self._reporter, self._say = settings, stores, reporter, say
        self._journal, self._started, self._prune = journal, started, prune_unmanaged
        self._clock = SystemClock()
        self._jobs = Jobs(reporter, self._clock)
        self._again, self._restarting = False, False
        self._model = ModelWatch(settings.nlp, reporter, self._clock, self._jobs)
        self._folder = Folder(settings.manifests, stores, reporter, self._clock, actor(os.environ))
        self._tools = LocalTools(settings.tools, reporter, self._clock) if settings.tools else None
        self._hung_up: Callable[[], None] = lambda: None  # before the loop runs, all is looked at
        status = reporter.board.status
        status.started = self._clock.now().isoformat(timespec="seconds")
        status.store.label = stores.store.label

    async def main(self, stopping: asyncio.Event) -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)
        if self._tools is not None:
            self._tools.check()
        await asyncio.to_thread(self._try_store)
        self._reporter.publish()
        beating = asyncio.create_task(self._jobs.keep("heartbeat", self._beat), name="heartbeat")
        try:
            if self._settings.parlant_url is None:
                await self._embedded(stopping)
            else:
                await self._elsewhere(self._settings.parlant_url, stopping)
        finally:
            beating.cancel()
            if self._tools is not None:
                await self._tools.stop()
        return 0

    async def _beat(self) -> None:
        """Shows that the daemon lives also while it starts and restores, before its loop does."""
        while True:
            await self._clock.sleep(BEAT)
            self._reporter.publish()
            self._jobs.succeeded("heartbeat")

    def _try_store(self) -> None:
        try:
            self._stores.store.ping()
            refuse_newer(self._stores.store)
        except StoreUnavailable as error:
            self._reporter.store(error)
        else:
            self._reporter.store(None)

    async def _elsewhere(self, url: str, stopping: asyncio.Event) -> None:
        port = RestPort.over_http(url, headers=self._settings.headers)
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        loop = self._loop(port, holder, (), None)
        if self._tools is not None:
            await self._tools.prepare(self._settings.data_dir / "parlant")
        try:
            await self._host_tools(port, loop, {})
            await self._folder.import_now()
            await _until(stopping, loop.restore())
            await self._live(loop, stopping, without_credentials(url).rstrip("/"))
        finally:
            await port.close()

    async def _embedded(self, stopping: asyncio.Event) -> None:
        """One life of Parlant after another, each after the first because the model has come."""
        port, model_within = self._settings.port, None
        target = f"embedded:{data_dir.instance(self._settings.data_dir)}"
        while (server := await self._life(stopping, target, port, model_within)) is not None:
            port, model_within = server.port, max(ANSWER_WITHIN, 3 * self._model.took)
            self._restarting = True

    async def _life(
        self, stopping: asyncio.Event, target: str, number: int, model_within: float | None
    ) -> EmbeddedServer | None:
        """Serves; gives the server if it ended to be started anew with its language model."""
        holder, predecessors = data_dir.next_holder(self._settings.data_dir, target)
        made: list[Loop] = []
        meter = Meter()
        self._reporter.board.usage = meter.to_document

        def noticed(touched: Touched) -> None:
            owner = touched.bot_id or made[0].owner_of(touched.kind, touched.id)
            if owner is not None or touched.kind != "customer":  # most customers are not ours
                made[0].stirred(owner, touched.kind)

        server = EmbeddedServer(
            home=self._settings.data_dir / "parlant",
            port=number,
            nlp=self._settings.nlp,
            on_change=noticed,
            meter=meter,
            model_within=model_within,
        )

        async def prepare(app: FastAPI, sdk: Any) -> None:
            self._reporter.say("Parlant created", stores="default")
            self._model.tell(server)
            port = RestPort.over_asgi(app, target=target, headers=server.changes.headers)
            port.host_journeys(JourneyMaker(sdk))
            port.host_canned(CannedMaker(sdk))
            port.host_relations(Relating(sdk))
            made.append(self._loop(port, holder, predecessors, meter, server.model_away))
            await self._host_tools(port, made[0], {"server": sdk, "container": sdk.container})
            await self._make_otto(sdk, made[0], port, server)
            await self._folder.import_now()  # not before: a run that cannot start wants nothing new
            await made[0].restore()

        return await self._host(server, asyncio.create_task(server.serve(prepare)), made, stopping)

    async def _await_model(self, server: EmbeddedServer, over: asyncio.Event) -> None:
        """Ends this life of Parlant once the model that was away is there."""
        if await self._model.wait(server, over):
            self._again = True
            over.set()

    async def _host_tools(self, port: RestPort, loop: Loop, data: Mapping[str, Any]) -> None:
        """Before the restore, so that it finds them there."""
        tools = self._tools
        if tools is None:
            return
        url = await tools.start(data)
        await port.host_tools(url, tools.names)

        async def changed() -> None:
            await port.host_tools(url, tools.names)
            loop.poke("tools")

        tools.follow(changed)

    async def _make_otto(self, sdk: Any, loop: Loop, port: Port, server: EmbeddedServer) -> None:
        from otto_reconcile.otto import agent
        from otto_reconcile.otto.access import Access
        from otto_reconcile.otto.service import OttoService

        settings = self._settings
        access = Access(settings.otto_access)
        if access is Access.OFF:
            return
        workshop = OttoService(
            loop,
            port,
            self._stores.desired,
            self._journal,
            lambda: server.chat_url,
            access=access,
            ephemeral=settings.ephemeral,
        )
        await agent.make(sdk, workshop)
        self._reporter.say("Otto created", id=agent.ID)

    async def _host(
        self,
        server: EmbeddedServer,
        serving: asyncio.Task[None],
        made: list[Loop],
        stopping: asyncio.Event,
    ) -> EmbeddedServer | None:
        """Runs the loop while the server serves; the end of either is the end of both.

        Gives the server if it ended because its language model has come.
        """
        over = asyncio.Event()
        self._again = False
        serving.add_done_callback(lambda task: over.set())
        asked = asyncio.create_task(_relay(stopping, over))
        await _until(over, server.ready.wait())
        if server.ready.is_set() and not over.is_set():
            kept = self._jobs.keep(JOB, lambda: self._await_model(server, over))
            trying = asyncio.create_task(kept, name="language-model")
            await self._live(made[0], over, server.url)
            trying.cancel()
        asked.cancel()
        await server.stop()
        await serving
        if not self._again or stopping.is_set():
            return None
        if self._tools is not None:
            await self._tools.stop()
        self._reporter.target(UNAVAILABLE, "Parlant is started again with its language model")
        self._reporter.publish()
        return server

    def _loop(
        self,
        port: RestPort,
        holder: str,
        predecessors: Collection[str],
        meter: Meter | None,
        model_away: str | None = None,
    ) -> Loop:
        """`meter` counts what the embedded server's model costs; None means a server elsewhere."""
        session = TargetSession(
            port,
            self._stores,
            self._reporter,
            self._clock,
            holder=holder,
            predecessors=predecessors,
            take_over=frozenset(self._settings.take_over),
            outage=Outage(self._journal, self._stores, port, self._reporter, self._clock),
        )
        return Loop(
            session,
            interval=self._settings.interval,
            prune_unmanaged=self._prune,
            extensions=self._extensions(session, port, meter, model_away),
        )

    def _extensions(
        self, session: TargetSession, port: Evaluator, meter: Meter | None, away: str | None
    ) -> list[Extension]:
        """Elsewhere somebody else pays for the model, so there it has to be asked for.

        `away` says why there is no model now, though one is named.
        """
        if meter is not None and (_is_offline(self._settings) or away is not None):
            why = NO_MODEL if away is None else NO_MODEL_NOW
            self._reporter.board.status.evaluations = {"mode": "off", "message": why}
            return []
        mode = Mode(self._settings.evaluate or (Mode.OFF if meter is None else Mode.LAZY))
        return [EvaluationScheduler(mode, session, port, meter)]

    async def _live(self, loop: Loop, stopping: asyncio.Event, url: str) -> None:
        self._reporter.board.status.url = url
        self._reporter.publish()
        self._reporter.ready(url)
        self._hung_up = lambda: loop.poke("SIGHUP")
        following = asyncio.create_task(self._folder.follow(stopping), name="manifests")
        summing = None
        if not self._restarting:
            summed = self._jobs.attempt("summary", self._sum_up(url))
            summing = asyncio.create_task(summed, name="summary")
        try:
            await loop.run(stopping)
        finally:
            if summing is not None:
                summing.cancel()
            await asyncio.wait({following}, timeout=1.0)
            following.cancel()

    def _on_hangup(self) -> None:
        self._reporter.say("SIGHUP: looking at everything")
        self._hung_up()

    async def _sum_up(self, url: str) -> None:
        """Says once what there is, as soon as every bot has been looked at."""
        deadline = self._clock.monotonic() + FIRST_LOOKS
        status = self._reporter.board.status
        while self._clock.monotonic() < deadline and not looked_at(status):
            await self._clock.sleep(0.05)
        took = time.monotonic() - self._started
        elsewhere = self._settings.parlant_url is not None
        answers = elsewhere or status.model.get("state") == "Connected"
        unsaved = len(self._journal.pending)
        self._say(summary(status, url, took, answers=answers, unsaved=unsaved))


def _is_offline(settings: Settings) -> bool:
    return nlp.chosen(settings.nlp) == nlp.OFFLINE


async def _relay(first: asyncio.Event, second: asyncio.Event) -> None:
    await first.wait()
    second.set()


async def _until(over: asyncio.Event, work: Coroutine[Any, Any, Any]) -> None:
    """Awaits the work, or leaves it when `over` is set."""
    task, stop = asyncio.create_task(work), asyncio.create_task(over.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        stop.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=1.0)
