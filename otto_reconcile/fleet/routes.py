"""Which target has which bot, for whoever brings customers to them; with a server that tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.model import JSON
from otto_reconcile.records.placements import Placements

PAUSE, SHARE = 1.0, 0.05
"""Seconds between two readings at least, and the part of the time that they may take."""
NAME, URL = "X-Otto-Target", "X-Otto-Target-Url"
"""The headers of an answer about a bot, for a proxy that asks."""


class Route(NamedTuple):
    """A bot, the name of the target that has it, and where that is reached."""

    bot: str
    target: str
    url: str


class Routes:
    """As they were read last: a store that is away changes no route."""

    def __init__(self, placements: Callable[[], Placements]) -> None:
        """`placements` gives the record, or raises StoreUnavailable where there is none."""
        self._placements = placements
        self._routes: Mapping[str, Route] = {}
        self.error: str | None = "the store was not read yet"
        """Why the last reading failed, if it did."""

    def read(self) -> None:
        """Blocking; a store that does not answer is told by `error`."""
        try:
            record = self._placements()
            placed, urls = record.read(), record.addresses()
        except StoreUnavailable as error:
            self.error = error.message
            return
        where = ((bot_id, one.target) for bot_id, one in sorted(placed.items()))
        self._routes = {bot: Route(bot, name, urls[name]) for bot, name in where if name in urls}
        self.error = None

    def of(self, bot_id: str) -> Route | None:
        """None for a bot that is on no target, as far as is known."""
        return self._routes.get(bot_id)

    def to_document(self) -> list[JSON]:
        """All of them, by bot id."""
        return [route._asdict() for route in self._routes.values()]


class Router:
    """`GET /routes` has all, `GET /bots/{id}` one; `GET /healthz` says whether it is up to date."""

    def __init__(self, routes: Routes, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._routes, self._monotonic = routes, monotonic
        self._took, self._read_at = 0.0, float("-inf")
        self._reading = asyncio.Lock()
        self.app = Starlette(
            routes=[
                Path("/routes", self._all),
                Path("/bots/{bot_id}", self._one),
                Path("/healthz", self._health),
            ]
        )

    async def _read(self) -> None:
        """At most once in a while, however many ask."""
        async with self._reading:
            started = self._monotonic()
            if started - self._read_at >= max(PAUSE, self._took / SHARE):
                await asyncio.to_thread(self._routes.read)
                self._read_at = self._monotonic()
                self._took = self._read_at - started

    async def _all(self, request: Request) -> Response:
        await self._read()
        document = {"routes": self._routes.to_document(), "error": self._routes.error}
        return JSONResponse(document)

    async def _one(self, request: Request) -> Response:
        await self._read()
        bot_id = request.path_params["bot_id"]
        if (route := self._routes.of(bot_id)) is not None:
            return JSONResponse(route._asdict(), headers={NAME: route.target, URL: route.url})
        if (why := self._routes.error) is not None:
            detail = f"nobody knows where this bot is: {why}"
            return JSONResponse({"detail": detail}, 503, headers={"Retry-After": "2"})
        return JSONResponse({"detail": f"no target has a bot {bot_id!r}"}, 404)

    async def _health(self, request: Request) -> Response:
        await self._read()
        why = self._routes.error
        state = {"status": "up to date" if why is None else "behind", "error": why}
        return JSONResponse(state, 200 if why is None else 503)
