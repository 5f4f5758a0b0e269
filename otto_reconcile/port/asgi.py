"""The way to a Parlant in this process; `RestPort.over_asgi` uses it.

Parlant answers 503 where its request is cancelled (`handle_cancellation` in parlant/api/app.py), so
a caller that awaited the app in its own task would lose its cancellation and go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx


class InProcess(httpx.ASGITransport):
    """httpx's, with each request in a task of its own: a cancelled caller is surely cancelled."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answering = asyncio.create_task(super().handle_async_request(request), name="parlant-call")
        try:
            await asyncio.wait({answering})
        finally:
            answering.cancel()
        return answering.result()


def description_of(app: Any) -> Callable[[], Mapping[str, Any]] | None:
    """What gives the OpenAPI description of a FastAPI app; None for another app.

    Not the app's own `openapi`, which keeps what it gives: routes that come later would be missing.
    """
    routes = getattr(app, "routes", None)
    if routes is None:
        return None

    def describe() -> Mapping[str, Any]:
        from fastapi.openapi.utils import get_openapi

        return get_openapi(title="Parlant API", version=str(app.version), routes=app.routes)

    return describe
