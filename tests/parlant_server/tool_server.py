"""Real tool services on the loopback, for tests: Parlant's own kind, and MCP by `fastmcp`.

No `annotations` future here: Parlant reads the real types of a tool.
"""

import asyncio
from datetime import date
from types import TracebackType
from typing import Any, Self

import uvicorn

from tests.parlant_server.serving import free_port


class ToolServer:
    """A service of kind sdk; `offers` are its tools by name, `stock` at first, and not `late`."""

    async def __aenter__(self) -> Self:
        import parlant.sdk as p

        @p.tool
        async def stock(context: p.ToolContext, item: str, day: date) -> p.ToolResult:
            """Counts what is in stock. Parlant's API cannot tell a tool that has a date."""
            return p.ToolResult(data=f"3 of {item}")

        @p.tool
        async def later(context: p.ToolContext) -> p.ToolResult:
            """Is not there at first."""
            return p.ToolResult(data="at last")

        self.late = later
        self._server = p.PluginServer([stock], port=free_port(), host="127.0.0.1", hosted=True)
        await self._server.__aenter__()
        self._stopped = False
        return self

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def offers(self) -> dict[str, Any]:
        return self._server.tools

    async def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            await self._server.shutdown()
            await self._server.__aexit__(None, None, None)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


class McpServer:
    """A service of kind mcp with one tool, `weather`."""

    async def __aenter__(self) -> Self:
        from fastmcp import FastMCP

        service: Any = FastMCP("weather")

        @service.tool  # type: ignore[untyped-decorator, unused-ignore]
        def weather(place: str) -> str:
            """Says what the weather is like."""
            return f"rain in {place}"

        self.port = free_port()
        app = service.http_app(path="/mcp")
        config = uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="critical")
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        await self._task
