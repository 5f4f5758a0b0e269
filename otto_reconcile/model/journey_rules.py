"""The rules that the states of a journey keep: what is wrong with them, and where.

`manifest` and `records` check with `faults`. What is refused is what Parlant refuses, and what it
takes but does not do: see docs/manifests.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from otto_reconcile.model.journey_graph import END, Graphs, TooLarge, is_fork, reached
from otto_reconcile.model.reachability import visits
from otto_reconcile.model.states import Journey, State

_CHART_LINE = re.compile(r"\n(    (N\d+|\[\*\]) --> |style N\d+ )")
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")

MOST_PATHS = 50_000
"""How often Parlant may come to a state when it reads the journeys of a bot: half a second."""
_MOST_CIRCLES = 10  # that are told of in one run

_OF_STEPS = ("description", "labels", "metadata", "canned_responses", "composition_mode")


class Fault(NamedTuple):
    """What is wrong with a state. `path` leads to it from the list: index, field, index, field."""

    path: tuple[int | str, ...]
    message: str
    hint: str | None = None


def faults(journeys: Sequence[Journey]) -> list[list[Fault]]:
    """All that is wrong with the states of each of these journeys, which are those of one bot.

    Where two have one id, which is a fault of its own, others go through the last of them.
    """
    if not any(journey.states for journey in journeys):
        return [[] for _ in journeys]
    nesting = _Nesting({journey.id: journey for journey in journeys})
    found = [_own(journey, nesting) for journey in journeys]
    if not any(found):
        found = _sizes(journeys)
    return found


def _own(journey: Journey, nesting: _Nesting) -> list[Fault]:
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
            found += nesting.faults(number, state.journey)
    if not found:
        found = [*_circles(states, by_id, nesting), *_unreachable(states, by_id)]
    return found


def _sizes(journeys: Sequence[Journey]) -> list[list[Fault]]:
    """The journeys whose graphs are too large, of those without other faults.

    The first one for which there is no room is told, not all that come after it.
    """
    graphs, left = Graphs(journeys), MOST_PATHS
    found: list[list[Fault]] = [[] for _ in journeys]
    for journey, faults_ in zip(journeys, found, strict=True):
        if graphs.is_full or left < 0:
            break
        try:
            states = graphs.of(journey)
        except TooLarge as error:
            names = [state.id for state in journey.states or ()]
            faults_.append(Fault((names.index(error.state),), error.message, error.hint))
            continue
        left -= visits(states, left) if states else 0
        if left < 0:
            message = f"at each message Parlant would go {MOST_PATHS:,} ways through the journeys"
            hint = "they double where ways part and meet again: let ways end, or split the journey"
            faults_.append(Fault((0,), message, hint))
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


class _Nesting:
    """How journeys go through each other; each is looked at once, however deep they are nested."""

    def __init__(self, journeys: Mapping[str, Journey]) -> None:
        self._journeys = journeys
        inner = {
            name: [s.journey for s in journey.states or () if s.journey and s.journey in journeys]
            for name, journey in journeys.items()
        }
        self._passable: dict[str, bool] = {}
        for name in _inner_first(inner):
            self._passable[name] = self._can_be_passed(journeys[name])

    def faults(self, number: int, name: str) -> Iterator[Fault]:
        """What is wrong with a state that goes through the journey of this id."""
        path, other = (number, "journey"), self._journeys.get(name)
        if other is None:
            yield Fault(path, f"this bot has no journey `{name}`", "name one by its id")
        elif not other.states:
            yield Fault(path, f"the journey `{name}` has no states to go through", "give it some")
        elif name not in self._passable:
            yield Fault(path, f"the journey `{name}` leads in a circle", "go on in it, with `next`")

    def through(self, state: State | None) -> list[str]:
        """Where a state that says nothing leads: a fork, or a journey that may be over at once."""
        if state is None or not (is_fork(state) or self._passable.get(state.journey or "")):
            return []
        return [way.to for way in state.next] or [END]

    def _can_be_passed(self, journey: Journey) -> bool:
        """True if a journey has a way from its start to its end through forks only."""
        by_id = {state.id: state for state in journey.states or ()}
        start = list(by_id)[:1]
        return bool(start) and END in reached(start, lambda one: self.through(by_id.get(one)))


def _inner_first(edges: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Each name behind all that it leads to. Those that lead into a circle are left out."""
    sorter = TopologicalSorter(edges)
    with suppress(CycleError):
        sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield from ready
        sorter.done(*ready)


def _circles(
    states: Sequence[State], by_id: Mapping[str, State], nesting: _Nesting
) -> Iterator[Fault]:
    """Where no step is ever taken: behind a tool, Parlant 3.3 would go round in it forever."""
    through = {state.id: nesting.through(state) for state in states}
    seen: set[str] = set()
    told: set[str] = set()
    for _ in range(_MOST_CIRCLES):
        left = {n: set(ways) - seen for n, ways in through.items() if n not in seen}
        try:
            TopologicalSorter(left).prepare()
            break
        except CycleError as error:
            circle = set(error.args[1])
        seen |= circle
        told |= {name for name in circle if is_fork(by_id[name])} or circle
    for number, state in enumerate(states):
        if state.id in told:
            hint = "one of its ways must come to a chat or tool state"
            what = "fork" if is_fork(state) else "state"
            yield Fault((number,), f"this {what} leads back to itself through forks only", hint)


def _unreachable(states: Sequence[State], by_id: Mapping[str, State]) -> Iterator[Fault]:
    def following(name: str) -> list[str]:
        return [way.to for way in by_id[name].next] if name in by_id else []

    found = reached([states[0].id] if states else [], following)
    for number, state in enumerate(states):
        if state.id not in found:
            hint = f"lead to it with `next`, `to: {state.id}`, or remove it"
            yield Fault((number,), f"nothing leads to the state `{state.id}`", hint)
