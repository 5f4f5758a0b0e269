"""attach: the whole reconcile loop inside a program's own Parlant server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from otto_reconcile.errors import OttoError, SettingsError, reason_of
from otto_reconcile.loop import Loop
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.persistence.arguments import (
    Given,
    mode_of,
    must_be_interval,
    must_be_persistence,
    target_of,
)
from otto_reconcile.persistence.domain import DomainPersistence
from otto_reconcile.persistence.sdk_maker import Server, Tool, app_of
from otto_reconcile.persistence.start_port import StartPort
from otto_reconcile.port.connecting import over_asgi
from otto_reconcile.reconcile.evaluation.scheduler import EvaluationScheduler, Mode
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.outage import Outage
from otto_reconcile.reconcile.owners import Every
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import Status, StatusBoard
from otto_reconcile.reconcile.target_changes import TargetChanges
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.runtime.logs import PlainLog
from otto_reconcile.server import sdk_host
from otto_reconcile.server.change_hook import ChangeHook
from otto_reconcile.settings import DEFAULT_DATABASE

if TYPE_CHECKING:
    from fastapi import FastAPI

STOP = 5.0
"""Seconds that `stop` gives to what is under way before it is cancelled."""

_log = logging.getLogger("otto_reconcile.persistence")
_running: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected


class Attachment:
    """A loop that runs beside a server; made by `attach`."""

    def __init__(self, persistence: DomainPersistence, *, owned: bool) -> None:
        self.persistence = persistence
        """The face of the same database, for reading and writing what is wanted."""
        self._owned = owned
        self._board = StatusBoard(None)
        self._stopping = asyncio.Event()
        self._changes: TargetChanges = asyncio.Queue()
        self._port: StartPort | None = None
        self._loop: Loop | None = None
        self._task: asyncio.Task[None] | None = None
        self._app: FastAPI | None = None

    @property
    def enabled(self) -> bool:
        """False without a database: then nothing is restored and nothing runs."""
        return self.persistence.enabled

    @property
    def status(self) -> Status:
        """What the loop says of itself; `status.bots[bot_id]` has `sync`, `health`, `message`."""
        return self._board.status

    def look_again(self) -> None:
        """Asks for a look at every bot at once, after reading everything anew."""
        if self._loop is not None:
            self._loop.poke("asked")

    async def stop(self) -> None:
        """Ends the loop, which gives its lease back. Call it when the server has ended."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP)
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._port is not None:
            await self._port.close()
        if self._app is not None:
            self._app.state.otto_reconcile, self._app = None, None
        if self._owned:
            await self.persistence.close()

    async def start(
        self, given: Given, *, interval: float, prune_unmanaged: bool, evaluate: Mode
    ) -> None:
        """Restores, and leaves the rest to a task. `attach` calls it. Raises SettingsError."""
        server, target = given.server, given.target
        app = self._claimed(app_of(server))
        stores = await asyncio.to_thread(lambda: self.persistence.stores)
        outbox = await asyncio.to_thread(lambda: self.persistence.recording.journal)
        host, known = sdk_host.host_process(server), EvaluationCache()
        wire = over_asgi(
            app, target, {**given.headers, **self._hooked(app)}, host=host, evaluations=known
        )
        port = StartPort(server, wire, tools=given.tools, evaluate=False, waits=True)
        self._port = port
        clock = SystemClock()
        reporter = Reporter(
            self._board, clock, PlainLog(), tuple if outbox is None else outbox.unsaved
        )
        session = TargetSession(
            port,
            stores,
            reporter,
            clock,
            holder=target_of(server),  # the machine's port has one owner, also after a crash
            take_over=Every(),
            outage=None if outbox is None else Outage(outbox, stores, port, reporter, clock),
        )
        evaluation = EvaluationScheduler(evaluate, session, port, known, sdk_host.models_of(server))
        self._loop = Loop(
            session,
            interval=interval,
            prune_unmanaged=prune_unmanaged,
            extensions=[evaluation],
            changes=self._changes,
        )
        await self._offer_tools(port)
        await self._loop.restore()
        loop, jobs = self._loop, Jobs(reporter, clock)
        work = jobs.keep("loop", lambda: self._run(server, loop, jobs))
        self._task = asyncio.create_task(work, name="otto-reconcile")
        _running.add(self._task)
        self._task.add_done_callback(_ended)

    def _claimed(self, app: FastAPI) -> FastAPI:
        """The app, this loop's from now on: two would do all twice, and pay for it twice."""
        if getattr(app.state, "otto_reconcile", None) is not None:
            raise SettingsError("server: a loop is attached to it already; `stop` that first")
        app.state.otto_reconcile, self._app = self, app
        return app

    async def _offer_tools(self, port: StartPort) -> None:
        """A server that does not answer holds up nothing: what needs them says what it lacks."""
        try:
            await port.offer_tools()
        except OttoError as error:
            _log.warning("the program's tools are not known to Parlant: %s", error.message)

    async def _finish_restoring(self) -> None:
        """Makes what had to wait, once Parlant has evaluated all and before the first customer."""
        loop, port = self._loop, self._port
        if loop is None or port is None or self._stopping.is_set():
            return
        for bot_id in sorted(port.waiting):
            try:
                await loop.reconcile_now(bot_id)
            except Exception as error:  # the server has to start all the same
                _log.warning("bot %r is not whole yet: %s", bot_id, reason_of(error))
        port.waiting.clear()

    async def _run(self, server: Server, loop: Loop, jobs: Jobs) -> None:
        """From when the server serves: what Parlant is about to evaluate is to be left alone."""
        ready = asyncio.create_task(server.ready.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({ready, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            stopping.cancel()
        if not self._stopping.is_set():
            loop.poke("serving")
            jobs.succeeded("loop")
            await loop.run(self._stopping)

    def _hooked(self, app: FastAPI) -> dict[str, str]:
        """Has the app tell of foreign changes of bots, and of the moment before it serves.

        Gives the headers that mark the loop's own calls.
        """
        hook = ChangeHook(self._changes)
        try:
            app.add_middleware(hook.middleware)
            app.add_middleware(sdk_host.before_serving(self._finish_restoring))
        except RuntimeError:  # the app has been asked something already
            _log.warning(
                "changes of bots by others are noticed by looks in turn only: "
                "attach before anything calls the server's API"
            )
            return {}
        return hook.headers


def _ended(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the loop has ended, bots are no longer kept: %s", reason_of(error))


async def attach(
    server: Server,
    mongodb_uri: str | None = None,
    *,
    database_name: str = DEFAULT_DATABASE,
    persistence: DomainPersistence | None = None,
    tools: Iterable[Tool] | None = (),
    evaluate: bool | str = True,
    interval: float = 30.0,
    prune_unmanaged: bool = False,
    target: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Attachment:
    """Restores every bot, and keeps them in their desired state while the server serves.

    Call it in the body of `async with p.Server()`, before anything else calls the server's API,
    and `stop` what it gives when that has ended. A `persistence` given here is used and stays
    open; else one is made of `mongodb_uri`, and without either nothing happens (`enabled`).
    `tools` and `headers` as for `rehydrate_bots_from_persistence`; `interval` is in seconds.
    `evaluate` says when the model is asked what nobody has evaluated yet: True (`lazy`, while the
    server serves), `eager` (before this returns too) or False (`off`). `target` names the server in
    the database; without it that is machine and port.

    A database that does not answer is waited for: the bots come back with it. Raises SettingsError
    for a URI that no server could fit, and for any other argument that cannot be used.
    """
    if persistence is not None:
        must_be_persistence(persistence)
        if persistence.closed:
            raise SettingsError("persistence: it was closed; make another")
    used = persistence or DomainPersistence(mongodb_uri, database_name)
    attachment = Attachment(used, owned=persistence is None)
    if attachment.enabled:
        must_be_interval(interval)
        mode = mode_of(evaluate)
        given = Given.of(server, target=target, tools=tools, headers=headers)
        try:
            await attachment.start(
                given, interval=interval, prune_unmanaged=prune_unmanaged, evaluate=mode
            )
        except BaseException:
            await attachment.stop()
            raise
    return attachment
