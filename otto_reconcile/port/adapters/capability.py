"""Adapter of kind `capability`: Parlant gives the id, so it is found again by its title."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.model import Resource, make
from otto_reconcile.model.parts import named_key
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import ensure_kept, given, register, values_of
from otto_reconcile.port.adapters.natural_keys import brought, matched, with_strays
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire, agent_tag


class CapabilityAdapter:
    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        return wire.parlant.capabilities.list()

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        client = wire.parlant.capabilities
        return await wire.maybe(client.retrieve(addressed(remote_id)))

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        client, wanted = view.wire.parlant.capabilities, {resource.key for resource in known}
        own = agent_tag(view.bot_id)
        listed = await view.listed("capabilities", client.list, [own], tag_id=own)
        items = await with_strays(view, known, listed, lambda i: client.retrieve(addressed(i)))
        found = matched(known, items, lambda item: named_key(view.bot_id, item.title))
        return [
            await _from_wire(view.wire, item, key, view.bot_id)
            for key, item in sorted(found.items())
            if unmanaged or key in wanted
        ]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        return await brought(self, wire, resource, fresh)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        spec = resource.spec
        tags = [agent_tag(resource.bot_id), *await wire.tags.ids(spec.get("tags", ()))]
        call = wire.parlant.capabilities.create(
            title=spec["title"],
            description=spec["description"],
            signals=spec.get("signals", []),
            tags=tags,
        )
        made = await _from_wire(wire, await wire.call(call), resource.key, resource.bot_id)
        return ensure_kept(resource, made)

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        values = values_of(resource, changes)
        if "tags" in values:
            before = observed.spec.get("tags", ())
            values["tags"] = await wire.tags.changes(before, values["tags"], bot_id=resource.bot_id)
        key = addressed(str(observed.remote_id))
        call = wire.parlant.capabilities.update(key, **given(**values))
        made = await _from_wire(wire, await wire.call(call), resource.key, resource.bot_id)
        return ensure_kept(resource, made, [change.field for change in changes])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        if observed.remote_id is not None:
            with suppress(Absent):
                await wire.call(wire.parlant.capabilities.delete(addressed(observed.remote_id)))


async def _from_wire(wire: Wire, capability: Any, key: str, bot_id: str) -> Resource:
    values = {
        "title": capability.title,
        "description": capability.description,
        "signals": list(capability.signals),
        "tags": await wire.tags.of_part(capability.tags or (), bot_id),
    }
    return make("capability", key, bot_id, values, remote_id=capability.id)


register("capability", CapabilityAdapter())
