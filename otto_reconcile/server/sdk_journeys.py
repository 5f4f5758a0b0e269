"""Makes journeys with their states, as only Parlant's SDK can: the one place. `daemon` calls it.

What is known of a model's evaluation goes along as metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from otto_reconcile.model import JSON, Resource, State, Transition
from otto_reconcile.model.journey_graph import END, ends, identity, is_fork
from otto_reconcile.runtime import fencing

if TYPE_CHECKING:
    import parlant.sdk as p

    from otto_reconcile.port.host_process import Place


class JourneyMaker:
    """`port.session.MakeJourney` on a Parlant server in this process.

    What is made before Parlant ends its start in the usual way, a model evaluates then.
    """

    def __init__(self, server: p.Server) -> None:
        self._server = server

    async def __call__(
        self,
        journey: Resource,
        places: Mapping[str, Place],
        metadata: Mapping[str, Mapping[str, Any]],
    ) -> None:
        import parlant.sdk as p

        fencing.check()  # the SDK sends no request that would ask the fence
        spec = journey.spec
        agent = await self._server.get_agent(id=journey.bot_id)
        made = await agent.create_journey(
            title=spec["title"],
            description=spec.get("description", ""),
            conditions=list(spec.get("conditions", ())),
            id=p.JourneyId(journey.key),
            composition_mode=_mode(spec.get("composition_mode")),
            labels=spec.get("labels", ()),
            priority=spec.get("priority", 0),
        )
        await _Building(journey, places, metadata).run(made.initial_state)
        first = State.model_validate(spec["states"][0])
        if node := metadata.get(identity(journey.key, first), {}).get("journey_node"):
            await self._tell(made.initial_state.id, node, first)

    async def _tell(self, initial: str, node: JSON, first: State) -> None:
        """Tells the initial state where it may lead, which the SDK has no parameter for.

        While it serves Parlant asks no model, and without it a journey would not get past its
        start. With one way alone Parlant takes that, whatever its condition.
        """
        if is_fork(first):
            from parlant.core.journeys import JourneyNodeId, JourneyStore

            store = self._server.container[JourneyStore]  # type: ignore[type-abstract]
            await store.set_node_metadata(JourneyNodeId(initial), "journey_node", node)


class _Building:
    """One journey: its states from the first on, each when the first way leads to it."""

    def __init__(
        self,
        journey: Resource,
        places: Mapping[str, Place],
        metadata: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._key = journey.key
        self._places, self._metadata = places, metadata
        self._wanted = {s["id"]: State.model_validate(s) for s in journey.spec["states"]}
        self._made: dict[str, Any] = {}

    async def run(self, initial: Any) -> None:
        first = next(iter(self._wanted.values()))
        ways = [Transition(to=first.id)]
        if is_fork(first):  # which Parlant's initial state is by itself
            self._made[first.id], ways = initial, first.next
        todo = [(initial, ways)]
        for source, ways in todo:
            for way in ways:
                if (new := await self._go(source, way)) is not None:
                    state = self._wanted[way.to]
                    todo.append((new, [] if ends(state) else state.next))

    async def _go(self, source: Any, way: Transition) -> Any | None:
        """Makes a way on; the state that it leads to if that is new."""
        import parlant.sdk as p

        if way.to == END or way.to in self._made:
            target = p.END_JOURNEY if way.to == END else self._made[way.to]
            await source.transition_to(condition=way.when, state=target)
            return None
        state = self._wanted[way.to]
        if is_fork(state):
            transition = await source.fork()
        else:
            # Behind a tool state Parlant's own method loses the instruction of a second tool.
            going = type(source).transition_to
            if isinstance(source, p.ToolJourneyState):
                going = p.ChatJourneyState.transition_to
            transition = await going(source, condition=way.when, **self._values(state))
        self._made[state.id] = transition.target
        return transition.target

    def _values(self, state: State) -> dict[str, Any]:
        import parlant.sdk as p

        values: dict[str, Any] = {
            "id": p.JourneyStateId(identity(self._key, state)),
            "description": state.description,
            "labels": state.labels or (),
            "metadata": self._told(state),
        }
        if state.chat is not None:
            mode = _mode(state.composition_mode)
            return {**values, "chat_state": state.chat, "composition_mode": mode}
        tools = [p.ToolId(*self._places[name]) for name in state.tools or ()]
        return {**values, "tool_state": tools, "tool_instruction": state.instruction}

    def _told(self, state: State) -> dict[str, JSON]:
        """Its metadata; Parlant's own, `journey_node`, is put together from all who have a word."""
        given = self._metadata.get(identity(self._key, state), {})
        told = {**(state.metadata or {}), **given}
        node = {
            "kind": "chat" if state.chat is not None else "tool",
            **({"journey_id": self._key, "sub_journey_id": state.journey} if state.journey else {}),
            **((state.metadata or {}).get("journey_node") or {}),
            **(given.get("journey_node") or {}),
        }
        return {**told, "journey_node": node}


def _mode(name: str | None) -> Any:
    import parlant.sdk as p

    return None if name is None else p.CompositionMode[name.upper()]
