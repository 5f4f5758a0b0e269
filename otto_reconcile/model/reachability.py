"""Where a conversation may go on from each state of a journey, in the form that Parlant wants.

Parlant goes from a state only where the state's metadata says it may. It has a model write that at
the end of its own start; what is made later has to be told. The port asks for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from otto_reconcile.model.journey_graph import AND, END, identity, is_fork
from otto_reconcile.model.resource import JSON
from otto_reconcile.model.states import State, Transition

_INITIAL = ""  # no state of ours has this id
_OVER = "None"  # Parlant's word for the end, in a path


def ways_on(journey_id: str, states: Sequence[State]) -> dict[str, dict[str, JSON]]:
    """Metadata by the identity of the chat and tool states of a graph (see `journey_graph`).

    And of a first fork, which is Parlant's initial state. A way under no condition is open once the
    step is done; ways through forks are led on to where they come out.
    """
    by_id = {state.id: state for state in states}
    places = _numbers(states)
    return {
        identity(journey_id, state): {
            "journey_node": {"reachable_follow_ups": list(_from(state, by_id, places))}
        }
        for state in states
        if not is_fork(state) or state is states[0]
    }


def visits(states: Sequence[State], most: int) -> int:
    """How often Parlant comes to a state when it reads this graph, counted up to `most` + 1.

    It reads every journey of an agent for each message, and all that it serves waits. Where ways
    meet, what lies behind is read once for each of them (`JourneyGuidelineProjection`, 3.3.2).
    """
    ways = _ways(states)
    passed: set[tuple[str, int]] = set()
    todo = deque([(_INITIAL, -1, _INITIAL)])
    count = 0
    while todo and count <= most:
        source, place, here = todo.popleft()
        count += 1
        on = ((here, at, way.to) for at, way in enumerate(ways.get(here, ())))
        todo.extend(step for step in on if step[:2] not in passed)
        passed.add((source, place))
    return count


def _ways(states: Sequence[State]) -> dict[str, Sequence[Transition]]:
    """By state. Parlant's own initial state says nothing; it has the ways of a first fork."""
    first = states[0]
    start = first.next if is_fork(first) else [Transition(to=first.id)]
    return {_INITIAL: start, **{state.id: state.next for state in states}}


def _numbers(states: Sequence[State]) -> dict[str, str]:
    """The numbers that Parlant gives to what it meets, the nearest first; the initial one is 1."""
    ways = _ways(states)
    numbers: dict[str, str] = {}
    todo = deque([_INITIAL])
    while todo:
        here = todo.popleft()
        if here not in numbers:
            numbers[here] = str(len(numbers) + 1)
            todo.extend(way.to for way in ways.get(here, ()))
    return numbers


def _from(
    state: State, by_id: Mapping[str, State], places: Mapping[str, str]
) -> Iterator[dict[str, JSON]]:
    done = f"This step is done: {state.chat or state.instruction or 'the tool has run'}"
    for way in state.next or [Transition(to=END)]:
        for path, conditions in _through(way, by_id, places):
            yield {"condition": AND.join(conditions) or done, "path": path}


def _through(
    way: Transition, by_id: Mapping[str, State], places: Mapping[str, str]
) -> Iterator[tuple[list[str], list[str]]]:
    """The paths that a way opens, each with its conditions."""
    here = [way.when] if way.when else []
    target = by_id.get(way.to)
    if target is None:
        yield [_OVER], here
    elif not is_fork(target):
        yield [places[way.to]], here
    else:
        for on in target.next:
            for path, conditions in _through(on, by_id, places):
                yield [places[way.to], *path], [*here, *conditions]
