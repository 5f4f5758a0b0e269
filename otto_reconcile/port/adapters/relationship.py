"""Adapter of kind `relationship`: matched by what it binds, since Parlant gives ids of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.errors import NotApplied, TargetRefused
from otto_reconcile.model import Resource
from otto_reconcile.model.relationship import ANY, is_of_host, of_all
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import ensure_kept, register
from otto_reconcile.port.adapters.relationship_ends import (
    GROUP,
    end_inside,
    end_to_wire,
    from_wire,
    query_of,
    tool_ends,
)
from otto_reconcile.port.adapters.relationship_lists import listed_by_end, listed_for, same_as
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.cascade_delete import release_dangling
from otto_reconcile.port.disambiguation import (
    conditions,
    is_of_journey,
    joined,
    journey_meant,
    remote_ids,
    whole,
)
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.host_process import OR_BRIDGE, NoRelations
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire


class RelationshipAdapter:
    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        own = await _own_ends(view) if unmanaged else frozenset()
        listed = await view.relationships() if known or unmanaged else ()
        kept: list[Resource] = []
        if listed is None:
            listed, hidden = await listed_for(view.wire, known, own)
            kept = [r for r in known if {r.spec["source"], r.spec["target"]} & hidden]
        tools = tool_ends(known)
        wanted = {resource.key for resource in known}
        alike = _as_known(view.wire, known)
        found: dict[str, Resource] = {}
        covered: dict[str, set[str]] = {}
        for relationship in listed:
            for resource in map(alike, from_wire(relationship, view.bot_id, tools)):
                belongs = own.issuperset((resource.spec["source"], resource.spec["target"]))
                if resource.key in wanted or (unmanaged and belongs):
                    found[resource.key] = joined(found.get(resource.key), resource)
                    if journey_meant(relationship):
                        covered.setdefault(resource.key, set()).add(
                            relationship.target_guideline.id
                        )
        for resource in kept:
            if resource.key not in found and await _is_hidden(view.wire, resource):
                found[resource.key] = resource
        return await whole(view, [found[key] for key in sorted(found)], covered)

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        if is_of_journey(resource.spec):
            return await self._disambiguate(wire, resource)
        # What hides it would do so at every look, which would make it again each time.
        if not fresh and (standing := await _standing(wire, resource)):
            return standing
        spec = resource.spec
        if is_of_host(spec):
            return await _made_inside(wire, resource)
        refusing = (await wire.versions.release()).refuses_rings
        if not refusing and await _closes_a_ring(wire, resource):
            raise _ring(resource)
        values = {
            **await end_to_wire(wire, "source", spec["source"]),
            **await end_to_wire(wire, "target", spec["target"]),
        }
        try:  # where it exists, Parlant replaces it by an equal one with another id
            call = wire.parlant.relationships.create(kind=spec["kind"], **values)
            made = await wire.call(call)
        except Absent as error:
            await _refuse_missing(wire, resource, error.item)
            raise
        except Failed as error:
            if not await _closes_a_ring(wire, resource):
                raise
            raise _ring(resource) from error
        ours = from_wire(made, resource.bot_id, tool_ends([resource]))
        same = next((r for r in ours if r.key == resource.key), ours[0])
        return ensure_kept(resource, same)

    async def _disambiguate(self, wire: Wire, resource: Resource) -> Resource:
        """One to each condition, as Parlant's SDK does; one that is there is replaced."""
        view, spec = View(wire, resource.bot_id, None), resource.spec
        targets = await conditions(view, str(spec["target"]))
        if not targets:
            raise TargetRefused(f"{resource.ref}: {spec['target']} is not there", status=404)
        end = str(spec["source"])
        if (await listed_by_end(wire, [end]))[1]:
            await release_dangling(wire, end, await query_of(wire, end), resource.bot_id)
        source = await end_to_wire(wire, "source", end)
        for target in targets:
            ends: Any = {**source, "target_guideline": target}
            await wire.call(wire.parlant.relationships.create(kind=spec["kind"], **ends))
        made = await self.observe(view, [resource], unmanaged=False)
        if not made:
            raise NotApplied(f"Parlant accepted {resource.ref} but did not keep it")
        return made[0]

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        await self.delete(wire, observed)
        return await self.create(wire, resource, fresh=True)

    async def delete(self, wire: Wire, observed: Resource) -> None:
        if is_of_host(observed.spec) and wire.host.relations is not None:
            for remote_id in remote_ids(observed):
                await wire.host.relations.delete(remote_id)
            return
        gone = 0
        for remote_id in (ids := remote_ids(observed)):
            with suppress(Absent):
                await wire.call(wire.parlant.relationships.delete(remote_id))
                gone += 1
        if ids and gone == len(ids):
            return
        # Making it again gave it another id: look for it by what it binds.
        view = View(wire, observed.bot_id, None)
        for found in await self.observe(view, [observed], unmanaged=False):
            for remote_id in remote_ids(found):
                with suppress(Absent):
                    await wire.call(wire.parlant.relationships.delete(remote_id))


UNRELATED = (
    "a Parlant server elsewhere cannot be told that one of several is enough: let `run` host it,"
    f" without --parlant-url, {OR_BRIDGE}"
)


def unrelated(wire: Wire, resource: Resource) -> str | None:
    """Why this relationship cannot be made on the target; None if it can."""
    return UNRELATED if is_of_host(resource.spec) and wire.host.relations is None else None


async def _made_inside(wire: Wire, resource: Resource) -> Resource:
    if wire.host.relations is None:
        raise TargetRefused(f"{resource.ref}: {UNRELATED}", status=422)
    # Parlant itself makes one to something that is not there, and never shows it.
    await _refuse_missing(wire, resource)
    spec = resource.spec
    # Those of one source and group have one id: Parlant asks for one of them.
    group = f"{GROUP}{spec['source']}:{spec['group']}" if spec["kind"] == ANY else None
    ends = [await end_inside(wire, str(spec[side])) for side in ("source", "target")]
    try:
        await wire.host.relations.make(spec["kind"], ends[0], ends[1], group)
    except ValueError as error:  # what Parlant raises for a ring
        raise _ring(resource) from error
    same = same_as(resource, await wire.host.relations.all())
    if same is None:
        raise NotApplied(f"Parlant accepted {resource.ref} but did not keep it")
    return ensure_kept(resource, same)


async def _refuse_missing(wire: Wire, resource: Resource, item: str | None = None) -> None:
    """Raises TargetRefused for an end that is not there; `item` is the only one that may not be."""
    for side in ("source", "target"):
        kind, _, name = str(resource.spec[side]).partition(":")
        if kind not in ("guideline", "journey", "agent") or item not in (None, name):
            continue
        try:
            client: Any = getattr(wire.parlant, f"{kind}s")
            await wire.call(client.retrieve(addressed(name)), may_fail=True)
        except (Absent, Failed) as error:
            # Parlant also says so of one that is there, for something that it is bound to.
            if isinstance(error, Failed) or error.item not in ("", name):
                continue
            message = f"{resource.ref}: its {side}, {kind} {name!r}, is not on the server"
            raise TargetRefused(message, status=404) from None


async def _own_ends(view: View) -> frozenset[str]:
    """The ends that belong to the bot."""
    if view.own is not None:
        return view.own
    ends = {f"agent:{view.bot_id}"}
    ends.update(f"guideline:{guideline.id}" for guideline in await view.guidelines())
    ends.update(f"journey:{journey.id}" for journey in await view.journeys())
    return frozenset(ends)


def _as_known(wire: Wire, known: Iterable[Resource]) -> Callable[[Resource], Resource]:
    """From elsewhere any of what has a tag looks like all of it: it is what was made, by its id."""
    same = {
        of_all(r): r for r in known if r.spec["target"] != of_all(r)[2] and r.remote_id is not None
    }

    def told(found: Resource) -> Resource:
        other = same.get(of_all(found)) if isinstance(wire.host.relations, NoRelations) else None
        return found if other is None or other.remote_id != found.remote_id else other

    return told


async def _is_hidden(wire: Wire, resource: Resource) -> bool:
    """True if it is there, though Parlant's API lists none of its ends and may not show it either.

    It shows no relationship of an end that has one of kind `dependency_any`.
    """
    if not resource.remote_id:
        return False
    try:
        call = wire.parlant.relationships.retrieve(resource.remote_id)
        await wire.call(call, may_fail=True)
    except Absent:
        return False
    except Failed:
        return is_of_host(resource.spec)
    return True


async def _standing(wire: Wire, resource: Resource) -> Resource | None:
    """The relationship, if it is there. If it cannot be told, what hides it is deleted first."""
    source, target = str(resource.spec["source"]), str(resource.spec["target"])
    listed, hidden = await listed_by_end(wire, [source])
    if hidden:
        listed, hidden = await listed_by_end(wire, [target])
    if hidden:
        await release_dangling(wire, source, await query_of(wire, source), resource.bot_id)
        listed, _ = await listed_by_end(wire, [source])
    return same_as(resource, listed)


def _ring(resource: Resource) -> TargetRefused:
    kind = resource.spec["kind"]
    message = f"Parlant refused {resource.ref}: it would close a ring of {kind}"
    return TargetRefused(message, status=500)


async def _closes_a_ring(wire: Wire, resource: Resource) -> bool:
    """True if its target leads back to its source already: why Parlant fails, without saying so."""
    spec = resource.spec
    ends, seen = [str(spec["target"])], set()
    while ends:
        end = ends.pop()
        if end == spec["source"]:
            return True
        seen.add(end)
        for relationship in (await listed_by_end(wire, [end]))[0]:
            found = from_wire(relationship, resource.bot_id, {})[0].spec
            if (found["kind"], found["source"]) == (spec["kind"], end):
                ends.extend({str(found["target"])} - seen)
    return False


register("relationship", RelationshipAdapter())
