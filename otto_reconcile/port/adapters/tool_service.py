"""Adapter of kind `tool_service`: matched by name; a PUT makes one or changes it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from otto_reconcile.errors import TargetUnavailable
from otto_reconcile.model import Resource, make
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import ensure_kept, given, register
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire

REACH = 10.0
"""Seconds that Parlant gets to reach a service: it tries for half a minute, in which bots wait."""


class ToolServiceAdapter:
    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known:
            return []
        listed = await view.wire.tools.services()
        found = (_from_wire(listed[r.key], view.bot_id, None) for r in known if r.key in listed)
        return [replace(resource, unseen=frozenset({"source"})) for resource in found]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        spec = resource.spec
        values: Any = {spec["kind"]: given(url=spec["url"], source=spec.get("source"))}
        services, key = wire.parlant.services, addressed(resource.key)
        try:
            async with asyncio.timeout(REACH):
                made = await wire.call(services.create_or_update(key, kind=spec["kind"], **values))
        except (Failed, TimeoutError) as error:
            what = "its description" if spec["kind"] == "openapi" else "the service"
            raise TargetUnavailable(
                f"Parlant cannot reach tool service {resource.key!r}",
                hint=f"is {what} there, and can Parlant's machine reach it?",
            ) from error
        finally:
            wire.tools.expire()
        found = _from_wire(made, resource.bot_id, spec.get("source"))
        return ensure_kept(resource, found)

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        return await self.create(wire, resource, fresh=False)

    async def delete(self, wire: Wire, observed: Resource) -> None:
        try:
            # Parlant answers 500, not 404, to a second deletion before it serves.
            if observed.key in await wire.tools.services():
                with suppress(Absent):
                    await wire.call(wire.parlant.services.delete(addressed(observed.key)))
        finally:
            wire.tools.expire()


def _from_wire(service: Any, bot_id: str, source: str | None) -> Resource:
    values = {"kind": service.kind, "url": service.url.rstrip("/"), "source": source}
    return make("tool_service", service.name, bot_id, values, remote_id=service.name)


register("tool_service", ToolServiceAdapter())
