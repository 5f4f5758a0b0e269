"""How journeys with states were made, and what Parlant bound to their tool states then.

Parlant tells neither. The adapter of journeys calls it.
"""

from __future__ import annotations

from contextlib import suppress

from otto_reconcile.model import Resource, State
from otto_reconcile.model.journey_graph import identity
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.session import Made, Wire


async def recalled(wire: Wire, key: str) -> Made | None:
    """How a journey was made in this life of Parlant; None if it was not made with states.

    Where Parlant outlives this process it is the host who remembers, also for other daemons.
    """
    if wire.host.recall is not None and (told := await wire.host.recall(key)) is not None:
        wire.made_journeys[key] = Made(*told)
    return wire.made_journeys.get(key)


async def relationships_of(wire: Wire, journey: Resource) -> list[str]:
    """What Parlant itself bound to the tool states of a journey, as far as they are there."""
    found: list[str] = []
    for state in map(State.model_validate, journey.spec["states"]):
        if state.tools:
            node = f"journey_node:{identity(journey.key, state)}"
            with suppress(Absent):
                call = wire.parlant.relationships.list(tag_id=node, indirect=False)
                found.extend(relationship.id for relationship in await wire.call(call))
    return found


async def unbind(wire: Wire, key: str) -> None:
    """Deletes what Parlant itself bound to the tool states of a journey that was made here."""
    if made := wire.made_journeys.pop(key, None):
        for relationship in made.relationships:
            with suppress(Absent):
                await wire.call(wire.parlant.relationships.delete(relationship))
