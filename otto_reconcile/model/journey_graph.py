"""Journeys as a target gets them: one graph of states for each.

The kind `journey` and the port take the `graph`. In it every state has `next` in full, sub-journeys
are written out, and only what Parlant can make is left: a fork that is reached under a condition is
merged into the ways that lead to it. Where the first state is a fork, its ways are those of
Parlant's initial state, which says nothing either. `journey_rules` says what is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from otto_reconcile.model.bot import Journey, State, Transition
from otto_reconcile.model.guideline import short_tool
from otto_reconcile.model.resource import JSON, digest

END = "end"
"""Where a journey is over; no state has this id."""

AND = "; and "
"""Between two conditions that became one."""


def is_fork(state: State) -> bool:
    return not (state.chat or state.tools or state.journey)


def graph(journey: Journey, journeys: Mapping[str, Journey]) -> list[State]:
    """What a target is to hold, the first state first. `journey` names where a state came from.

    The states must be without fault.
    """
    by_id = {state.id: state for state in _written_out(journey, journeys)}
    first = _led_on(Transition(to=next(iter(by_id), END)), by_id).to
    found = {
        name: state.model_copy(update={"next": _merged(state, by_id, first)})
        for name, state in by_id.items()
    }

    def following(name: str) -> list[str]:
        return [way.to for way in found[name].next] if name in found else []

    needed = reached([first], following)
    order = [first, *(name for name in found if name != first)]
    return [found[name] for name in order if name in needed and name in found]


def _led_on(way: Transition, by_id: Mapping[str, State]) -> Transition:
    """The same way, past forks that decide nothing: they have no way at all, or one without `when`.

    Parlant's SDK makes the first such a state without text; the other only for itself.
    """
    target = by_id.get(way.to)
    if target is None or not is_fork(target):
        return way
    if not target.next:
        return Transition(to=END, when=way.when)
    if target.next[0].when is None:
        return _led_on(Transition(to=target.next[0].to, when=way.when), by_id)
    return way


def _written_out(journey: Journey, journeys: Mapping[str, Journey]) -> list[State]:
    """With the states of sub-journeys in their places; an exit with conditions is a fork."""
    states = journey.states or []
    inner = {s.id: _inside(s, journeys) for s in states if s.journey is not None}

    def led(ways: Sequence[Transition]) -> list[Transition]:
        return [
            Transition(to=inner[w.to][0].id if w.to in inner else w.to, when=w.when) for w in ways
        ]

    found: list[State] = []
    for state in states:
        if state.id not in inner:
            tools = state.tools and [short_tool(tool) for tool in state.tools]
            found.append(state.model_copy(update={"next": led(state.next), "tools": tools}))
            continue
        ways = led(state.next) or [Transition(to=END)]
        out = ways[0].to if len(ways) == 1 and ways[0].when is None else state.id
        found += [_leaving(part, out) for part in inner[state.id]]
        if out == state.id:
            found.append(State(id=state.id, next=ways))
    return found


def _inside(state: State, journeys: Mapping[str, Journey]) -> list[State]:
    """The states of a sub-journey under their names in the one that goes through it."""
    assert state.journey is not None
    return [
        part.model_copy(
            update={
                "id": f"{state.id}.{part.id}",
                "journey": part.journey or (None if is_fork(part) else state.journey),
                "next": [
                    Transition(to=w.to if w.to == END else f"{state.id}.{w.to}", when=w.when)
                    for w in part.next
                ],
            }
        )
        for part in _written_out(journeys[state.journey], journeys)
    ]


def _leaving(state: State, out: str) -> State:
    ways = [Transition(to=out if w.to == END else w.to, when=w.when) for w in state.next]
    return state.model_copy(update={"next": ways or [Transition(to=out)]})


def _merged(state: State, by_id: Mapping[str, State], first: str) -> list[Transition]:
    """Its ways, those under a condition to a fork led on to where the fork leads.

    So are those to the first state where that is a fork: a target has no state for it to go to.
    """
    ways: list[Transition] = []
    for way in (_led_on(way, by_id) for way in state.next):
        target, when = by_id.get(way.to), way.when
        if target is None or not is_fork(target) or (when is None and way.to != first):
            ways.append(Transition(to=way.to, when=when))
            continue
        ways += [
            Transition(to=on.to, when=f"{when}{AND}{on.when}" if when else on.when)
            for on in _merged(target, by_id, first)
        ]
    return _straight(ways, by_id) if state.tools else ways


def _straight(ways: list[Transition], by_id: Mapping[str, State]) -> list[Transition]:
    """Past forks with one way, where a tool has one way alone: so `ends` can tell its end."""
    while len(ways) == 1 and (target := by_id.get(ways[0].to)) is not None and is_fork(target):
        if len(target.next) != 1:
            break
        ways = target.next
    return ways


def ends(state: State) -> bool:
    """True for a tool state of a graph behind which there is nothing but the end.

    A target gets no way on from it: Parlant 3.3 would take the end for the next step, and fail.
    """
    return bool(state.tools) and len(state.next) == 1 and state.next[0].to == END


def identity(journey_id: str, state: State) -> str:
    """The id of a state of a graph on a target: another one whenever anything of it changes.

    What Parlant's evaluation keeps is kept by this id (parlant-facts, section 5).
    """
    content = state.model_dump(mode="json", exclude={"id", "next"}, exclude_none=True)
    return f"{journey_id}.{state.id}-{digest(content)[:8]}"


def plain(states: Iterable[State]) -> list[JSON]:
    """As JSON; `State.model_validate` takes each of them back."""
    return [state.model_dump(mode="json", exclude_none=True) for state in states]


def reached(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo.extend(following(here))
    return seen
