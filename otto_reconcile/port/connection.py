"""One connection to Parlant by its own client: what is called, and what its failures mean."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from otto_reconcile.port import expecting
from otto_reconcile.port.errors import Absent, of_exception, of_response
from otto_reconcile.port.host_process import HostProcess
from otto_reconcile.runtime import fencing

if TYPE_CHECKING:
    from parlant.client import AsyncParlantClient

T = TypeVar("T")


class Connection:
    """`target` is fit to be shown; `timeout` is in seconds; `secrets` never reach a message.

    `host` does what only the process that hosts Parlant can.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        target: str,
        timeout: float,
        secrets: Iterable[str],
        host: HostProcess | None = None,
    ) -> None:
        self.http = http
        self.target = target
        self.timeout = timeout
        self.host = host or HostProcess()
        self._secrets = tuple(secrets)
        http.event_hooks["request"] = [_ask_fence, _tell_expected]
        http.event_hooks["response"] = [self._refuse_bad_answers]

    @cached_property
    def parlant(self) -> AsyncParlantClient:
        from parlant.client import AsyncParlantClient  # half a second

        return AsyncParlantClient(
            base_url=str(self.http.base_url).rstrip("/"),
            httpx_client=self.http,
            timeout=self.timeout,  # without it the client switches time-outs off
        )

    async def call(
        self, request: Awaitable[T], *, may_fail: bool = False, timeout: float | None = None
    ) -> T:
        """Awaits a call. Raises TargetUnavailable and TargetRefused, and nothing else.

        With `may_fail` the caller deals with a failure: then it is none that anybody is told of.
        """
        most = timeout or self.timeout
        try:
            with expecting.failures(expected=may_fail):
                async with asyncio.timeout(most):  # over ASGI httpx knows no time-out
                    return await request
        except Exception as error:
            translated = of_exception(error, self.target, most)
            if translated is error:
                raise
            raise translated from error

    async def maybe(self, request: Awaitable[T]) -> T | None:
        """The same; None if Parlant has no such item."""
        try:
            return await self.call(request)
        except Absent:
            return None

    async def get(self, path: str, **params: str) -> Any:
        """JSON from a path that Parlant's client does not know."""

        async def read() -> Any:
            return (await self.http.get(path, params=params)).json()

        return await self.call(read())

    async def text(self, path: str) -> str:
        """A text, such as a drawing, from a path that Parlant's client does not know."""

        async def read() -> str:
            return (await self.http.get(path)).text

        return await self.call(read())

    async def _refuse_bad_answers(self, response: httpx.Response) -> None:
        if not response.is_success or response.status_code != 204:
            await response.aread()
        if error := of_response(response, self._secrets):
            raise error


async def _ask_fence(request: httpx.Request) -> None:
    """Raises LeaseLost, before anything is sent, for a change that may no longer be made."""
    if request.method not in ("GET", "HEAD"):
        fencing.check()


async def _tell_expected(request: httpx.Request) -> None:
    """For an embedded Parlant in another process: what it cannot answer is no fault."""
    if expecting.is_expected():
        request.headers[expecting.HEADER] = expecting.FAILURE
