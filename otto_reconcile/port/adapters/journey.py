"""Adapter of kind `journey`. Only labels and tags are ever patched: more would break the server."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from typing import Any

from otto_reconcile.errors import NotApplied, TargetRefused
from otto_reconcile.model import JSON, Resource, make
from otto_reconcile.planning.plan import Change
from otto_reconcile.port import mermaid, modes
from otto_reconcile.port.adapters.base import bring, ensure_kept, given, register, values_of
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.cascade_delete import delete_journey, delete_orphans
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.evaluations import (
    checked_conditions,
    metadata_of_states,
    place_new_conditions,
)
from otto_reconcile.port.host_process import OR_BRIDGE
from otto_reconcile.port.made_journeys import recalled, relationships_of, unbind
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Made, Wire, agent_tag, missing_mark
from otto_reconcile.port.tools import not_there

_PATCHABLE = frozenset({"labels", "tags"})
LONGEST_TITLE = 100


class JourneyAdapter:
    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        return wire.journeys.list()

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        return await wire.maybe(wire.journeys.retrieve(remote_id))

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        wanted = {resource.key: resource for resource in known}
        listed = await view.journeys() if unmanaged or view.sweeping else ()
        found = {journey.id: journey for journey in listed}
        for key in await view.strays(wanted.keys() - found.keys()):
            if journey := await view.wire.maybe(view.wire.journeys.retrieve(key)):
                found[key] = journey
        chosen = [journey for key, journey in sorted(found.items()) if unmanaged or key in wanted]
        return [await _observed(view, journey, wanted.get(journey.id)) for journey in chosen]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        # Asked first: a refused creation leaves the conditions behind as global guidelines.
        if not fresh and (existing := await _existing(wire, resource)):
            return await bring(self, wire, resource, existing)
        try:
            return await self._post(wire, resource, later=fresh)
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

    async def _post(self, wire: Wire, resource: Resource, *, later: bool = False) -> Resource:
        """With `later` its conditions wait until a model has evaluated them: see `evaluations`."""
        spec = resource.spec
        conditions = spec.get("conditions", [])
        if spec.get("states"):
            return await _with_states(wire, resource, later)
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
        made = await wire.call(wire.journeys.create(**values))
        if len(made.conditions) != len(conditions):
            raise NotApplied(f"Parlant accepted {resource.ref} but did not keep: conditions")
        wire.conditions.update(dict.fromkeys(made.conditions, resource.key))
        await place_new_conditions(wire, resource, made.conditions, later=later)
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
        call = wire.journeys.update(resource.key, **sent)
        conditions = observed.spec.get("conditions", ())
        made = await _from_wire(wire, await wire.call(call), resource.bot_id, conditions)
        return ensure_kept(resource, made, [*values])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        """Parlant would leave the relationships of its tool states, and stumble over them."""
        if observed.key not in wire.made_journeys and wire.host.recall is not None:
            await recalled(wire, observed.key)
        await unbind(wire, observed.key)
        await delete_journey(wire, observed.key)


UNMADE = (
    "states of a journey can only be made in the process that hosts Parlant: let `run` host it,"
    f" without --parlant-url, {OR_BRIDGE}"
)


async def unmade(wire: Wire, resource: Resource) -> str | None:
    """Why this journey cannot be made on the target; None if it can.

    One that is there is not given up for another whose tools are not there: nothing would be left.
    """
    if not resource.spec.get("states"):
        return None
    if wire.host.journey is None:
        return UNMADE
    if await recalled(wire, resource.key) is None:
        return None
    missing = await wire.tools.missing(_tools(resource))
    return not_there(missing.values()).message if missing else None


def _tools(journey: Resource) -> list[str]:
    return sorted({tool for state in journey.spec["states"] for tool in state.get("tools", ())})


async def _with_states(wire: Wire, resource: Resource, later: bool) -> Resource:
    """Made by the SDK, in one go but for its tags; the states are then read back."""
    if wire.host.journey is None:
        raise TargetRefused(f"{resource.ref}: {UNMADE}", status=422)
    spec = resource.spec
    if not 1 <= len(spec["title"]) <= LONGEST_TITLE:  # the SDK takes it, and no list shows it then
        what = f"the title of a journey has 1 to {LONGEST_TITLE} characters"
        raise TargetRefused(f"{resource.ref}: {what}", status=422)
    tools = _tools(resource)
    if missing := await wire.tools.missing(tools):
        raise not_there(missing.values())
    places = {tool: await wire.tools.place(tool) for tool in tools}
    tags = await wire.tags.ids(spec.get("tags", ()))
    try:
        await wire.host.journey(resource, places, metadata_of_states(wire, resource))
    except Exception as error:
        for relationship in await relationships_of(wire, resource):
            await wire.call(wire.parlant.relationships.delete(relationship))
        raise Failed(f"Parlant failed at making {resource.ref}: {error}") from error
    relationships = await relationships_of(wire, resource)
    wire.made_journeys[resource.key] = Made(spec["states"], relationships)
    view = View(wire, resource.bot_id, None)
    try:
        journey = await _tagged(wire, resource.key, tags)
    except Failed:  # what cannot be read would keep every other journey from being listed
        await unbind(wire, resource.key)
        await wire.call(wire.journeys.delete(resource.key))
        raise
    wire.new_conditions.pop(resource.key, None)
    if not later:  # later they are told apart by their texts
        # Parlant lists the conditions of a journey that it reads by their checksums, not as given.
        keys = {one.condition: one.id for one in await view.conditions(resource.key)}
        given = [keys[text] for text in spec.get("conditions", ()) if text in keys]
        if len(given) == len(journey.conditions):
            await place_new_conditions(wire, resource, given)
    return ensure_kept(resource, await _observed(view, journey, resource))


async def _tagged(wire: Wire, key: str, tags: Sequence[str]) -> Any:
    if tags:
        adding: Any = {"add": tags}
        await wire.call(wire.journeys.update(key, tags=adding))
    return await wire.call(wire.journeys.retrieve(key))


async def _lost(view: View, relationships: Sequence[str]) -> bool:
    """True if one of these is gone; what Parlant cannot show (to a dead service, say) is not.

    Without it the journey is not looked at again once the tool was called.
    """
    listed = await view.relationships()
    if listed is not None:
        return not {relationship.id for relationship in listed}.issuperset(relationships)
    for key in relationships:
        try:
            call = view.wire.parlant.relationships.retrieve(key)
            await view.wire.call(call, may_fail=True)
        except Absent as error:
            if error.item == key:
                return True
        except Failed:
            continue
    return False


async def _states(view: View, key: str, known: Resource) -> list[JSON]:
    """The states that are there: as wanted or as they were made, if that is what the chart shows.

    What a chart does not show (ids, tools, metadata) is as it was made here, for nothing else in
    this process makes states; but a state has no tool if Parlant has lost what binds it to it.
    """
    wire = view.wire
    shown = mermaid.read(await wire.text(f"/journeys/{addressed(key)}/mermaid"))
    made = await recalled(wire, key)
    states: list[JSON] = list(made.states if made is not None else known.spec["states"])
    if mermaid.seen(states) != shown:
        return mermaid.recognised(shown, states)
    unbound = made is not None and await _lost(view, made.relationships)
    return [{**s, "tools": []} if unbound and "tools" in s else s for s in states]


async def _existing(wire: Wire, resource: Resource) -> Resource | None:
    view = View(wire, resource.bot_id, None)
    journey = await view.wire.maybe(wire.journeys.retrieve(resource.key))
    return None if journey is None else await _observed(view, journey, resource)


def _is_half_made(journey: Resource) -> bool:
    """True if Parlant stopped before it bound its tags and conditions; it has no vector then."""
    spec = journey.spec
    return missing_mark(journey.bot_id) in spec["tags"] and not spec["conditions"]


async def _observed(view: View, journey: Any, known: Resource | None) -> Resource:
    texts: dict[str, str] = {}
    if journey.conditions:
        found = await view.conditions(journey.id, journey.conditions)
        texts = {guideline.id: guideline.condition for guideline in found}
        if known is not None:
            view.checks += checked_conditions(view.wire, known, found)
    # A condition without its guideline has to show as a difference.
    conditions = [texts.get(key, f"(missing) guideline {key}") for key in journey.conditions]
    states = None
    if known is not None and "states" in known.spec:
        states = await _states(view, journey.id, known)
    return await _from_wire(view.wire, journey, view.bot_id, conditions, states)


async def _from_wire(
    wire: Wire,
    journey: Any,
    bot_id: str,
    conditions: Sequence[str],
    states: Sequence[JSON] | None = None,
) -> Resource:
    values = {
        "title": journey.title,
        "description": journey.description,
        "conditions": list(conditions),
        "labels": list(journey.labels or ()),
        "priority": journey.priority,
        "composition_mode": modes.from_wire(journey.composition_mode),
        "tags": await wire.tags.of_part(journey.tags, bot_id),
        "states": states,
    }
    return make("journey", journey.id, bot_id, values, remote_id=journey.id)


register("journey", JourneyAdapter())
