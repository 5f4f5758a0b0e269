"""The rules that the states of a journey keep: what is wrong with them, and where.

`manifest` and `records` check with `faults`. What is refused is what Parlant refuses, and what it
takes but does not do: see docs/manifests.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from otto_reconcile.model.bot import Journey, State
from otto_reconcile.model.journey_graph import END, is_fork, reached

_CHART_LINE = re.compile(r"\n(    (N\d+|\[\*\]) --> |style N\d+ )")
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")

_OF_STEPS = ("description", "labels", "metadata", "canned_responses", "composition_mode")


class Fault(NamedTuple):
    """What is wrong with a state. `path` leads to it from the list: index, field, index, field."""

    path: tuple[int | str, ...]
    message: str
    hint: str | None = None


def faults(journey: Journey, journeys: Mapping[str, Journey]) -> list[Fault]:
    """All that is wrong with the states of a journey; `journeys` are those of its bot, by id."""
    states = journey.states or []
    found = [fault for number, state in enumerate(states) for fault in _of_one(number, state)]
    found += _ids(states)
    if found:
        return found
    by_id = {state.id: state for state in states}
    if states and is_fork(states[0]) and all(way.to == END for way in states[0].next):
        # Parlant takes the end for a step then, and stumbles over it.
        found.append(Fault((0,), "the first fork leads to no state", "give it `when` and `to`"))
    for number, state in enumerate(states):
        found += _ways(number, state, by_id)
        if state.journey is not None:
            found += _sub_journey(number, state.journey, journey, journeys)
    if not found:
        found = [*_circles(states, by_id, journeys), *_unreachable(states, by_id)]
    return found


def _of_one(number: int, state: State) -> Iterator[Fault]:
    here: tuple[int | str, ...] = (number,)
    if sum(1 for part in (state.chat, state.tools, state.journey) if part) > 1:
        yield Fault(here, "a state is one of chat, tool and journey", "make two states of it")
    if state.instruction and not state.tools:
        yield Fault((*here, "instruction"), "only a tool state has an instruction", "use `chat`")
    if state.tools == []:
        yield Fault((*here, "tools"), "there is no tool", "name one")
    if state.tools and len(state.tools) > 1 and not state.instruction:
        # Parlant gives such a state no action, and ends a journey at a step without one.
        hint = "say what each of them is for"
        yield Fault(here, "a state with several tools needs an `instruction`", hint)
    if is_fork(state) or state.journey:
        for name in _OF_STEPS:
            if getattr(state, name) is not None:
                yield Fault((*here, name), f"only a chat or tool state has `{name}`", "remove it")


def _ids(states: Sequence[State]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, state in enumerate(states):
        if state.id == END:
            yield Fault((number, "id"), f"`{END}` is where a journey is over", "choose another id")
        if not _ID.fullmatch(state.id):
            rule = "lower-case letters, digits and hyphens"
            yield Fault((number, "id"), f"the id of a state has only {rule}", "rename it")
        if state.id in seen:
            yield Fault((number, "id"), f"this journey has two states `{state.id}`", "rename one")
        seen.add(state.id)


def _ways(number: int, state: State, by_id: Mapping[str, State]) -> Iterator[Fault]:
    for place, way in enumerate(state.next):
        path = (number, "next", place)
        if way.to != END and way.to not in by_id:
            yield Fault((*path, "to"), f"this journey has no state `{way.to}`", _known(by_id))
        if way.when is None and (len(state.next) > 1 or _needs_when(state, by_id.get(way.to))):
            why = "each way of a fork" if is_fork(state) else "each of several ways"
            yield Fault(path, f"{why} needs a `when`", "Parlant takes one way without, or all with")
        if way.when is not None and _CHART_LINE.search(way.when):
            # Parlant's chart has conditions as they are, so this one could not be told from it.
            message = "a line of this condition is one of Parlant's charts"
            yield Fault((*path, "when"), message, "put it on one line")


def _needs_when(state: State, target: State | None) -> bool:
    """Parlant lets the one way of a fork be without a condition where it leads into a journey."""
    return is_fork(state) and (target is None or target.journey is None)


def _known(by_id: Mapping[str, State]) -> str:
    return f"it has: {', '.join([*list(by_id)[:12], END])}"


def _sub_journey(
    number: int, name: str, journey: Journey, journeys: Mapping[str, Journey]
) -> Iterator[Fault]:
    path, other = (number, "journey"), journeys.get(name)
    if other is None:
        yield Fault(path, f"this bot has no journey `{name}`", "name one by its id")
    elif not other.states:
        yield Fault(path, f"the journey `{name}` has no states to go through", "give it some")
    elif _circular(journey.id, name, journeys):
        yield Fault(path, f"the journey `{name}` leads in a circle", "go on in it, with `next`")


def _circular(start: str, through: str, journeys: Mapping[str, Journey]) -> bool:
    """True if a way through a journey leads to the start again, or to any journey twice."""

    def inner(name: str) -> list[str]:
        states = journeys[name].states if name in journeys else None
        return [state.journey for state in states or [] if state.journey]

    below = reached([through], inner)
    return start in below or any(name in reached(inner(name), inner) for name in below)


def _circles(
    states: Sequence[State], by_id: Mapping[str, State], journeys: Mapping[str, Journey]
) -> Iterator[Fault]:
    """Where no step is ever taken: behind a tool, Parlant 3.3 would go round in it for ever."""
    for number, state in enumerate(states):
        if is_fork(state) and state.id in reached(
            _through(state, journeys), lambda name: _through(by_id.get(name), journeys)
        ):
            hint = "one of its ways must come to a chat or tool state"
            yield Fault((number,), "this fork leads back to itself through forks only", hint)


def _through(state: State | None, journeys: Mapping[str, Journey]) -> list[str]:
    """Where a state that says nothing leads: a fork, or a journey that may be over at once."""
    if state is None or not (is_fork(state) or _is_passable(state.journey, journeys)):
        return []
    return [way.to for way in state.next] or [END]


def _is_passable(name: str | None, journeys: Mapping[str, Journey]) -> bool:
    """True if a journey has a way from its start to its end through forks only."""
    journey = journeys.get(name) if name is not None else None
    states = (journey.states if journey is not None else None) or []
    by_id = {state.id: state for state in states}
    return bool(states) and END in reached(
        [states[0].id], lambda one: _through(by_id.get(one), journeys)
    )


def _unreachable(states: Sequence[State], by_id: Mapping[str, State]) -> Iterator[Fault]:
    def following(name: str) -> list[str]:
        return [way.to for way in by_id[name].next] if name in by_id else []

    found = reached([states[0].id] if states else [], following)
    for number, state in enumerate(states):
        if state.id not in found:
            hint = f"lead to it with `next`, `to: {state.id}`, or remove it"
            yield Fault((number,), f"nothing leads to the state `{state.id}`", hint)
