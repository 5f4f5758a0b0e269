"""Adapter of kind `customer`: some are made here, others were there before and stay when we go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.model import JSON, Resource, make
from otto_reconcile.model.canned_response import MARK
from otto_reconcile.planning.compare import differences
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import (
    bring,
    ensure_kept,
    ensure_unset,
    given,
    register,
)
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire


class CustomerAdapter:
    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        found = []
        for resource in sorted(known, key=lambda resource: resource.key):
            if customer := await view.wire.maybe(_retrieve(view.wire, resource.key)):
                found.append(await _from_wire(view.wire, customer, resource))
        return found

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        try:
            return await self.post(wire, resource)
        except Failed:  # what Parlant says to an id that it has
            there = await wire.maybe(_retrieve(wire, resource.key))
            if there is None:
                raise
            found = await _from_wire(wire, there, resource)
            return await bring(self, wire, resource, found)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        """Its tags come afterwards: Parlant keeps those of a deleted one for the next of its id."""
        spec, key = resource.spec, resource.key
        await wire.tags.ids(spec.get("tags", ()))  # that they are there is to be known before
        call = wire.parlant.customers.create(
            id=key, name=spec.get("name", key), metadata={**spec.get("metadata", {}), MARK: key}
        )
        made = await _from_wire(wire, await wire.call(call), resource)
        tags = [*differences(resource, made, fields=spec.keys() & {"tags"})]
        return ensure_kept(resource, await self.update(wire, resource, tags, made))

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        if not changes:
            return observed
        by_field = {change.field: change for change in changes}
        sent: dict[str, Any] = {}
        if "name" in by_field:
            sent["name"] = by_field["name"].after or resource.key
        if "metadata" in by_field:
            gained, lost = _apart(by_field["metadata"])
            sent["metadata"] = given(set=gained or None, unset=lost or None)
        if "tags" in by_field:
            gained, lost = _apart(by_field["tags"])
            if doubled := [name for name in gained if observed.spec["tags"].get(name)]:
                remove: Any = {"remove": await wire.tags.ids(doubled)}
                await wire.call(wire.parlant.customers.update(addressed(resource.key), tags=remove))
            sent["tags"] = await wire.tags.changes(lost, gained)
        call = wire.parlant.customers.update(addressed(resource.key), **sent)
        made = await _from_wire(wire, await wire.call(call), resource)
        for name in by_field.keys() & {"metadata", "tags"}:
            ensure_unset(by_field[name], made)
        return ensure_kept(resource, made, [*by_field])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        """Only one that was made here: others are somebody's, and stay as they are."""
        with suppress(Absent):
            customer = await wire.call(_retrieve(wire, observed.key))
            if MARK in customer.metadata:
                client, key = wire.parlant.customers, addressed(observed.key)
                if customer.tags:  # Parlant would give them to the next one of that id
                    remove: Any = {"remove": list(customer.tags)}
                    await wire.call(client.update(key, tags=remove))
                await wire.call(client.delete(key))


def _apart(change: Change) -> tuple[dict[str, JSON], list[str]]:
    after: Mapping[str, JSON] = change.after or {}
    gained = {name: value for name, value in sorted(after.items()) if value is not None}
    return gained, sorted(after.keys() - gained.keys())


def _retrieve(wire: Wire, key: str) -> Any:
    return wire.parlant.customers.retrieve(addressed(key))


async def _from_wire(wire: Wire, customer: Any, known: Resource) -> Resource:
    """A name that is the id is none, unless that is the one that is declared in `known`.

    A tag that is there more than once has its number, which nobody can declare.
    """
    unnamed = customer.name == customer.id != known.spec.get("name")
    metadata = {name: text for name, text in customer.metadata.items() if name != MARK}
    names = Counter(await wire.tags.names(customer.tags))
    values = {
        "name": None if unnamed else customer.name,
        "metadata": metadata,
        "tags": {name: number == 1 or number for name, number in names.items()},
    }
    return make("customer", customer.id, known.bot_id, values, remote_id=customer.id)


register("customer", CustomerAdapter())
