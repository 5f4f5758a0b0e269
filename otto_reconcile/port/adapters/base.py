"""Adapter: what the port knows of one kind. Each kind's module registers one here."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Container, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from otto_reconcile.errors import NotApplied, NotOurs
from otto_reconcile.model import JSON, Resource, get_kind
from otto_reconcile.planning.compare import differences, needs_replacing
from otto_reconcile.planning.plan import Change
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire


class Adapter(Protocol):
    """As the methods of `port.base.Port`, for one kind."""

    async def observe(
        self, view: View, known: Sequence[Resource], unmanaged: bool
    ) -> list[Resource]: ...

    async def create(self, wire: Wire, resource: Resource, fresh: bool) -> Resource: ...

    async def update(
        self, wire: Wire, resource: Resource, changes: Collection[Change], observed: Resource
    ) -> Resource: ...

    async def delete(self, wire: Wire, observed: Resource) -> None: ...


@runtime_checkable
class Listing(Protocol):
    """An adapter of a kind of which something may belong to no bot, or to all."""

    def listing(self, wire: Wire) -> Awaitable[Sequence[Any]]:
        """All of the kind that the target has, whoever's it is."""
        ...

    async def single(self, wire: Wire, remote_id: str) -> Any | None:
        """The one of this id there, whoever's it is; None if there is none."""
        ...


class Remaking(Adapter, Protocol):
    """An adapter that `bring` can serve: of a kind with an id of ours."""

    async def post(self, wire: Wire, resource: Resource) -> Resource:
        """One attempt to create it, which looks at nothing. Raises what the attempt meets."""
        ...


_ADAPTERS: dict[str, Adapter] = {}


def register(kind: str, adapter: Adapter) -> None:
    """Raises ValueError if the kind has an adapter already, KeyError if there is no such kind."""
    get_kind(kind)
    if kind in _ADAPTERS:
        raise ValueError(f"kind {kind!r} has two adapters")
    _ADAPTERS[kind] = adapter


def adapter_of(kind: str) -> Adapter:
    return _ADAPTERS[kind]


async def bring(adapter: Remaking, wire: Wire, resource: Resource, existing: Resource) -> Resource:
    """Makes what exists into `resource`, which was to be created: by an update, or anew, once.

    Raises NotOurs for what differs and cannot have been made by an earlier try.
    """
    changes = [*differences(resource, existing)]
    if not changes:
        return existing
    if resource.ref in wire.unclaimed:
        names = ", ".join(change.field for change in changes)
        raise NotOurs(f"{resource.ref} is on the server already, with another {names}")
    if any(needs_replacing(resource.kind, change) for change in changes):
        await adapter.delete(wire, existing)
        return await adapter.post(wire, resource)
    return await adapter.update(wire, resource, changes, existing)


def ensure_kept(wanted: Resource, made: Resource, fields: Iterable[str] | None = None) -> Resource:
    """Gives `made` back. Raises NotApplied if it is not what was written."""
    if wrong := [*differences(wanted, made, fields=fields)]:
        names = ", ".join(change.field for change in wrong)
        raise NotApplied(f"Parlant accepted {wanted.ref} but did not keep: {names}")
    return made


def ensure_unset(change: Change, made: Resource, *, besides: Container[str] = ()) -> None:
    """Raises NotApplied if a key that a MAPPING was to lose is there still, `besides` these."""
    kept = sorted(
        key
        for key, value in (change.after or {}).items()
        if value is None
        and key not in besides
        and made.spec.get(change.field, {}).get(key) is not None
    )
    if kept:
        raise NotApplied(f"Parlant accepted {made.ref} but kept {change.field}: {', '.join(kept)}")


def values_of(resource: Resource, changes: Iterable[Change]) -> dict[str, JSON]:
    """By field what is to be there: as declared, else what the change says (a default)."""
    return {change.field: resource.spec.get(change.field, change.after) for change in changes}


def given(**values: JSON) -> dict[str, JSON]:
    """Without what is None: Parlant's client sends what it is given."""
    return {name: value for name, value in values.items() if value is not None}
