"""Adapter of kind `variable`: found again by its name, with the values that it has for whom.

On the wire a value's key is `DEFAULT`, `tag:<id>` or the id of a customer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.model import JSON, Resource, make
from otto_reconcile.model.parts import named_key
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import (
    ensure_kept,
    ensure_unset,
    given,
    register,
    values_of,
)
from otto_reconcile.port.adapters.natural_keys import brought, matched, with_strays
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.host_process import Place
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire, agent_tag
from otto_reconcile.port.tools import not_there, tool_from_wire

_EVERYBODY = "DEFAULT"


class VariableAdapter:
    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        return wire.parlant.context_variables.list()

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        with suppress(Absent):
            return await _retrieve(wire, remote_id)
        return None

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        listed = await self._listed(view, known)
        found = matched(known, listed, lambda item: named_key(view.bot_id, item.name))
        declared = {resource.key: resource for resource in known}
        return [
            await self._observed(view, item, key, declared.get(key))
            for key, item in sorted(found.items())
            if unmanaged or key in declared
        ]

    async def _listed(self, view: View, known: Sequence[Resource]) -> list[Any]:
        client, own = view.wire.parlant.context_variables, agent_tag(view.bot_id)

        async def retrieve(identity: str) -> Any:
            answer = await client.retrieve(addressed(identity), include_values=False)
            return answer.context_variable

        listed = await view.listed("variables", client.list, [own], tag_id=own)
        return await with_strays(view, known, listed, retrieve)

    async def _observed(self, view: View, item: Any, key: str, known: Resource | None) -> Resource:
        """Its values take a call of their own: where they are declared, or nothing is known.

        What a tool found, and what is for one customer, is nobody's wish.
        """
        values: Mapping[str, JSON] = {}
        if known is None and item.tool_id is None:
            held = await _values(view.wire, item.id)
            values = {w: value for w, value in held.items() if not w.startswith("customer:")}
        elif known is not None and (
            known.spec.get("values") or ("values" in known.spec and item.tool_id is None)
        ):
            values = await _values(view.wire, item.id)
        return await _from_wire(view.wire, item, values, key, view.bot_id)

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        return await brought(self, wire, resource, fresh)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        spec = resource.spec
        values = given(
            name=spec["name"],
            description=spec.get("description") or None,
            tool_id=await _tool(wire, spec.get("tool")),
            freshness_rules=spec.get("freshness_rules"),
            tags=[agent_tag(resource.bot_id), *await wire.tags.ids(spec.get("tags", ()))],
        )
        made = await wire.call(wire.parlant.context_variables.create(**values))
        kept = await _set_values(wire, made.id, spec.get("values", {}))
        found = await _from_wire(wire, made, kept, resource.key, resource.bot_id)
        return ensure_kept(resource, found)

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        by_field = {change.field: change for change in changes}
        sent = values_of(resource, [c for c in changes if c.field != "values"])
        identity = str(observed.remote_id)
        if sent:
            made = await _patch(wire, resource, sent, observed)
        else:
            made = await _retrieve(wire, identity)
        change = by_field.get("values")
        await _set_values(wire, identity, (change.after or {}) if change else {})
        values = await _values(wire, identity) if change else observed.spec.get("values", {})
        found = await _from_wire(wire, made, values, resource.key, resource.bot_id)
        if change:
            ensure_unset(change, found)
        return ensure_kept(resource, found, [*by_field])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        if observed.remote_id is not None:  # without an id Parlant deletes them all
            with suppress(Absent):
                key = addressed(observed.remote_id)
                await wire.call(wire.parlant.context_variables.delete(key))


async def _patch(
    wire: Wire, resource: Resource, values: Mapping[str, JSON], observed: Resource
) -> Any:
    """A PATCH of anything but tags takes the freshness rules away that it does not repeat."""
    kept = resource.spec.get("freshness_rules", observed.spec.get("freshness_rules"))
    tags = None
    if "tags" in values:
        before = observed.spec.get("tags", ())
        tags = await wire.tags.changes(before, values["tags"], bot_id=resource.bot_id)
    sent = given(
        name=resource.spec["name"],
        description=values.get("description") or None,
        tool_id=await _tool(wire, values.get("tool")),
        freshness_rules=values.get("freshness_rules") if "freshness_rules" in values else kept,
        tags=tags,
    )
    key = addressed(str(observed.remote_id))
    return await wire.call(wire.parlant.context_variables.update(key, **sent))


async def _tool(wire: Wire, name: str | None) -> dict[str, str] | None:
    """Raises TargetRefused, with its name, for a tool that is not there."""
    if name is None:
        return None
    if missing := await wire.tools.missing([name]):
        raise not_there(missing.values())
    return (await wire.tools.place(name)).to_wire()


async def _retrieve(wire: Wire, identity: str) -> Any:
    call = wire.parlant.context_variables.retrieve(addressed(identity), include_values=False)
    return (await wire.call(call)).context_variable


async def _values(wire: Wire, identity: str) -> dict[str, JSON]:
    call = wire.parlant.context_variables.retrieve(addressed(identity), include_values=True)
    pairs = (await wire.call(call)).key_value_pairs or {}
    names = {}
    if any(key.startswith("tag:") for key in pairs):
        names = {tag_id: name for name, tag_id in (await wire.tags.all()).items()}
    return {_from_key(key, names): pair.data for key, pair in sorted(pairs.items()) if pair}


async def _set_values(wire: Wire, identity: str, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Writes them, and gives back what Parlant kept; None takes one away."""
    client, kept = wire.parlant.context_variables, {}
    for whose, value in sorted(values.items()):
        if value is None:
            with suppress(Absent):
                key = addressed(_to_key(whose, await wire.tags.all()))
                await wire.call(client.delete_value(addressed(identity), key))
            continue
        tags = [whose.removeprefix("tag:")] if whose.startswith("tag:") else []
        key = addressed(_to_key(whose, dict(zip(tags, await wire.tags.ids(tags), strict=True))))
        answer = await wire.call(client.set_value(addressed(identity), key, data=value))
        kept[whose] = answer.data
    return kept


def _to_key(whose: str, tags: Mapping[str, str]) -> str:
    """A tag that is gone is named by its id, as it was shown."""
    kind, _, name = whose.partition(":")
    if kind == "tag":
        return f"tag:{tags.get(name, name)}"
    return name if kind == "customer" else _EVERYBODY


def _from_key(key: str, names: Mapping[str, str]) -> str:
    if key == _EVERYBODY:
        return "default"
    kind, colon, tag_id = key.partition(":")
    if colon and kind == "tag":
        return f"tag:{names.get(tag_id, tag_id)}"
    return f"customer:{key}"


async def _from_wire(
    wire: Wire, variable: Any, values: Mapping[str, JSON], key: str, bot_id: str
) -> Resource:
    tool = variable.tool_id
    fields = {
        "name": variable.name,
        "description": variable.description,
        "tool": tool_from_wire(Place(tool.service_name, tool.tool_name)) if tool else None,
        "freshness_rules": variable.freshness_rules,
        "values": values,
        "tags": await wire.tags.of_part(variable.tags or (), bot_id),
    }
    return make("variable", key, bot_id, fields, remote_id=variable.id)


register("variable", VariableAdapter())
