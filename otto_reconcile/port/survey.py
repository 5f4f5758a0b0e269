"""What a target holds beside the parts of single bots, for adoption; only reads. `rest` calls it.

The port's `observe` tells what would be reconciled. Here is the rest: relationships whose other end
is elsewhere, the text of journeys' states, and what belongs to no agent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from otto_reconcile.errors import TemporaryError
from otto_reconcile.port.adapters.relationship import bound_to
from otto_reconcile.port.translate import Absent
from otto_reconcile.port.wire import Wire, addressed, agent_tag
from otto_reconcile.resources import Resource

_OF_PARTS = ("journey:", "journey_node:", "guideline:")
_EMPTY_DRAWING = "stateDiagram-v2"


@dataclass(frozen=True, slots=True)
class Survey:
    """`relationships` belong to no bot yet; of the `hidden` ends Parlant cannot list them.

    `drawings` are the texts (Mermaid) of the journeys that have states, by id. `unowned` is what is
    no bot's, as (kind, id, why), and `unread` says what could not be looked at, and why.
    """

    relationships: tuple[Resource, ...] = ()
    hidden: tuple[str, ...] = ()
    drawings: Mapping[str, str] = field(default_factory=dict)
    unowned: tuple[tuple[str, str, str], ...] = ()
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
    unowned: list[tuple[str, str, str]] = []
    unread: list[str] = []
    for kind, listing in _listings(wire):
        try:
            found = await wire.call(listing)
        except TemporaryError as error:
            unread.append(f"what is no agent's of kind {kind}: {error.message}")
        else:
            unowned += _unowned(kind, found, agents)
    return Survey(
        tuple(relationships), tuple(sorted(hidden)), drawings, tuple(sorted(unowned)), tuple(unread)
    )


def _listings(wire: Wire) -> Iterator[tuple[str, Any]]:
    """Of the kinds that reach all agents, or none, when no agent's tag is on them."""
    yield "guideline", wire.parlant.guidelines.list()
    yield "journey", wire.parlant.journeys.list()
    yield "term", wire.parlant.glossary.list_terms()
    yield "canned response", wire.parlant.canned_responses.list()
    yield "variable", wire.parlant.context_variables.list()
    yield "capability", wire.parlant.capabilities.list()


def _unowned(
    kind: str, items: Iterable[Any], agents: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    owners = {agent_tag(agent) for agent in agents}
    for item in items:
        tags = sorted(item.tags)
        if any(tag in owners or tag.startswith(_OF_PARTS) for tag in tags):
            continue
        gone = [tag for tag in tags if tag.startswith("agent:")]
        if gone:
            yield kind, item.id, f"there is no {gone[0].replace(':', ' ', 1)}"
        elif tags:
            yield kind, item.id, "it has no agent's tag"
        else:
            yield kind, item.id, "it is for all agents"


async def _drawing(wire: Wire, journey_id: str) -> str | None:
    """The states as a text; None if there are none. Their ids are not in it."""
    try:
        text = await wire.text(f"/journeys/{addressed(journey_id)}/mermaid")
    except Absent:
        return None
    lines = [line for line in text.strip().splitlines() if not line.startswith("style ")]
    return "\n".join(lines) if lines[1:] or lines[:1] != [_EMPTY_DRAWING] else None
