"""Tools: their names here and on the wire, and which of them are there. The adapters call it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from otto_reconcile.errors import Incomplete, TargetRefused
from otto_reconcile.manifest.messages import near
from otto_reconcile.model.part import BUILT_IN, HOSTED, LOCAL, short_tool
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.connection import Connection
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.host_process import Place

Offer: TypeAlias = frozenset[str] | Literal["dead", "untold"]
"""The tools of a service; or that it does not answer, or that Parlant cannot tell them."""

FRESH = 5.0
"""Seconds for which an answer of a service is good: bots that share it look one after the other."""
ANSWER = 5.0
"""Seconds that a service has to say what it offers: one that hangs must not hold up its bots."""

MOST_NAMED = 10
"""Services that are named to say which there are."""


def split_tool(name: str) -> tuple[str, str]:
    """Service and tool; a bare name is a tool that is hosted with the server."""
    service, colon, tool = name.partition(":")
    return (service, tool) if colon else (BUILT_IN, name)


def tool_from_wire(place: Place) -> str:
    return short_tool(f"{place.service}:{place.tool}")


class Tools:
    """What Parlant's tool services offer, as they said a moment ago."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._services: dict[str, Any] | None = None
        self._last: dict[str, Any] = {}
        self._offers: dict[str, tuple[float, Offer]] = {}
        self._hosted: str | None = None
        self._local: frozenset[str] = frozenset()
        self.declared: frozenset[str] = frozenset()

    def host(self, url: str | None, names: Iterable[str] = ()) -> None:
        """The service of local tools in this process: it is registered whenever it is not there.

        Called again, it has the next question answered by Parlant and its services anew.
        """
        self._hosted, self._local = url, frozenset(names)
        self.expire()

    def expire(self) -> None:
        """The next question is answered by Parlant and its services again."""
        self._services = None
        self._offers.clear()

    def expire_list(self) -> None:
        """The same, but for what the services offer."""
        self._services = None

    async def services(self) -> dict[str, Any]:
        """Parlant's services by name; whether they answer it does not say.

        While Parlant waits for one of them, it lists none: then those that were there last.
        """
        if self._services is None:
            client = self._connection.parlant.services
            try:
                async with asyncio.timeout(ANSWER):
                    found = await self._connection.call(client.list())
            except TimeoutError:
                self._services = self._last
                return self._last
            listed = {service.name: service for service in found}
            if self._hosted is not None and not _is_at(listed.get(LOCAL), self._hosted):
                place: Any = {"url": self._hosted}
                call = client.create_or_update(LOCAL, kind="sdk", sdk=place)
                listed[LOCAL] = await self._connection.call(call)
                self._offers.pop(LOCAL, None)
            self._services = self._last = listed
        return self._services

    async def place(self, name: str) -> Place:
        """Where the tool is: a bare name is a local tool if there is one of that name."""
        service, tool = split_tool(short_tool(name))
        if service == BUILT_IN and tool in await self._offered(LOCAL):
            service = LOCAL
        return Place(service, tool)

    async def to_wire(self, name: str) -> dict[str, str]:
        return (await self.place(name)).to_wire()

    def candidates(self, name: str) -> list[Place]:
        """Where the tool may ever have been."""
        service, tool = split_tool(short_tool(name))
        return [Place(other, tool) for other in (HOSTED if service == BUILT_IN else (service,))]

    async def missing(self, names: Iterable[str]) -> dict[str, str]:
        """Those tools that are not there, each with a text that names it and says why, sorted."""
        found = {}
        for name in sorted(set(names)):
            service, tool = await self.place(name)
            offered = await self._offered(service)
            if offered == "untold":
                continue
            if offered == "dead":
                found[name] = f"{name} (tool service {service!r} does not answer)"
            elif service not in await self.services():
                found[name] = f"{name} ({await self._no_service(service)})"
            elif tool not in offered:
                hint = near(tool, await self._beside(service, offered))
                found[name] = f"{name} ({hint})" if hint else name
        return found

    async def _no_service(self, service: str) -> str:
        """A service that is wanted, and not there since nobody names it, may be what was meant."""
        names = sorted(await self.services())
        some = ", ".join(map(repr, names[:MOST_NAMED])) + (", ..." if names[MOST_NAMED:] else "")
        hint = near(service, {*names, *self.declared} - {service})
        there = f", only {some}" if some else ""
        return f"there is no tool service {service!r}{there}{f'; {hint}' if hint else ''}"

    async def _beside(self, service: str, offered: frozenset[str]) -> frozenset[str]:
        """The tools that may have been meant: of a hosted one, all that are hosted."""
        if service not in HOSTED:
            return offered
        offers = [await self._offered(hosted) for hosted in HOSTED]
        return frozenset().union(*(offer for offer in offers if isinstance(offer, frozenset)))

    async def lacking(self, names: Iterable[str]) -> dict[str, str]:
        """As `missing`, for many tools: their services are all asked at the same time."""
        tools = set(names)
        await self.services()
        await asyncio.gather(*(self._offered(s) for s in {split_tool(t)[0] for t in tools}))
        return await self.missing(tools)

    async def _offered(self, service: str) -> Offer:
        """Nothing if there is no such service."""
        services = await self.services()
        if service not in services:
            return frozenset()
        if service == LOCAL and self._hosted is not None:
            return self._local
        at, offered = self._offers.get(service, (0.0, frozenset[str]()))
        if service not in self._offers or time.monotonic() - at > FRESH:
            offered = await self._ask(services[service])
            self._offers[service] = (time.monotonic(), offered)
        return offered

    async def _ask(self, service: Any) -> Offer:
        try:
            async with asyncio.timeout(ANSWER):
                call = self._connection.parlant.services.retrieve(addressed(service.name))
                answer = await self._connection.call(call, may_fail=True)
                return frozenset(tool.name for tool in answer.tools or ())
        except Absent:
            return frozenset()
        except TimeoutError:
            return "dead"
        except Failed:
            # A tool with a date among its parameters keeps Parlant's API from telling any of them.
            if service.kind == "sdk":
                return await _asked_itself(service.url)
            # What Parlant can reach is known here only where it runs in this process.
            host = self._connection.host
            beside = service.kind == "mcp" and host.journey is not None and host.beside
            return "dead" if beside and not await _is_open(service.url) else "untold"


def not_there(missing: Iterable[str], *, made: bool = False) -> TargetRefused:
    """The error for tools that are not there, from the texts that `Tools.missing` gives.

    `made` says that what needs them is there all the same.
    """
    error = Incomplete if made else TargetRefused
    texts = sorted(missing)
    what = "a tool is" if len(texts) == 1 else f"{len(texts)} tools are"
    return error(f"{what} not there (yet): {', '.join(texts)}", status=404)


async def _asked_itself(url: str) -> Offer:
    """What a service of kind sdk says to us."""
    try:
        async with httpx.AsyncClient(timeout=ANSWER) as http:
            answer = (await http.get(f"{url.rstrip('/')}/tools")).json()
            return frozenset(str(tool["name"]) for tool in answer["tools"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return "dead"


async def _is_open(url: str) -> bool:
    """True if something listens there."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(ANSWER):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443)
    except (OSError, ValueError):
        return False
    writer.close()
    return True


def _is_at(service: Any, url: str) -> bool:
    return service is not None and service.kind == "sdk" and service.url.rstrip("/") == url
