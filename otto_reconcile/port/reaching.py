"""What reaches every agent, or all that carry a tag, and is no part of a bot. `rest` calls it.

Parlant gives each agent its own things, those without any tag, and those with a tag that the agent
carries. It has no call for those without a tag, so that everything is listed: what that costs grows
with the square of what is there, and the caller decides how often to pay. Who knows what others
touched has only that asked for, by its id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from otto_reconcile.errors import TemporaryError
from otto_reconcile.model import Ref, get_kind
from otto_reconcile.port.adapters import adapter_of
from otto_reconcile.port.adapters.base import Listing
from otto_reconcile.port.addressing import is_addressable
from otto_reconcile.port.discovery import listings
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.session import Wire

_SCOPES = ("journey:", "agent:")


@dataclass(frozen=True, slots=True, order=True)
class Reaching:
    """One such thing. `tag` is the shared tag by which it reaches `agents`; "" reaches all.

    `sure` is False where it may be a part of a journey, which Parlant does not show now.
    """

    kind: str
    id: str
    about: str
    tag: str = ""
    agents: tuple[str, ...] = ()
    sure: bool = True

    @property
    def ref(self) -> Ref:
        """With the id that the target gave as its key."""
        return Ref(self.kind.replace(" ", "_"), self.id)

    def __str__(self) -> str:
        """For a person: what it is, whom it reaches, and what to do about it."""
        whom = f"every agent with the tag {self.tag}" if self.tag else "every agent"
        named = f" ({', '.join(self.agents)})" if self.tag else ""
        said = f"{self.kind} {self.id} ({_brief(self.about)}) reaches {whom}{named}, and nobody"
        if not is_addressable(self.id):
            return f"{said} declared it: no call can change it for its id, so restart Parlant"
        path = f"/{get_kind(self.ref.kind).path}/{self.id}"
        return (
            f"{said} declared it: remove it with DELETE {path}, or give it the tag agent:ID of one"
            " bot; `run --prune-unmanaged` deletes all such; to have it for all bots, declare it"
            " in a Glossary with `used_by: {all: true}`"
        )


async def reaching(wire: Wire, among: Collection[Ref] | None = None) -> list[Reaching]:
    """All of it, sorted, or what of it is `among` these by the ids that the target gave.

    Raises TargetUnavailable or TargetRefused.
    """
    if among is not None and not among:
        return []
    agents = await wire.call(wire.parlant.agents.list())
    carriers: dict[str, list[str]] = {}
    for agent in agents:
        for tag in agent.tags or ():
            carriers.setdefault(tag, []).append(str(agent.id))
    names = {tag_id: name for name, tag_id in (await wire.tags.all()).items()} if carriers else {}
    own = {f"agent:{agent.id}" for agent in agents}
    found: list[Reaching] = []
    conditions: set[str] = set()
    for kind, items in [pair async for pair in _items(wire, among)]:
        found += _of_kind(kind, items, own, carriers, names)
        if kind == "journey":
            conditions = {str(condition) for journey in items for condition in journey.conditions}
    inside = await wire.host.relations.all() if wire.host.relations is not None else ()
    told = [await _scoped(wire, one, conditions, inside) for one in found]
    return sorted(one for one in told if one is not None)


async def _items(
    wire: Wire, among: Collection[Ref] | None
) -> AsyncIterator[tuple[str, Sequence[Any]]]:
    """By kind what is there: all of it, or what is among these."""
    if among is None:
        for kind, listing in listings(wire):
            yield kind, await wire.call(listing)
        return
    for ref in sorted(among):
        adapter = adapter_of(ref.kind)
        if isinstance(adapter, Listing) and is_addressable(ref.key):
            found = await adapter.single(wire, ref.key)
            yield ref.kind.replace("_", " "), [found] if found is not None else []


def _of_kind(
    kind: str,
    items: Collection[Any],
    own: Set[str],
    carriers: Mapping[str, list[str]],
    names: Mapping[str, str],
) -> Iterator[Reaching]:
    for item in items:
        tags = list(item.tags or ())
        if not getattr(item, "enabled", True) or not own.isdisjoint(tags):
            continue
        if not tags:
            yield Reaching(kind, str(item.id), _text(item))
        elif shared := sorted(tag for tag in tags if tag in carriers):
            by = shared[0]
            agents = tuple(sorted(carriers[by]))
            yield Reaching(kind, str(item.id), _text(item), names.get(by, by), agents)


async def _scoped(
    wire: Wire, one: Reaching, conditions: Set[str], inside: Collection[Any]
) -> Reaching | None:
    """None for a guideline of a journey, as the SDK makes it: without a tag, but dependent.

    `inside` are all relationships as Parlant's own process has them, where this is that process.
    """
    if one.kind != "guideline":
        return one
    listing = wire.parlant.relationships.list
    try:
        bound = inside or await wire.call(
            listing(guideline_id=one.id, kind="dependency", indirect=False), may_fail=True
        )
    except (Absent, TemporaryError):  # one dangles, and Parlant shows none of them
        return replace(one, sure=False)
    own = (r for r in bound if r.source_guideline and r.source_guideline.id == one.id)
    ends = (r.target_tag for r in own if r.kind == "dependency")
    if any(end is not None and str(end.id).startswith(_SCOPES) for end in ends):
        return None
    return replace(one, sure=one.id not in conditions)


def _text(item: Any) -> str:
    names = ("condition", "title", "name", "value")
    return next((text for name in names if (text := getattr(item, name, None))), "")


def _brief(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."
