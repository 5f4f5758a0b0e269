"""Many simulated Parlant servers in one process: `python -m benchmarks.simulator --targets 50`.

For benchmarks of what manages a fleet that no machine at hand could run. Each server has a base URL
of its own, `http://127.0.0.1:PORT/t/NUMBER`, takes one call at a time, and takes as long for it as
Parlant 3.3.2 was measured to (`benchmarks.simulated.costs`). One line of JSON on standard output
has the URLs once they answer; SIGTERM ends it. Beside the API of Parlant each server has

    POST /_simulator/restart   it forgets everything, as a restart does
    POST /_simulator/away      `{"seconds": 5}`: it resets every connection for so long
    GET  /_simulator/counts    its calls, by method and first part of the path, and what it holds
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from benchmarks.simulated import costs
from benchmarks.simulated.parlant import Parlant

METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
OWN = 0.0015
"""Seconds that a call takes here beside what it waits: the HTTP, and a clock that ticks in ms."""


class Dropped(Exception):
    """The server is away, or was restarted meanwhile: there is no answer."""


class Target:
    """One server. `speed` is how many times as long as measured each of its calls takes."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._away_until = 0.0
        self._calls: Counter[tuple[str, str]] = Counter()
        self._busy = 0.0
        self.restart()

    def restart(self) -> None:
        self._parlant, self._turn = Parlant(), asyncio.Lock()

    async def control(self, name: str, request: Request) -> Response:
        match (request.method, name):
            case ("POST", "restart"):
                self.restart()
                return Response(status_code=204)
            case ("POST", "away"):
                seconds = float((await request.json())["seconds"])
                self._away_until = asyncio.get_running_loop().time() + seconds
                return Response(status_code=204)
            case ("GET", "counts"):
                calls: dict[str, dict[str, int]] = {}
                for (method, first), number in sorted(self._calls.items()):
                    calls.setdefault(method, {})[first] = number
                held = self._parlant.memory.counts()
                return JSONResponse({"calls": calls, "held": held, "busy_seconds": self._busy})
        return JSONResponse({"detail": "Not Found"}, 404)

    async def call(self, request: Request, parts: Sequence[str]) -> Response:
        """Raises Dropped."""
        content, query = await request.body(), _query(request)
        self._calls[request.method, parts[0] if parts else ""] += 1
        arrived, life = asyncio.get_running_loop().time(), self._parlant
        async with self._turn:
            waited = asyncio.get_running_loop().time() - arrived
            try:
                body = json.loads(content) if content else None
            except ValueError:
                return JSONResponse({"detail": "not JSON"}, 422)
            await self._take_time(request.method, parts, query, body)
            if life is not self._parlant or self.is_away():
                raise Dropped
            status, answer = life.answer(request.method, parts, query, body)
            if parts == ["healthz"] and status == 200:
                answer["checks"]["event_loop"]["latency_ms"] = round(waited * 1000, 2)
            return _response(status, answer)

    async def _take_time(
        self, method: str, parts: Sequence[str], query: dict[str, list[str]], body: Any
    ) -> None:
        if not self._speed:
            return
        memory = self._parlant.memory
        if method == "DELETE" and len(parts) == 2:
            body = memory.rows.get(parts[0], {}).get(parts[1])
        taken = costs.seconds(method, parts, query, body, memory.counts()) * self._speed
        self._busy += taken
        await asyncio.sleep(max(0.0, taken - OWN))

    def is_away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}


def _response(status: int, answer: Any) -> Response:
    if status == 204:
        return Response(status_code=204, media_type="application/json")
    if isinstance(answer, str):
        return PlainTextResponse(answer, status)
    return JSONResponse(answer, status)


def application(targets: int, speed: float) -> Starlette:
    """Serves `targets` servers under /t/0, /t/1, ...; it is to be run by uvicorn's h11."""
    servers = [Target(speed) for _ in range(targets)]

    async def answer(request: Request) -> Response:
        number = int(request.path_params["number"])
        if number >= targets:
            return JSONResponse({"detail": "Not Found"}, 404)
        parts = [part for part in request.path_params["rest"].split("/") if part]
        if parts[:1] == ["_simulator"]:
            return await servers[number].control("/".join(parts[1:]), request)
        try:
            if servers[number].is_away():
                raise Dropped
            return await servers[number].call(request, parts)
        except Dropped:
            _drop(request)
            return Response(status_code=503)  # to nobody

    return Starlette(routes=[Route("/t/{number:int}/{rest:path}", answer, methods=METHODS)])


def _drop(request: Request) -> None:
    """Resets the connection, as a server does that died. ASGI has no word for it: uvicorn's own."""
    transport = request.receive.__self__.transport  # type: ignore[attr-defined]
    at_once = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    transport.abort()


class _Server(uvicorn.Server):
    """Says where it is, and ends with 0."""

    def __init__(self, config: uvicorn.Config, told: str) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._told, flush=True)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def _listening(port: int) -> socket.socket:
    """Says that it is TCP: else asyncio leaves Nagle's algorithm on, and an answer takes 40 ms."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
    except OSError:
        sys.exit(f"port {port} is taken: give another, or 0 for a free one")
    found.listen(2048)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator")
    parser.add_argument("--targets", type=int, default=1, help="how many servers")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="times as long as measured; 0: no time at all"
    )
    options = parser.parse_args(arguments)
    listening = _listening(options.port)
    port = listening.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}/t/{number}" for number in range(options.targets)]

    async def serve() -> None:
        app = application(options.targets, options.speed)
        config = uvicorn.Config(
            app,
            http="h11",
            lifespan="off",
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        await _Server(config, json.dumps({"urls": urls})).serve([listening])

    asyncio.run(serve())


if __name__ == "__main__":
    main()
