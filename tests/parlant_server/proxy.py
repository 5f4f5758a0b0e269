"""A proxy before a Parlant server that makes faults: it refuses, hangs, answers errors, cuts off.

async with FaultyProxy(parlant_url) as proxy:
    proxy.answer(429, {"retry-after": "7"})
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

_HOP = {
    "connection",
    "content-length",
    "transfer-encoding",
    "host",
    "keep-alive",
    "content-encoding",
}


class FaultyProxy:
    """On a free port of the loopback; healthy until told otherwise. `requests` counts all."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._port = 0
        self.requests = 0
        self.seen: list[tuple[str, str, Mapping[str, str]]] = []
        """Method, path and headers of each request."""
        self.heal()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def heal(self) -> None:
        """All requests pass, and answers that were held are given."""
        self._held: tuple[str, str] | None = None
        self._fault: tuple[int, Mapping[str, str], bytes] | None = None
        self._hanging = self._refusing = False
        self._left: int | None = None

    def answer(
        self, status: int, headers: Mapping[str, str] | None = None, body: str = "fault"
    ) -> None:
        """All requests get this answer, and none reaches the server."""
        self._fault = (status, headers or {"content-type": "text/plain"}, body.encode())

    def hang(self) -> None:
        """All requests wait without end."""
        self._hanging = True

    def hold(self, method: str, path: str) -> None:
        """Requests of this method and path reach the server; their answers wait for `heal`."""
        self._held = method, path

    def refuse(self) -> None:
        """All connections are cut before anything is answered."""
        self._refusing = True

    def cut_after(self, requests: int) -> None:
        """So many requests pass; later ones reach the server, and their answers are lost."""
        self._left = requests

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(base_url=self._upstream, timeout=120)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._client is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError, asyncio.CancelledError, httpx.HTTPError
            ):
                while not self._refusing and await self._serve(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; False when the connection is to be cut."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (li.partition(":") for li in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests += 1
        self.seen.append((method, path, headers))
        if self._refusing:
            return False
        if self._hanging:
            await asyncio.Event().wait()
        answer = self._fault or await self._forward(method, path, headers, body)
        while (method, path) == self._held:  # noqa: ASYNC110 (healed from another thread)
            await asyncio.sleep(0.02)
        if answer is None:
            return False
        writer.write(_encoded(*answer))
        await writer.drain()
        return True

    async def _forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes] | None:
        assert self._client is not None
        sent = {name: value for name, value in headers.items() if name not in _HOP}
        sent["host"] = urlsplit(self._upstream).netloc
        answer = await self._client.request(method, path, headers=sent, content=body)
        if self._left is not None:
            if self._left <= 0:
                return None
            self._left -= 1
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP}
        return answer.status_code, kept, answer.content


def _encoded(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    if status != 204:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if status == 204 else body)
