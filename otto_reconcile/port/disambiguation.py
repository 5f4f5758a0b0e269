"""Journeys that a guideline disambiguates: Parlant knows them by their conditions, one by one.

A relationship to the journey's tag would be taken, and every turn of the bot would end in an
error. Here it is one relationship; its remote id has those of all of them. For its adapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from otto_reconcile.model import JSON, Resource
from otto_reconcile.port.reader import View

KIND = "disambiguation"
_BETWEEN = ","


def is_of_journey(spec: Mapping[str, JSON]) -> bool:
    return spec["kind"] == KIND and str(spec["target"]).startswith("journey:")


def journey_meant(relationship: Any) -> str | None:
    """`journey:<id>` if the relationship is to a condition of that journey."""
    target = relationship.target_guideline
    if relationship.kind != KIND or target is None or target.action:
        return None
    return next((tag for tag in sorted(target.tags) if tag.startswith("journey:")), None)


def joined(one: Resource | None, other: Resource) -> Resource:
    """Both as one relationship, which is deleted as a whole."""
    if one is None or not is_of_journey(other.spec):
        return other
    return replace(other, remote_id=f"{one.remote_id}{_BETWEEN}{other.remote_id}")


def remote_ids(resource: Resource) -> list[str]:
    return resource.remote_id.split(_BETWEEN) if resource.remote_id else []


async def conditions(view: View, end: str) -> list[str]:
    """The ids of the conditions of a journey; none if it is not there."""
    journey_id = end.removeprefix("journey:")
    call = view.wire.journeys.retrieve(journey_id)
    journey = await view.wire.maybe(call)
    return sorted(journey.conditions) if journey is not None else []


async def whole(
    view: View, found: Iterable[Resource], covered: Mapping[str, set[str]]
) -> list[Resource]:
    """Those of `found` that bind all conditions; `covered` has the bound ones by key."""
    kept = []
    for resource in found:
        if is_of_journey(resource.spec):
            wanted = await conditions(view, str(resource.spec["target"]))
            if not wanted or set(wanted) - covered.get(resource.key, set()):
                continue
        kept.append(resource)
    return kept
