"""Adapter of kind `journey`. Only labels and tags are ever patched: more would break the server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from otto_reconcile.errors import NotApplied
from otto_reconcile.plan import Change
from otto_reconcile.port import modes
from otto_reconcile.port.adapters.base import bring, ensure_kept, given, register, values_of
from otto_reconcile.port.judging import place_new_conditions
from otto_reconcile.port.mending import delete_journey, delete_orphans
from otto_reconcile.port.translate import Failed
from otto_reconcile.port.view import View
from otto_reconcile.port.wire import Wire, addressed, agent_tag, missing_mark
from otto_reconcile.resources import Resource, make

_PATCHABLE = frozenset({"labels", "tags"})


class JourneyAdapter:
    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        wanted = {resource.key for resource in known}
        listed = await view.journeys() if unmanaged or view.sweeping else ()
        found = {journey.id: journey for journey in listed}
        for key in await view.strays(wanted - found.keys()):
            if journey := await view.maybe(_retrieve(view.wire, key)):
                found[key] = journey
        chosen = [journey for key, journey in sorted(found.items()) if unmanaged or key in wanted]
        return [await _observed(view, journey) for journey in chosen]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        # Asked first: a refused creation leaves the conditions behind as global guidelines.
        if not fresh and (existing := await _existing(wire, resource)):
            return await bring(self, wire, resource, existing)
        try:
            return await self._post(wire, resource)
        except Failed:  # what Parlant says to an id that it has, and where it stops half-way
            existing = await _existing(wire, resource)
            if existing is None:
                raise
            await delete_orphans(wire, resource.spec.get("conditions", ()))
            if not _is_half_made(existing):
                return await bring(self, wire, resource, existing)
            await self.delete(wire, existing)
        return await self.post(wire, resource)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        """Leaves nothing behind where Parlant fails half-way: what is half made is never found."""
        try:
            return await self._post(wire, resource)
        except Failed:
            await self.delete(wire, resource)
            await delete_orphans(wire, resource.spec.get("conditions", ()))
            raise

    async def _post(self, wire: Wire, resource: Resource) -> Resource:
        spec = resource.spec
        conditions = spec.get("conditions", [])
        values = given(
            id=resource.key,
            title=spec["title"],
            description=spec.get("description", ""),
            conditions=conditions,
            labels=spec.get("labels") or None,
            priority=spec.get("priority"),
            composition_mode=modes.to_wire(spec.get("composition_mode")),
            tags=[agent_tag(resource.bot_id), *await wire.tags.ids(spec.get("tags", ()))],
        )
        made = await wire.call(wire.parlant.journeys.create(**values))
        if len(made.conditions) != len(conditions):
            raise NotApplied(f"Parlant accepted {resource.ref} but did not keep: conditions")
        await place_new_conditions(wire, resource, made.conditions)
        # Their texts would cost another call: the answer has their ids, in number and order.
        return ensure_kept(resource, await _from_wire(wire, made, resource.bot_id, conditions))

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        values = values_of(resource, changes)
        if values.keys() - _PATCHABLE:
            await self.delete(wire, observed)
            return await self.post(wire, resource)
        sent: dict[str, Any] = {}
        if "labels" in values:
            wanted, found = set(values["labels"]), set(observed.spec.get("labels", ()))
            sent["labels"] = {"upsert": sorted(wanted - found), "remove": sorted(found - wanted)}
        if "tags" in values:
            before = observed.spec.get("tags", ())
            sent["tags"] = await wire.tags.changes(before, values["tags"], bot_id=resource.bot_id)
        call = wire.parlant.journeys.update(addressed(resource.key), **sent)
        conditions = observed.spec.get("conditions", ())
        made = await _from_wire(wire, await wire.call(call), resource.bot_id, conditions)
        return ensure_kept(resource, made, [*values])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        await delete_journey(wire, observed.key)


def _retrieve(wire: Wire, key: str) -> Any:
    return wire.parlant.journeys.retrieve(addressed(key))


async def _existing(wire: Wire, resource: Resource) -> Resource | None:
    view = View(wire, resource.bot_id, None)
    journey = await view.maybe(_retrieve(wire, resource.key))
    return None if journey is None else await _observed(view, journey)


def _is_half_made(journey: Resource) -> bool:
    """True if Parlant stopped before it bound its tags and conditions; it has no vector then."""
    spec = journey.spec
    return missing_mark(journey.bot_id) in spec["tags"] and not spec["conditions"]


async def _observed(view: View, journey: Any) -> Resource:
    texts: dict[str, str] = {}
    if journey.conditions:
        texts = {g.id: g.condition for g in await view.conditions(journey.id)}
    # A condition without its guideline has to show as a difference.
    conditions = [texts.get(key, f"(missing) guideline {key}") for key in journey.conditions]
    return await _from_wire(view.wire, journey, view.bot_id, conditions)


async def _from_wire(wire: Wire, journey: Any, bot_id: str, conditions: Sequence[str]) -> Resource:
    values = {
        "title": journey.title,
        "description": journey.description,
        "conditions": list(conditions),
        "labels": list(journey.labels or ()),
        "priority": journey.priority,
        "composition_mode": modes.from_wire(journey.composition_mode),
        "tags": await wire.tags.of_part(journey.tags, bot_id),
    }
    return make("journey", journey.id, bot_id, values, remote_id=journey.id)


register("journey", JourneyAdapter())
