"""What a target holds beside the parts of single bots, for adoption; only reads. `rest` calls it.

The port's `observe` tells what would be reconciled. Here is the rest: relationships whose other end
is elsewhere, the text of journeys' states, and what belongs to no agent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otto_reconcile.errors import TemporaryError
from otto_reconcile.model import Resource, kinds
from otto_reconcile.port.adapters import adapter_of
from otto_reconcile.port.adapters.base import Listing
from otto_reconcile.port.adapters.relationship_lists import bound_to
from otto_reconcile.port.addressing import addressed, is_addressable
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.session import Wire, agent_tag

_OF_PARTS = ("journey:", "journey_node:", "guideline:")
_OURS = "otto_reconcile:"
_EMPTY_DRAWING = "stateDiagram-v2"


@dataclass(frozen=True, slots=True, order=True)
class Unowned:
    """What is no part of a bot, and why; `end` is the agent or journey that it is for, if any."""

    kind: str
    id: str
    why: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """`relationships` belong to no bot yet; of the `hidden` ends Parlant cannot list them.

    `drawings` are the texts (Mermaid) of the journeys that have states, by id. `unowned` is what
    cannot be any bot's, and `unread` says what could not be looked at, and why.
    """

    relationships: tuple[Resource, ...] = ()
    hidden: tuple[str, ...] = ()
    drawings: Mapping[str, str] = field(default_factory=dict)
    unowned: tuple[Unowned, ...] = ()
    unread: tuple[str, ...] = ()


async def survey(
    wire: Wire, agents: Collection[str], ends: Collection[str], tools: Iterable[str]
) -> Survey:
    """`ends` are those of all bots' parts, as relationships name them; `tools` all that they use.

    Raises TargetUnavailable or TargetRefused.
    """
    journeys = [end.partition(":")[2] for end in sorted(ends) if end.startswith("journey:")]
    drawings = {key: text for key in journeys if (text := await _drawing(wire, key))}
    relationships, hidden = await bound_to(wire, ends, tools)
    found: dict[str, Sequence[Any]] = {}
    unread: list[str] = []
    for kind, listing in listings(wire):
        try:
            found[kind] = await wire.call(listing)
        except TemporaryError as error:
            unread.append(f"what is no agent's of kind {kind}: {error.message}")
    ties = _ties(found.get("journey"), relationships, agents)
    unowned = [u for kind, items in found.items() for item in items if (u := ties.of(kind, item))]
    return Survey(
        tuple(relationships), tuple(sorted(hidden)), drawings, tuple(sorted(unowned)), tuple(unread)
    )


def listings(wire: Wire) -> Iterator[tuple[str, Any]]:
    """Of the kinds that reach all agents, or none, when no agent's tag is on them."""
    for kind in kinds():
        if isinstance(adapter := adapter_of(kind.name), Listing):
            yield kind.name.replace("_", " "), adapter.listing(wire)


def _ties(
    journeys: Iterable[Any] | None, relationships: Iterable[Resource], agents: Iterable[str]
) -> _Ties:
    conditions = None if journeys is None else {key: j.id for j in journeys for key in j.conditions}
    specs = [r.spec for r in relationships if r.spec["kind"] == "dependency"]
    scopes = {
        str(spec["source"]).removeprefix("guideline:"): str(spec["target"])
        for spec in specs
        if str(spec["target"]).startswith("journey:")
    }
    return _Ties(frozenset(map(agent_tag, agents)), conditions, scopes)


@dataclass(frozen=True, slots=True)
class _Ties:
    """To what things belong: `conditions` to journeys (None: not known), and by `scopes` too."""

    agents: frozenset[str]
    conditions: Mapping[str, str] | None
    scopes: Mapping[str, str]

    def of(self, kind: str, item: Any) -> Unowned | None:
        """Why it is no part of a bot; None if it is one, or a condition and nothing else."""
        tags, owner = sorted(item.tags), next((t for t in item.tags if t in self.agents), "")
        parts = [tag for tag in tags if tag.startswith(_OF_PARTS)]
        if owner or any(tag.startswith(_OURS) for tag in tags):
            if not owner or kind != "guideline" or not parts:
                return None
            what = "a condition" if item.id in (self.conditions or ()) else "a guideline"
            return Unowned(kind, item.id, f"it is {what} of {_named(parts[0])} too", owner)
        if kind == "guideline" and parts == tags != [] and self._is_condition(item.id):
            return None
        if parts:
            return Unowned(kind, item.id, f"it is only for {_named(parts[0])}", parts[0])
        if kind == "guideline" and (scope := self.scopes.get(item.id)):
            why = f"it is only for {_named(scope)}, and has no agent's tag"
            return Unowned(kind, item.id, why, scope)
        return Unowned(kind, item.id, _unbound(tags))

    def _is_condition(self, key: str) -> bool:
        return self.conditions is None or key in self.conditions


def _named(end: str) -> str:
    kind, _, key = end.partition(":")
    return f"{'state' if kind == 'journey_node' else kind} {key}"


def _unbound(tags: Sequence[str]) -> str:
    gone = [tag for tag in tags if tag.startswith("agent:")]
    if gone:
        return f"there is no {_named(gone[0])}"
    return "it has no agent's tag" if tags else "it is for all agents"


async def _drawing(wire: Wire, journey_id: str) -> str | None:
    """The states as a text; None if there are none. Their ids are not in it."""
    if not is_addressable(journey_id):
        return None
    try:
        text = await wire.text(f"/journeys/{addressed(journey_id)}/mermaid")
    except Absent:
        return None
    lines = [line for line in text.strip().splitlines() if not line.startswith("style ")]
    return "\n".join(lines) if lines[1:] or lines[:1] != [_EMPTY_DRAWING] else None
