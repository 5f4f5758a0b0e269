"""Tools: their names here and on the wire, and which of them are there. The adapters call it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from otto_reconcile.errors import Incomplete
from otto_reconcile.port.translate import Absent, Failed
from otto_reconcile.resources.guideline import BUILT_IN, HOSTED, LOCAL, short_tool

if TYPE_CHECKING:
    from otto_reconcile.port.wire import Wire

FRESH = 5.0
"""Seconds for which an answer of a service is good: bots that share it look one after the other."""
ANSWER = 5.0
"""Seconds that a service has to say what it offers: one that hangs must not hold up its bots."""


class Place(NamedTuple):
    """A tool as Parlant names it."""

    service: str
    tool: str

    def to_wire(self) -> dict[str, str]:
        return {"service_name": self.service, "tool_name": self.tool}


def split_tool(name: str) -> tuple[str, str]:
    """Service and tool; a bare name is a tool that is hosted with the server."""
    service, colon, tool = name.partition(":")
    return (service, tool) if colon else (BUILT_IN, name)


def tool_to_wire(name: str) -> dict[str, str]:
    """For what is surely no local tool; `Tools.place` knows those too."""
    return Place(*split_tool(name)).to_wire()


def tool_from_wire(place: Place) -> str:
    return short_tool(f"{place.service}:{place.tool}")


class Tools:
    """What Parlant's tool services offer, as they said a moment ago.

    `hosted` is the URL of the service of local tools in this process, None if there is none: it is
    registered whenever Parlant is seen without it, in a new life of Parlant for instance.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._services: dict[str, Any] | None = None
        self._offers: dict[str, tuple[float, frozenset[str] | None]] = {}
        self.hosted: str | None = None

    def expire(self) -> None:
        """The next question is answered by Parlant and its services again."""
        self._services = None
        self._offers.clear()

    def expire_list(self) -> None:
        """The same, but for what the services offer."""
        self._services = None

    async def services(self) -> dict[str, Any]:
        """Parlant's services by name; whether they answer it does not say."""
        if self._services is None:
            client = self._wire.parlant.services
            listed = {service.name: service for service in await self._wire.call(client.list())}
            if self.hosted is not None and not _is_at(listed.get(LOCAL), self.hosted):
                place: Any = {"url": self.hosted}
                call = client.create_or_update(LOCAL, kind="sdk", sdk=place)
                listed[LOCAL] = await self._wire.call(call)
                self._offers.pop(LOCAL, None)
            self._services = listed
        return self._services

    async def place(self, name: str) -> Place:
        """Where the tool is: a bare name is a local tool if there is one of that name."""
        service, tool = split_tool(short_tool(name))
        if service == BUILT_IN and tool in (await self._offered(LOCAL) or ()):
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
            if offered is None:
                found[name] = f"{name} (tool service {service!r} does not answer)"
            elif service not in await self.services():
                found[name] = f"{name} (there is no tool service {service!r})"
            elif tool not in offered:
                found[name] = name
        return found

    async def _offered(self, service: str) -> frozenset[str] | None:
        """The tools of a service; none if there is no such service, None if it does not answer."""
        if service not in await self.services():
            return frozenset()
        at, offered = self._offers.get(service, (0.0, None))
        if service not in self._offers or time.monotonic() - at > FRESH:
            offered = await self._ask(service)
            self._offers[service] = (time.monotonic(), offered)
        return offered

    async def _ask(self, service: str) -> frozenset[str] | None:
        try:
            async with asyncio.timeout(ANSWER):
                call = self._wire.parlant.services.retrieve(service)
                return frozenset(tool.name for tool in (await self._wire.call(call)).tools or ())
        except Absent:
            return frozenset()
        except (Failed, TimeoutError):
            return None


def not_there(missing: Iterable[str]) -> Incomplete:
    """The error for tools that are not there, from the texts that `Tools.missing` gives."""
    texts = sorted(missing)
    what = "a tool is" if len(texts) == 1 else f"{len(texts)} tools are"
    return Incomplete(f"{what} not there (yet): {', '.join(texts)}", status=404)


def _is_at(service: Any, url: str) -> bool:
    return service is not None and service.kind == "sdk" and service.url.rstrip("/") == url
