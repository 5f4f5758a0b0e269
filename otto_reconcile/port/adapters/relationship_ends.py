"""The ends of relationships in the vocabulary (`guideline:<id>`) and in Parlant's words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from otto_reconcile.model import Resource, make
from otto_reconcile.model.relationship import ANY, key_of
from otto_reconcile.port.disambiguation import journey_meant
from otto_reconcile.port.host_process import End
from otto_reconcile.port.session import Wire, agent_tag, journey_tag
from otto_reconcile.port.tools import split_tool

GROUP = "otto_reconcile:"
"""Begins the name of a group of relationships that we made."""


async def end_inside(wire: Wire, end: str) -> End:
    kind, _, name = end.partition(":")
    if kind == "guideline":
        return End(kind, name)
    if kind == "tool":
        return End(kind, ":".join(await wire.tools.place(name)))
    return End("tag_any" if kind == "any" else "tag_all", await _tag_id(wire, kind, name))


async def query_of(wire: Wire, end: str) -> dict[str, Any]:
    kind, _, name = end.partition(":")
    if kind == "guideline":
        return {"guideline_id": name}
    if kind == "tool":
        return {"tool_id": ":".join(await wire.tools.place(name))}
    return {"tag_id": await _tag_id(wire, kind, name)}


async def end_to_wire(wire: Wire, side: str, end: str) -> dict[str, Any]:
    kind, _, name = end.partition(":")
    if kind == "guideline":
        return {f"{side}_guideline": name}
    if kind == "tool":
        return {f"{side}_tool": await wire.tools.to_wire(name)}
    return {f"{side}_tag": await _tag_id(wire, kind, name)}


async def _tag_id(wire: Wire, kind: str, name: str) -> str:
    if kind == "agent":
        return agent_tag(name)
    if kind == "journey":
        return journey_tag(name)
    return (await wire.tags.ids([name]))[0]


def tool_ends(known: Iterable[Resource]) -> dict[str, list[str]]:
    """Ends that are tools, by the tool's bare name: all that Parlant says of one."""
    ends: dict[str, set[str]] = {}
    for resource in known:
        for end in (str(resource.spec["source"]), str(resource.spec["target"])):
            kind, _, name = end.partition(":")
            if kind == "tool":
                ends.setdefault(split_tool(name)[1], set()).add(end)
    return {name: sorted(found) for name, found in ends.items()}


def from_wire(relationship: Any, bot_id: str, tools: dict[str, list[str]]) -> list[Resource]:
    """As many as there are known tools of its name; usually one."""
    sources = _ends(
        relationship.source_guideline, relationship.source_tag, relationship.source_tool, tools
    )
    targets = _ends(
        relationship.target_guideline, relationship.target_tag, relationship.target_tool, tools
    )
    if journey := journey_meant(relationship):
        targets = [journey]
    return [
        make(
            "relationship",
            key_of(relationship.kind, source, target),
            bot_id,
            {
                "kind": relationship.kind,
                "source": source,
                "target": target,
                "group": _group_of(relationship, source),
            },
            remote_id=relationship.id,
        )
        for source in sources
        for target in targets
    ]


def _group_of(relationship: Any, source: str) -> str | None:
    """Its name in a manifest; of a group that we did not make, Parlant's own."""
    if relationship.kind != ANY:
        return None
    return (relationship.group or "(none)").removeprefix(f"{GROUP}{source}:")


def _ends(guideline: Any, tag: Any, tool: Any, tools: dict[str, list[str]]) -> list[str]:
    if guideline is not None:
        return [f"guideline:{guideline.id}"]
    if tag is not None:
        kind = "any" if getattr(tag, "any_of", False) else "tag"
        return [tag.id if tag.id.startswith(("agent:", "journey:")) else f"{kind}:{tag.name}"]
    return tools.get(tool.name, [f"tool:{tool.name}"])
