"""The routes by which a daemon follows what happens here, and says which bots may be met."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otto_reconcile.bridge.answers import Refusal, body_of
from otto_reconcile.bridge.keeping import Keeper
from otto_reconcile.port.bridge import OTHER_LIFE, VERSION
from otto_reconcile.server.restore_gate import HoldUp

LONGEST_WAIT = 60.0
"""Seconds for which somebody may wait for news, at most."""


class Admitting:
    """`headers` mark the daemon's own calls of Parlant, `busy` is how long a customer may wait."""

    def __init__(
        self, keeper: Keeper, headers: Mapping[str, str], busy: Callable[[], float]
    ) -> None:
        self._keeper, self._headers, self._busy = keeper, headers, busy

    def routes(self) -> list[Route]:
        return [
            Route("/", self.hello, methods=["GET"]),
            Route("/changes", self.changes, methods=["GET"]),
            Route("/admission", self.expect, methods=["PUT"]),
            Route("/admission/admitted", self.admit, methods=["POST"]),
            Route("/admission/finished", self.finish, methods=["POST"]),
        ]

    async def hello(self, request: Request) -> Response:
        keeper = self._keeper
        return JSONResponse(
            {
                "version": VERSION,
                "epoch": keeper.epoch,
                "last": keeper.feed.last,
                "run_header": dict(self._headers),
            }
        )

    async def changes(self, request: Request) -> Response:
        try:
            after = int(request.query_params["after"])
            wait = float(request.query_params.get("wait", "0"))
        except (KeyError, ValueError) as error:
            raise Refusal("`after` is the number of what is known, `wait` seconds") from error
        keeper = self._keeper
        await keeper.feed.wait(after, max(0.0, min(LONGEST_WAIT, wait)))
        news = {"epoch": keeper.epoch, "busy": round(self._busy(), 3)}
        return JSONResponse({**keeper.feed.after(after), **news})

    async def expect(self, request: Request) -> Response:
        body = await self._of_this_life(request, "bots", "owners")
        try:
            owners = {(str(kind), str(key)): str(bot) for kind, key, bot in body["owners"]}
        except (TypeError, ValueError) as error:
            raise Refusal("`owners` has a kind, an id and a bot for each part") from error
        self._keeper.expect(_texts(body["bots"]), owners, _hold_up(body))
        return Response(status_code=204)

    async def admit(self, request: Request) -> Response:
        body = await self._of_this_life(request, "bots")
        self._keeper.admit(_texts(body["bots"]), _hold_up(body))
        return Response(status_code=204)

    async def finish(self, request: Request) -> Response:
        self._keeper.finish(_hold_up(await self._of_this_life(request)))
        return Response(status_code=204)

    async def _of_this_life(self, request: Request, *names: str) -> dict[str, Any]:
        """What is meant for an earlier life would let customers meet what is not there yet."""
        body = await body_of(request, "epoch", "hold_up", *names)
        if body["epoch"] != self._keeper.epoch:
            raise Refusal("this is meant for an earlier life of this server", OTHER_LIFE)
        return body


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refusal("`bots` is a list of ids")
    return value


def _hold_up(body: Mapping[str, Any]) -> HoldUp:
    try:
        why, seconds = body["hold_up"]
        if not math.isfinite(seconds):
            raise ValueError(seconds)
        return str(why), float(seconds)
    except (TypeError, ValueError) as error:
        raise Refusal("`hold_up` has a sentence and seconds") from error
