"""Adapter of kind `term`."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Resource, make
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import bring, ensure_kept, given, register, values_of
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire, agent_tag


class TermAdapter:
    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        return wire.parlant.glossary.list_terms()

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        return await wire.maybe(_retrieve(wire, remote_id))

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known and not unmanaged:
            return []
        wanted = {resource.key for resource in known}
        found = {term.id: term for term in await view.terms()}
        for key in await view.strays(wanted - found.keys()):
            if term := await view.wire.maybe(_retrieve(view.wire, key)):
                found[key] = term
        chosen = [term for key, term in sorted(found.items()) if unmanaged or key in wanted]
        return [await _from_wire(view.wire, term, view.bot_id) for term in chosen]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        try:
            return await self.post(wire, resource)
        except (TargetRefused, Failed) as error:  # 422, or 500 before the server serves
            if isinstance(error, TargetRefused) and error.status != 422:
                raise
            existing = await wire.maybe(_retrieve(wire, resource.key))
            if existing is None:
                raise
            found = await _from_wire(wire, existing, resource.bot_id)
            return await bring(self, wire, resource, found)

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        spec = resource.spec
        tags = [agent_tag(resource.bot_id), *await wire.tags.ids(spec.get("tags", ()))]
        values = given(
            id=resource.key,
            name=spec["name"],
            description=spec["description"],
            synonyms=spec.get("synonyms") or None,
            tags=tags,
        )
        made = await wire.call(wire.parlant.glossary.create_term(**values))
        return ensure_kept(resource, await _from_wire(wire, made, resource.bot_id))

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        values = values_of(resource, changes)
        if "tags" in values:
            before = observed.spec.get("tags", ())
            values["tags"] = await wire.tags.changes(before, values["tags"], bot_id=resource.bot_id)
        # Without synonyms in the call, Parlant takes those that are there apart into letters.
        synonyms = resource.spec.get("synonyms", observed.spec.get("synonyms"))
        values["synonyms"] = values.get("synonyms") or synonyms or None
        call = wire.parlant.glossary.update_term(addressed(resource.key), **given(**values))
        made = await _from_wire(wire, await wire.call(call), resource.bot_id)
        return ensure_kept(resource, made, [change.field for change in changes])

    async def delete(self, wire: Wire, observed: Resource) -> None:
        with suppress(Absent):
            await wire.call(wire.parlant.glossary.delete_term(addressed(observed.key)))


def _retrieve(wire: Wire, key: str) -> Any:
    return wire.parlant.glossary.retrieve_term(addressed(key))


async def _from_wire(wire: Wire, term: Any, bot_id: str) -> Resource:
    values = {
        "name": term.name,
        "description": term.description,
        "synonyms": list(term.synonyms or ()),
        "tags": await wire.tags.of_part(term.tags, bot_id),
    }
    return make("term", term.id, bot_id, values, remote_id=term.id)


register("term", TermAdapter())
