"""Adapter of kind `tag`: a name; Parlant gives the id."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from otto_reconcile.model import Resource, make
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.adapters.base import register
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire


class TagAdapter:
    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]:
        if not known:
            return []
        ids = await view.wire.tags.all()
        return [_tag(r.key, view.bot_id, ids[r.key]) for r in known if r.key in ids]

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource:
        if not (await wire.versions.release()).names_once:  # it would make another of that name
            wire.tags.expire()
            if standing := (await wire.tags.all()).get(resource.key):
                return _tag(resource.key, resource.bot_id, standing)
        try:
            call = wire.parlant.tags.create(name=resource.key)
            made = await wire.call(call, may_fail=True)
        except Failed:  # what Parlant says to a name that it has
            wire.tags.expire()
            tag_id = (await wire.tags.all()).get(resource.key)
            if tag_id is None:
                raise
        else:
            tag_id = made.id
            wire.tags.learn(made.name, tag_id)
        return _tag(resource.key, resource.bot_id, tag_id)

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource:
        return observed  # it has no fields

    async def delete(self, wire: Wire, observed: Resource) -> None:
        wire.tags.expire()
        tag_id = (await wire.tags.all()).get(observed.key)
        if tag_id is None:
            return
        try:
            await wire.call(wire.parlant.tags.delete(addressed(tag_id)))
        except Absent:
            pass
        finally:
            wire.tags.expire()


def _tag(name: str, bot_id: str, tag_id: str) -> Resource:
    return make("tag", name, bot_id, {}, remote_id=tag_id)


register("tag", TagAdapter())
