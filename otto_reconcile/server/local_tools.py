"""The tools of `run --tools`, hosted on loopback as a tool service of Parlant's own kind.

A change of their files replaces them while everything runs; a file with a fault leaves the tools
as they were. `daemon` starts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otto_reconcile.errors import SettingsError, TargetUnavailable
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.runtime.fingerprint import RECHECK, Fingerprint, at_rest, fingerprint
from otto_reconcile.server import parlant_logs, sockets
from otto_reconcile.server.sdk_import import imported, settle_environment
from otto_reconcile.server.tool_files import ToolFiles

if TYPE_CHECKING:
    import parlant.sdk as p

START, SHUTDOWN = 10.0, 2.0
"""Seconds that the service gets to listen, and that calls under way get to end."""
PROVEN = 1.0
"""Seconds after which a service that was started again is taken to work."""


class LocalTools:
    """`start`, then `follow`; `stop` at last, whatever happened."""

    def __init__(self, sources: Sequence[str], reporter: Reporter, clock: Clock) -> None:
        self._sources, self._reporter, self._clock = tuple(sources), reporter, clock
        self._files = ToolFiles(sources)
        self._stack = ExitStack()
        self._server: p.PluginServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._jobs, self._stopping = Jobs(reporter, clock), False
        self._untold = False  # the port does not know of new tools yet
        self._seen: Fingerprint = ()

    def check(self) -> None:
        """What can be told before Parlant is imported. Raises SettingsError."""
        self._files.check()

    async def prepare(self, home: Path) -> None:
        """For a process that hosts no Parlant; `home` is for what its SDK keeps."""
        settle_environment(home)
        await imported()
        parlant_logs.take_over_logs()

    @property
    def names(self) -> frozenset[str]:
        """The tools that are hosted now."""
        return frozenset(self._server.tools if self._server is not None else ())

    async def start(self, data: Mapping[str, Any]) -> str:
        """Loads and hosts the tools, and gives the service's URL.

        `data` is for tools that ask their context for Parlant's server, where it is in this
        process. Raises SettingsError with file and line, TargetUnavailable if it cannot listen.
        """
        import parlant.sdk as p

        self._stopping = False
        tools = await self._load()
        port = self._stack.enter_context(sockets.reserved())
        self._server = p.PluginServer(
            [*tools.values()], port=port, host=sockets.HOST, plugin_data=data, hosted=True
        )
        self._serving = asyncio.create_task(
            self._jobs.keep("tool service", self._serve), name="local-tools"
        )
        deadline = self._clock.monotonic() + START
        while not self._server.started():
            if self._serving.done() or self._clock.monotonic() > deadline:
                raise TargetUnavailable("the service of local tools did not start")
            await self._clock.sleep(0.02)
        self._tell()
        return self._server.url

    async def stop(self) -> None:
        """Calls that take too long are cut off."""
        self._stopping = True
        if self._following is not None:
            self._following.cancel()
        if self._server is not None and self._serving is not None:
            await self._server.shutdown()
            await asyncio.wait({self._serving}, timeout=SHUTDOWN)
            self._serving.cancel()
            await asyncio.wait({self._serving}, timeout=SHUTDOWN)
        self._stack.close()

    def follow(self, changed: Callable[[], Awaitable[None]]) -> None:
        """From now on loads the tools after every change of their files, and then calls that."""
        self._following = asyncio.create_task(
            self._jobs.keep("tools", lambda: self._follow(changed)), name="tool-files"
        )

    async def _follow(self, changed: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._notice()
            if await self._at_rest_and_new() and await self._reload():
                self._untold = True
            if self._untold:
                await changed()
                self._untold = False
            self._jobs.succeeded("tools")

    async def _serve(self) -> None:
        """One life of the service; raises if it ends unasked."""
        serving = asyncio.create_task(self._serve_once(), name="local-tools-http")
        try:
            if not (await asyncio.wait({serving}, timeout=PROVEN))[0]:
                self._jobs.succeeded("tool service")
            await serving
        finally:
            serving.cancel()
        if not self._stopping:
            raise TargetUnavailable("the service of local tools has ended")

    async def _serve_once(self) -> None:
        assert self._server is not None
        try:
            await self._server.serve()
        except SystemExit as error:  # uvicorn's way to say that it cannot listen
            raise TargetUnavailable("the service of local tools cannot listen") from error

    async def _reload(self) -> bool:
        assert self._server is not None
        try:
            tools = await self._load()
        except SettingsError as error:
            problem = error.with_hint
            self._reporter.warn(problem)
            self._reporter.warn("tools refused, the last good ones stay")
            self._state("Refused", [problem])
            return False
        self._server.tools = tools
        self._tell()
        return True

    async def _load(self) -> dict[str, Any]:
        """Raises SettingsError. A file that is saved meanwhile is loaded once more."""
        before = await asyncio.to_thread(self._look)
        try:
            return await asyncio.to_thread(self._files.load)
        finally:
            after = await asyncio.to_thread(self._look)  # of more files, maybe
            self._seen = after if set(before) <= set(after) else before

    async def _notice(self) -> None:
        """Returns when something may have changed: the system says so, or some time has passed."""
        import watchfiles

        folders = {str(path.parent) for path in self._files.files}
        try:
            async for _ in watchfiles.awatch(
                *sorted(folders),
                recursive=False,
                rust_timeout=int(RECHECK * 1000),
                yield_on_timeout=True,
            ):
                return
        except OSError:  # a folder that is gone, or too many watches
            await self._clock.sleep(RECHECK)

    async def _at_rest_and_new(self) -> bool:
        if await asyncio.to_thread(self._look) == self._seen:
            return False
        return await at_rest(self._look, self._clock) != self._seen

    def _look(self) -> Fingerprint:
        return fingerprint(sorted(self._files.files))

    def _tell(self) -> None:
        assert self._server is not None
        self._reporter.say("tools loaded", tools=" ".join(sorted(self._server.tools)))
        self._state("Loaded", [])

    def _state(self, state: str, problems: list[str]) -> None:
        assert self._server is not None
        self._reporter.board.status.tools = {
            "sources": [*self._sources],
            "state": state,
            "tools": sorted(self._server.tools),
            "problems": problems,
            "time": self._clock.now().isoformat(timespec="seconds"),
        }
