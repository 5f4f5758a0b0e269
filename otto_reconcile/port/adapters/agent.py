"""Adapter of kind `agent`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.model import Resource, make
from otto_reconcile.planning.plan import Change
from otto_reconcile.port import modes
from otto_reconcile.port.adapters.base import bring, ensure_kept, given, register, values_of
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire


class AgentAdapter:
    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        agent = await view.agent()
        return [] if agent is None else [await from_wire(view.wire, agent)]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        try:
            return await self.post(wire, resource)
        except Failed:  # what Parlant says to an id that it has
            existing = await View(wire, resource.key, None).agent()
            if existing is None:
                raise
            return await bring(self, wire, resource, await from_wire(wire, existing))

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        spec = resource.spec
        tags = await wire.tags.ids(spec.get("tags", ()))
        values = given(
            id=resource.key,
            name=spec.get("name"),
            description=spec.get("description"),
            composition_mode=modes.to_wire(spec.get("composition_mode")),
            max_engine_iterations=spec.get("max_engine_iterations"),
            message_output_mode=spec.get("message_output_mode"),
            tags=tags or None,
        )
        made = await wire.call(wire.parlant.agents.create(**values))
        return ensure_kept(resource, await from_wire(wire, made))

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        values = values_of(resource, changes)
        if "composition_mode" in values:
            values["composition_mode"] = modes.to_wire(values["composition_mode"])
        if "tags" in values:
            values["tags"] = await wire.tags.changes(observed.spec.get("tags", ()), values["tags"])
        call = wire.parlant.agents.update(addressed(resource.key), **values)
        return ensure_kept(resource, await from_wire(wire, await wire.call(call)), [*values])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        with suppress(Absent):
            await wire.call(wire.parlant.agents.delete(addressed(observed.key)))


async def from_wire(wire: Wire, agent: Any) -> Resource:
    """An agent as Parlant's client gives it."""
    values = {
        "name": agent.name,
        "description": agent.description or None,
        "composition_mode": modes.from_wire(agent.composition_mode),
        "max_engine_iterations": agent.max_engine_iterations,
        "message_output_mode": agent.message_output_mode,
        "tags": await wire.tags.names(agent.tags),
    }
    return make("agent", agent.id, agent.id, values, remote_id=agent.id)


register("agent", AgentAdapter())
