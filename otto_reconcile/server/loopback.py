"""Serves a small application of our own on loopback, beside whatever else the process does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from otto_reconcile.server import sockets
from otto_reconcile.server.unsignalled import Unsignalled


@asynccontextmanager
async def listening(app: Starlette, port: int, *, option: str, name: str) -> AsyncIterator[str]:
    """Meanwhile the application answers; gives its URL without a path. 0 is any free port.

    `option` is what the port is called in an error. Raises SettingsError for one that is taken.
    """
    listener = sockets.bind(port, option=option)
    config = uvicorn.Config(
        app, log_config=None, log_level="critical", access_log=False, lifespan="off",
        timeout_graceful_shutdown=1, server_header=False,
    )  # fmt: skip
    server = Unsignalled(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=name)
    try:
        yield f"http://{sockets.HOST}:{sockets.number(listener)}"
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=2.0)
        serving.cancel()
        listener.close()
