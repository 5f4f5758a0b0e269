"""Lists relationships: by their ends, since Parlant cannot list them all while one dangles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otto_reconcile.errors import TargetRefused, TemporaryError
from otto_reconcile.model import Resource
from otto_reconcile.port.adapters.relationship_ends import from_wire, query_of, tool_ends
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import related_inside
from otto_reconcile.port.session import Wire
from otto_reconcile.port.tools import split_tool


async def listed_for(
    wire: Wire, known: Sequence[Resource], own: frozenset[str]
) -> tuple[list[Any], set[str]]:
    """By the bot's own ends and the sources of what is known; where one is hidden, by targets.

    And the ends that are hidden.
    """
    ends = own | {str(resource.spec["source"]) for resource in known}
    found, hidden = await listed_by_end(wire, sorted(ends))
    others = {str(r.spec["target"]) for r in known if r.spec["source"] in hidden} - ends
    more, also = await listed_by_end(wire, sorted(others))
    every = {relationship.id: relationship for relationship in [*found, *more]}
    return list(every.values()), hidden | also


def same_as(resource: Resource, listed: Iterable[Any]) -> Resource | None:
    """What is listed that binds the same."""
    tools = tool_ends([resource])
    ours = (r for made in listed for r in from_wire(made, resource.bot_id, tools))
    return next((r for r in ours if r.key == resource.key), None)


async def bound_to(
    wire: Wire, ends: Iterable[str], tools: Iterable[str]
) -> tuple[list[Resource], set[str]]:
    """The relationships of these ends, and those ends of which Parlant cannot list them.

    Each has `bot_id` "". `tools` tell whose a tool is: Parlant says its bare name only.
    """
    wanted = set(ends)
    hidden: set[str] = set()
    try:
        call = wire.parlant.relationships.list(indirect=False)
        listed: Sequence[Any] = await wire.call(call, may_fail=True)
    except (Absent, TemporaryError):
        listed, hidden = await listed_by_end(wire, sorted(wanted))
    places: dict[str, list[str]] = {}
    for tool in sorted(set(tools)):
        places.setdefault(split_tool(tool)[1], []).append(f"tool:{tool}")
    found = {r.key: r for made in listed for r in from_wire(made, "", places)}
    kept = (r for r in found.values() if wanted & {r.spec["source"], r.spec["target"]})
    return sorted(kept, key=lambda r: r.key), hidden


async def listed_by_end(wire: Wire, ends: Sequence[str]) -> tuple[list[Any], set[str]]:
    """What Parlant lists of the ends, and those of which it cannot for something that dangles.

    Nothing of an end that is gone itself.
    """
    found: dict[str, Any] = {}
    hidden: set[str] = set()
    if ends and (inside := await related_inside(wire)) is not None:
        return list(inside), hidden
    for end in ends:
        query: dict[str, Any] = {}
        try:
            query = await query_of(wire, end)
            call = wire.parlant.relationships.list(indirect=False, **query)
            relationships = await wire.call(call, may_fail=True)
        except (TargetRefused, Failed) as error:
            if isinstance(error, TargetRefused) and error.status != 404:
                raise
            if not _is_gone(end, query, error):
                hidden.add(end)
            continue
        found.update((relationship.id, relationship) for relationship in relationships)
    return [relationship for _, relationship in sorted(found.items())], hidden


def _is_gone(end: str, query: Mapping[str, Any], error: TargetRefused | Failed) -> bool:
    """True if the error is about the end itself, not about what is bound to it."""
    if not query:  # a tag that the target does not have
        return True
    name = end.partition(":")[2]
    return isinstance(error, Absent) and error.item in (name, *split_tool(name), *query.values())
