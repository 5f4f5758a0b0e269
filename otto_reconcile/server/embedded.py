"""A Parlant server in this process, on loopback, with the SDK's own stores; `run` starts it.

Parlant is entered as its SDK is meant to be, but its app is served by a uvicorn of our own from
inside the `async with` body. So the port is ours before Parlant is imported, it opens only when
everything is restored, nothing but the caller handles signals, and it closes when it is asked to.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from starlette.middleware import Middleware

from otto_reconcile.errors import OttoError, SettingsError, TargetUnavailable
from otto_reconcile.port.releases import refuse_to_host
from otto_reconcile.reconcile.target_changes import TargetChanges
from otto_reconcile.server import chat_page, nlp, parlant_logs, sockets
from otto_reconcile.server.change_hook import ChangeHook
from otto_reconcile.server.metering import Meter
from otto_reconcile.server.restore_gate import RestoreGate
from otto_reconcile.server.sdk_import import imported, settle_environment
from otto_reconcile.server.unsignalled import Unsignalled

if TYPE_CHECKING:
    import parlant.sdk as p
    from fastapi import FastAPI

    from otto_reconcile.server.model_source import ModelSource

_log = logging.getLogger("otto_reconcile.server")
SHUTDOWN = 3.0
ABANDON = 1.0
"""Seconds that a stop gives to what is under way, first to end, then to be cancelled."""


class EmbeddedServer:
    """One life of an embedded Parlant. Make it, then run `serve` once in a task of its own.

    `home` is Parlant's folder for its caches and log. `port` 0 takes any free one. `nlp` is a
    service's name, a factory, or None for what the environment has a key for. `changes` gets
    every change that others make over the API. `meter`
    counts what the service is asked. `model_within` are the seconds that the start waits for the
    service; it goes on without one that takes longer, or that fails in a way that may pass. `gate`
    keeps requests waiting for bots that are not back yet.
    """

    def __init__(
        self,
        *,
        home: Path,
        port: int,
        nlp: str | nlp.Factory | None = None,
        changes: TargetChanges | None = None,
        meter: Meter | None = None,
        model_within: float | None = None,
        gate: RestoreGate | None = None,
    ) -> None:
        self.ready = asyncio.Event()
        """Set once the port is open and Parlant says that it is healthy."""
        self.hook = ChangeHook(changes)
        self._home, self._nlp, self._port, self._gate = home, nlp, port, gate
        self._meter, self._model_within = meter or Meter(), model_within
        self._model: ModelSource | None = None
        self._app: FastAPI | None = None
        self._tool_port: int | None = None
        self._stopping = asyncio.Event()
        self._opened = False

    @property
    def port(self) -> int:
        """The port asked for; once `serve` has begun, the one that was got."""
        return self._port

    @property
    def url(self) -> str:
        return f"http://{sockets.HOST}:{self._port}"

    @property
    def chat_url(self) -> str:
        return f"{self.url}/chat/"

    @property
    def model_away(self) -> str | None:
        """Why customers are answered by no model, though one is named; known once it serves."""
        return self._model.away if self._model is not None else None

    async def model_is_there(self) -> float | None:
        """Tries again to have the model that was away. Gives the seconds that it took, else None.

        It is used from the next life on: Parlant takes its model at its start.
        """
        if self._model is None or not await self._model.is_there():
            return None
        return self._model.took

    @property
    def tool_port(self) -> int | None:
        """Where Parlant's tool service listens, None before it does."""
        return self._tool_port

    @property
    def app(self) -> FastAPI:
        """Parlant's app, for calls over ASGI. Raises RuntimeError before `prepare` is called."""
        if self._app is None:
            raise RuntimeError("the embedded server has not started yet")
        return self._app

    async def serve(self, prepare: Callable[[FastAPI, p.Server], Awaitable[None]]) -> None:
        """Starts Parlant, awaits `prepare(app, server)`, opens the port, serves until `stop`.

        Raises SettingsError (port, home, nlp, Parlant's version), TargetUnavailable if Parlant does
        not start, and what `prepare` raises. However it ends, port and tool port are free again.
        """
        with sockets.bind(self._port) as listener:
            self._port = sockets.number(listener)
            life = asyncio.create_task(self._live(listener, prepare), name="parlant")
            asked = asyncio.create_task(self._stopping.wait(), name="parlant-stop")
            try:
                await asyncio.wait({life, asked}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asked.cancel()
                self._stopping.set()
                await self._end(life)
                self.ready.clear()

    async def stop(self) -> None:
        """Asks `serve` to end, which takes some seconds at most. May be called at any time."""
        self._stopping.set()

    async def _end(self, life: asyncio.Task[None]) -> None:
        """Waits for the end of a life; one that is still preparing is cut short."""
        if not life.done() and not self._opened:
            life.cancel()
        await asyncio.wait({life}, timeout=SHUTDOWN)
        if not life.done():
            life.cancel()
            await asyncio.wait({life}, timeout=ABANDON)
        if life.done() and not life.cancelled() and (error := life.exception()):
            if self._opened and isinstance(error, OSError):  # it has served; its caches are lost
                _log.warning("Parlant could not save its caches: %s", error)
                return
            raise error

    async def _live(
        self,
        listener: socket.socket,
        prepare: Callable[[FastAPI, p.Server], Awaitable[None]],
    ) -> None:
        self._settle_environment()
        with suppress(PackageNotFoundError):  # the import then says so
            refuse_to_host(version("parlant"))
        sdk = await imported()
        with parlant_logs.silent_console(), suppress(_Left), sockets.reserved() as tool_port:
            parlant_logs.take_over_logs()
            parlant_logs.tame_forgotten_tasks()
            self._tool_port = tool_port
            server = self._made(sdk)
            async with _entered(server):
                await prepare(self.app, server)
                await self._serve(listener)
                # Leaving the body without an error would make Parlant serve once more.
                raise _Left

    def _settle_environment(self) -> None:
        if os.environ.get("PARLANT_ENV") == "production":
            raise SettingsError(
                "PARLANT_ENV=production makes Parlant refuse every change of a bot",
                hint="unset it, or run Parlant by itself and give --parlant-url",
            )
        settle_environment(self._home)

    def _made(self, sdk: ModuleType) -> p.Server:
        from otto_reconcile.server import fallback_replies

        chosen = self._nlp if callable(self._nlp) else nlp.chosen(self._nlp)
        server: p.Server = sdk.Server(
            host=sockets.HOST,
            port=self._port,
            tool_service_port=self._tool_port,
            nlp_service=self._service(chosen),
            log_level=sdk.LogLevel.WARNING,
            configure_api=self._configured,
            configure_hooks=fallback_replies.configure(
                lambda: server.container[sdk.Tracer], lambda: self._excuse(chosen)
            ),
        )
        return server

    def _service(self, chosen: str | nlp.Factory) -> nlp.Factory:
        if chosen == nlp.OFFLINE:
            return nlp.factory(nlp.OFFLINE)  # is never asked anything
        from otto_reconcile.server import model_source, nlp_proxy

        self._model = model_source.ModelSource(
            chosen if callable(chosen) else nlp.factory(chosen),
            self._model_within or model_source.ANSWER_WITHIN,
        )
        return nlp_proxy.around(self._model.factory, self._meter)

    def _excuse(self, chosen: str | nlp.Factory) -> str | None:
        from otto_reconcile.server import fallback_replies

        if chosen == nlp.OFFLINE:
            return fallback_replies.NO_MODEL
        return fallback_replies.AWAY if self.model_away is not None else None

    async def _configured(self, app: FastAPI) -> None:
        import parlant.api.app

        folder = Path(parlant.api.app.__file__).parent / "chat" / "dist"
        app.router.routes[:0] = chat_page.routes(folder)
        app.add_middleware(self.hook.middleware)
        if self._gate is not None:
            app.user_middleware.append(Middleware(self._gate.middleware))  # the innermost
        self._app = app

    async def _serve(self, listener: socket.socket) -> None:
        if self._stopping.is_set():
            return
        self._opened = True
        config = uvicorn.Config(
            parlant_logs.expecting_failures(_forgiving(self.app)),
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
            ws="wsproto",
        )
        server = Unsignalled(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="parlant-http")
        announcing = asyncio.create_task(self._announce(), name="parlant-ready")
        asked = asyncio.create_task(self._stopping.wait(), name="parlant-asked")
        try:
            await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        except OSError as error:
            raise sockets.refused(self._port, error) from error
        finally:
            announcing.cancel()
            asked.cancel()

    async def _announce(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while True:
                with suppress(httpx.HTTPError):
                    if (await client.get("/healthz", timeout=5.0)).is_success:
                        self.ready.set()
                        return
                await asyncio.sleep(0.02)


class _Left(Exception):
    """Ends the body of Parlant's `async with`."""


@asynccontextmanager
async def _entered(server: p.Server) -> AsyncIterator[None]:
    """`async with server`, in which a start that fails says why."""
    try:
        await server.__aenter__()
    except OttoError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TargetUnavailable(
            f"the embedded Parlant did not start: {reason}", hint="see parlant.log in its home"
        ) from error
    try:
        yield
    except BaseException as error:
        await server.__aexit__(type(error), error, error.__traceback__)
        raise


Scope = MutableMapping[str, Any]


def _forgiving(app: FastAPI) -> Callable[[Scope, Any, Any], Awaitable[None]]:
    """Lets a request that is cancelled when the server stops end without a word."""

    async def wrapped(scope: Scope, receive: Any, send: Any) -> None:
        with suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return wrapped
