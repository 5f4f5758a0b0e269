"""Adapter of kind `canned_response`: found again by our id in its metadata.

Over its API Parlant takes no tag of a guideline or state, which is what binds one to these, and not
the one that makes a preamble of it. In its own process its SDK does: `wire.host.canned` is the way
there, None for a server elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Resource, make
from otto_reconcile.model.canned_response import MARK, PREAMBLE
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
from otto_reconcile.port.host_process import OR_BRIDGE
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire, agent_tag

_BINDING = ("agent:", "guideline:", "journey:", "journey_node:")
_OWNED = "otto_reconcile:"
_JOURNEY = "journey:"
_OF_HOST = ("guideline:", "journey_node:")


class CannedResponseAdapter:
    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        return wire.parlant.canned_responses.list()

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        client = wire.parlant.canned_responses
        return await wire.maybe(client.retrieve(addressed(remote_id)))

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        client, wanted = view.wire.parlant.canned_responses, {resource.key for resource in known}
        journeys = {
            t for r in known for t in r.spec.get("applies_to", ()) if t.startswith(_JOURNEY)
        }
        tags = [agent_tag(view.bot_id), _owned(view.bot_id), *sorted(journeys)]
        listed = await view.listed("canned_responses", client.list, tags, tags=tags)
        items = await with_strays(view, known, listed, lambda i: client.retrieve(addressed(i)))
        found = matched(known, items, lambda item: str(item.metadata.get(MARK) or item.id))
        return [
            await _from_wire(view.wire, item, key, view.bot_id, known=key in wanted)
            for key, item in sorted(found.items())
            if unmanaged or key in wanted
        ]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        return await brought(self, wire, resource, fresh)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        spec, client = resource.spec, wire.parlant.canned_responses
        bound = [tag for tag in spec["applies_to"] if tag != agent_tag(resource.bot_id)]
        inside = _is_of_host(resource) or (bool(bound) and wire.host.canned is not None)
        own = [_owned(resource.bot_id) if bound else agent_tag(resource.bot_id)]
        if bound and not inside:  # the API takes no tag that is in no list but those of journeys
            own = []
        first = [PREAMBLE] if spec.get("preamble") else []
        tags = [*own, *bound, *first, *await wire.tags.ids(spec.get("tags", ()))]
        values = {
            "value": spec["value"],
            "tags": tags,
            "signals": spec.get("signals", []),
            "metadata": dict(spec["metadata"]),
            "field_dependencies": spec.get("field_dependencies", []),
        }
        fields = spec.get("fields", [])
        if not inside:
            made = await wire.call(client.create(fields=fields, **values))
        elif wire.host.canned is None:
            raise TargetRefused(f"{resource.ref}: {UNBOUND}", status=422)
        else:
            identity = addressed(await wire.call(wire.host.canned(**values)))
            if fields:
                made = await wire.call(client.update(identity, value=spec["value"], fields=fields))
            else:
                made = await wire.call(client.retrieve(identity))
        found = await _from_wire(wire, made, resource.key, resource.bot_id)
        return ensure_kept(resource, found)

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        values = values_of(resource, changes)
        sent: dict[str, Any] = {}
        if values.keys() & {"value", "fields"}:  # a new value without them takes them away
            sent["value"] = resource.spec["value"]
            kept = resource.spec.get("fields", observed.spec.get("fields", []))
            sent["fields"] = values.get("fields", kept)
        if "tags" in values:
            before = observed.spec.get("tags", ())
            sent["tags"] = await wire.tags.changes(before, values["tags"])
        by_field = {change.field: change for change in changes}
        if "metadata" in by_field:
            sent["metadata"] = _metadata(by_field["metadata"])
        call = wire.parlant.canned_responses.update(addressed(str(observed.remote_id)), **sent)
        made = await _from_wire(wire, await wire.call(call), resource.key, resource.bot_id)
        if "metadata" in by_field:
            ensure_unset(by_field["metadata"], made)
        return ensure_kept(resource, made, [*by_field])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        if observed.remote_id is not None:
            with suppress(Absent):
                key = addressed(observed.remote_id)
                await wire.call(wire.parlant.canned_responses.delete(key))


UNBOUND = (
    "a Parlant server elsewhere cannot bind a canned response to a guideline or state, nor make a"
    f" preamble of it: let `run` host it, without --parlant-url, {OR_BRIDGE}"
)


def unbound(wire: Wire, resource: Resource) -> str | None:
    """Why this canned response cannot be made on the target; None if it can."""
    return UNBOUND if _is_of_host(resource) and wire.host.canned is None else None


def _is_of_host(resource: Resource) -> bool:
    bound = any(tag.startswith(_OF_HOST) for tag in resource.spec["applies_to"])
    return bound or bool(resource.spec.get("preamble"))


def _owned(bot_id: str) -> str:
    """The tag that a bound one has instead of the agent's, by which it is listed for its bot."""
    return f"{_OWNED}{bot_id}"


def _metadata(change: Change) -> dict[str, Any]:
    after = change.after or {}
    gained = {name: value for name, value in sorted(after.items()) if value is not None}
    return given(set=gained or None, unset=sorted(after.keys() - gained.keys()) or None)


async def _from_wire(
    wire: Wire, response: Any, key: str, bot_id: str, *, known: bool = True
) -> Resource:
    metadata = dict(response.metadata)
    if not known:
        metadata.pop(MARK, None)
    elif key == response.id:  # adopted: its own id is what it is found by, as long as it lives
        metadata.setdefault(MARK, key)
    binding = [tag for tag in response.tags if tag.startswith(_BINDING)]
    if agent_tag(bot_id) in binding:  # what is for the whole bot is for its guidelines too
        binding = [agent_tag(bot_id)]
    plain = [tag for tag in response.tags if not tag.startswith((*_BINDING, _OWNED, PREAMBLE))]
    values = {
        "value": response.value,
        "fields": [
            {"name": f.name, "description": f.description, "examples": list(f.examples)}
            for f in response.fields
        ],
        "signals": list(response.signals),
        "preamble": PREAMBLE in response.tags,
        "field_dependencies": list(response.field_dependencies or ()),
        "applies_to": binding,
        "tags": await wire.tags.names(plain),
        "metadata": metadata,
    }
    return make("canned_response", key, bot_id, values, remote_id=response.id)


register("canned_response", CannedResponseAdapter())
