"""Tools: their names here and on the wire, and which of them are there. The adapters call it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from otto_reconcile.errors import TargetRefused
from otto_reconcile.port.translate import Absent, Failed
from otto_reconcile.resources.guideline import BUILT_IN, LOCAL, short_tool

if TYPE_CHECKING:
    from otto_reconcile.port.wire import Wire

FRESH = 5.0
"""Seconds for which an answer of a service is good: bots that share it look one after the other."""
ANSWER = 5.0
"""Seconds that a service has to say what it offers: one that hangs must not hold up its bots."""


def split_tool(name: str) -> tuple[str, str]:
    """Service and tool; a bare name is a tool that is hosted with the server."""
    service, colon, tool = name.partition(":")
    return (service, tool) if colon else (BUILT_IN, name)


def tool_to_wire(name: str) -> dict[str, str]:
    """For what is surely no local tool; `Tools.to_wire` knows those too."""
    service, tool = split_tool(name)
    return {"service_name": service, "tool_name": tool}


def tool_from_wire(service: str, tool: str) -> str:
    return short_tool(f"{service}:{tool}")


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

    async def to_wire(self, name: str) -> dict[str, str]:
        """A bare name is a local tool if there is one of that name."""
        service, tool = split_tool(name)
        if ":" not in name and tool in (await self._offered(LOCAL) or ()):
            service = LOCAL
        return {"service_name": service, "tool_name": tool}

    async def missing(self, names: Iterable[str]) -> list[str]:
        """Those tools that are not there, each with the reason if its service is at fault."""
        found = []
        for name in sorted(set(names)):
            place = await self.to_wire(name)
            service = place["service_name"]
            offered = await self._offered(service)
            if offered is None:
                found.append(f"{name} (tool service {service!r} does not answer)")
            elif place["tool_name"] not in offered:
                there = service in await self.services()
                found.append(name if there else f"{name} (there is no tool service {service!r})")
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


def not_there(missing: Iterable[str]) -> TargetRefused:
    """The error that names tools that are not there."""
    names = sorted(missing)
    what = "tool is" if len(names) == 1 else "tools are"
    return TargetRefused(f"{len(names)} {what} not there (yet): {', '.join(names)}", status=404)


def _is_at(service: Any, url: str) -> bool:
    return service is not None and service.kind == "sdk" and service.url.rstrip("/") == url
