"""Finds again what a target gave ids of its own: by what identifies it. The adapters call it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from otto_reconcile.model import Resource
from otto_reconcile.port.adapters.base import Adapter, Remaking, bring
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire


def matched(
    known: Sequence[Resource], items: Iterable[Any], key: Callable[[Any], str]
) -> dict[str, Any]:
    """Parlant's items by our keys; `key` gives the key that an item itself tells.

    Of several with one key, the one that was ours before is it, else the one with the lowest id;
    the others go by their own ids too. One of ours that was given another name keeps its key.
    """
    left = {str(item.id): item for item in sorted(items, key=lambda item: str(item.id))}
    ours = {resource.key: str(resource.remote_id) for resource in known if resource.remote_id}
    found: dict[str, Any] = {}
    for identity in sorted(left, key=lambda identity: identity not in ours.values()):
        told = key(left[identity])
        if told not in found:
            found[told] = left.pop(identity)
    for wanted, identity in sorted(ours.items()):
        named = next((n for n, i in found.items() if str(i.id) == identity), None)
        renamed = named is not None and named not in {resource.key for resource in known}
        if wanted not in found and named is not None and renamed:
            found[wanted] = found.pop(named)
    return found | {f"{key(item)}~{identity}": item for identity, item in left.items()}


async def with_strays(
    view: View, known: Sequence[Resource], listed: Sequence[Any], retrieve: Callable[[str], Any]
) -> list[Any]:
    """What is listed for the bot, and those of the known that have lost its tag.

    Ids repeat in another life of a target, so that one with another agent's tag is not ours.
    """
    there = {str(item.id) for item in listed}
    missing = {str(r.remote_id) for r in known if r.remote_id} - there
    strays = [await view.wire.maybe(retrieve(identity)) for identity in await view.strays(missing)]
    return [*listed, *(item for item in strays if item is not None and not _has_agent(item))]


async def _standing(adapter: Adapter, wire: Wire, resource: Resource) -> Resource | None:
    """What is there already of what is to be created, if anything."""
    view = View(wire, resource.bot_id, None)
    return next(iter(await adapter.observe(view, [resource], unmanaged=False)), None)


async def brought(adapter: Remaking, wire: Wire, resource: Resource, fresh: bool) -> Resource:
    """`Adapter.create` of a kind to which a target gives ids: made unless it stands already."""
    if not fresh and (there := await _standing(adapter, wire, resource)):
        return await bring(adapter, wire, resource, there)
    return await adapter.post(wire, resource)


def _has_agent(item: Any) -> bool:
    return any(tag.startswith("agent:") for tag in item.tags or ())
