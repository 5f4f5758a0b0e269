"""Journeys as a target gets them: one graph of states for each.

The kind `journey` and the port take `Graphs`. In one every state has `next` in full, sub-journeys
are written out, and only what Parlant can make is left: a fork that is reached under a condition is
merged into the ways that lead to it. Where the first state is a fork, its ways are those of
Parlant's initial state, which says nothing either. `journey_rules` says what is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otto_reconcile.model.part import LONGEST_ID, short_tool
from otto_reconcile.model.resource import JSON, digest
from otto_reconcile.model.states import Journey, State, Transition

END = "end"
"""Where a journey is over; no state has this id."""

AND = "; and "
"""Between two conditions that became one."""


MOST = 2_000
"""States and ways that the journeys of one bot may have together, written out and merged.

Parlant takes some 5 seconds to make so many and 90 for 10,000; and to delete them it searches all
that the server has for each, and answers nobody meanwhile.
"""
MOST_TEXT = 10_000_000
"""Characters of all these."""
MOST_FORKS = 50
"""How many forks may lead from one to the next."""
MOST_NESTED = 20
"""How many journeys may lie in one another."""


def is_fork(state: State) -> bool:
    return not (state.chat or state.tools or state.journey)


class TooLarge(Exception):
    """A journey has no graph that could be kept. `state` is the one of its own that leads there."""

    def __init__(self, state: str, message: str, hint: str) -> None:
        self.state, self.message, self.hint = state.partition(".")[0], message, hint
        super().__init__(f"state {self.state}: {message}")


@dataclass
class _Room:
    """What the journeys of a bot may still have: states and ways, and characters in them."""

    steps: int = MOST
    text: int = MOST_TEXT

    def take(self, state: str, *, text: int = 0, steps: int = 1) -> None:
        """Room for one more state or way, or several. Raises TooLarge."""
        self.steps -= steps
        self.text -= text
        if self.steps >= 0 and self.text >= 0:
            return
        most = f"{MOST:,} states and ways" if self.steps < 0 else f"{MOST_TEXT:,} characters"
        message = f"with sub-journeys written out and forks merged, the journeys have over {most}"
        hint = "forks behind forks and journeys in journeys multiply: put a chat state between them"
        raise TooLarge(state, message, hint)


class Graphs:
    """What a target is to hold of the journeys of one bot, which share what room there is."""

    def __init__(self, journeys: Iterable[Journey]) -> None:
        self._room = _Room()
        self._writing = _Writing({journey.id: journey for journey in journeys}, self._room)

    @property
    def is_full(self) -> bool:
        """True once there is no room for another one."""
        return self._room.steps < 0 or self._room.text < 0

    def of(self, journey: Journey) -> list[State]:
        """The graph, the first state first. `journey` names where a state came from.

        The states must be without fault. Raises TooLarge.
        """
        by_id = {state.id: state for state, _ in self._writing.of(journey, 0).states}
        first = _led_on(Transition(to=next(iter(by_id), END)), by_id).to
        merging = _Merging(by_id, first, self._room)
        found = {
            name: state.model_copy(update={"next": merging.ways_of(state)})
            for name, state in by_id.items()
        }

        def following(name: str) -> list[str]:
            return [way.to for way in found[name].next] if name in found else []

        needed = reached([first], following)
        order = [first, *(name for name in found if name != first)]
        return [found[name] for name in order if name in needed and name in found]


class _Written(NamedTuple):
    """The states of a journey, each with its characters, and how deep journeys lie in it."""

    states: list[tuple[State, int]]
    deep: int


class _Writing:
    """Writes states of sub-journeys in their places; an exit with conditions is a fork."""

    def __init__(self, journeys: Mapping[str, Journey], room: _Room) -> None:
        self._journeys, self._room = journeys, room
        self._written: dict[str, _Written] = {}

    def of(self, journey: Journey, above: int) -> _Written:
        if journey.id not in self._written:
            self._written[journey.id] = self._write(journey, above)
        return self._written[journey.id]

    def _write(self, journey: Journey, above: int) -> _Written:
        inner = {
            state.id: self._inside(state, above)
            for state in journey.states or ()
            if state.journey is not None
        }
        led = {name: written.states[0][0].id for name, written in inner.items()}
        found: list[tuple[State, int]] = []
        for state in journey.states or ():
            ways = [Transition(to=led.get(w.to, w.to), when=w.when) for w in state.next]
            if state.id not in inner:
                size = len(state.model_dump_json(exclude={"next"}))
                self._room.take(state.id, text=size)
                tools = state.tools and [short_tool(tool) for tool in state.tools]
                found.append((state.model_copy(update={"next": ways, "tools": tools}), size))
                continue
            ways = ways or [Transition(to=END)]
            out = ways[0].to if len(ways) == 1 and ways[0].when is None else state.id
            found += [(_leaving(part, out), size) for part, size in inner[state.id].states]
            if out == state.id:
                self._room.take(state.id)
                found.append((State(id=state.id, next=ways), 0))
        return _Written(found, max((written.deep for written in inner.values()), default=0))

    def _inside(self, state: State, above: int) -> _Written:
        """The states of a sub-journey under their names in the one that goes through it."""
        assert state.journey is not None
        written = _Written([], 0)
        if above < MOST_NESTED:
            try:
                written = self.of(self._journeys[state.journey], above + 1)
            except TooLarge as error:
                raise TooLarge(state.id, error.message, error.hint) from None
        deep = written.deep + 1
        if above + deep > MOST_NESTED:
            message = f"more than {MOST_NESTED} journeys lie in one another here"
            raise TooLarge(state.id, message, "let one end, and begin the next by its condition")
        return _Written([self._renamed(state, part, size) for part, size in written.states], deep)

    def _renamed(self, state: State, part: State, size: int) -> tuple[State, int]:
        self._room.take(state.id, text=size)
        name = f"{state.id}.{part.id}"
        if len(name) > LONGEST_ID:
            message = f"the id of a state within it has over {LONGEST_ID} characters"
            raise TooLarge(state.id, message, "give states shorter ids, or nest fewer journeys")
        changed = {
            "id": name,
            "journey": part.journey or (None if is_fork(part) else state.journey),
            "next": [
                Transition(to=w.to if w.to == END else f"{state.id}.{w.to}", when=w.when)
                for w in part.next
            ],
        }
        return part.model_copy(update=changed), size


def _led_on(way: Transition, by_id: Mapping[str, State]) -> Transition:
    """The same way, past forks that decide nothing: they have no way at all, or one without `when`.

    Parlant's SDK makes the first such a state without text; the other only for itself.
    """
    while (target := by_id.get(way.to)) is not None and is_fork(target):
        if not target.next:
            return Transition(to=END, when=way.when)
        if target.next[0].when is not None:
            break
        way = Transition(to=target.next[0].to, when=way.when)
    return way


def _leaving(state: State, out: str) -> State:
    ways = [Transition(to=out if w.to == END else w.to, when=w.when) for w in state.next]
    return state.model_copy(update={"next": ways or [Transition(to=out)]})


class _Merging:
    """The ways of states without the forks that a target cannot have.

    A way under a condition to a fork is led on to where the fork leads. So is one to the first
    state where that is a fork: a target has no state for it to go to.
    """

    def __init__(self, by_id: Mapping[str, State], first: str, room: _Room) -> None:
        self._by_id, self._first, self._room = by_id, first, room
        self._forks: dict[str, tuple[Sequence[Transition], int]] = {}

    def ways_of(self, state: State) -> list[Transition]:
        ways = list((self._fork(state, 1) if is_fork(state) else self._merged(state, 0))[0])
        return self._straight(ways) if state.tools else ways

    def _fork(self, state: State, above: int) -> tuple[Sequence[Transition], int]:
        """The ways of a fork, and how many forks they come through one after the other."""
        if above <= MOST_FORKS and state.id not in self._forks:
            self._forks[state.id] = self._merged(state, above)
        ways, deep = self._forks.get(state.id, ((), 0))
        if above + deep > MOST_FORKS:
            message = f"more than {MOST_FORKS} forks lead from one to the next here"
            raise TooLarge(state.id, message, "put a chat or tool state between them")
        return ways, deep

    def _merged(self, state: State, above: int) -> tuple[list[Transition], int]:
        ways: list[Transition] = []
        deepest = 0
        for way in (_led_on(way, self._by_id) for way in state.next):
            target, when = self._by_id.get(way.to), way.when
            if target is None or not is_fork(target) or (when is None and way.to != self._first):
                ways.append(self._way(state, way.to, when))
                if target is not None and is_fork(target):  # whose ways are this one's, for Parlant
                    self._room.take(state.id, steps=len(self._fork(target, 1)[0]))
                continue
            inner, deep = self._fork(target, above + 1)
            deepest = max(deepest, deep + 1)
            ways += [
                self._way(state, on.to, f"{when}{AND}{on.when}" if when else on.when)
                for on in inner
            ]
        return ways, deepest

    def _way(self, state: State, to: str, when: str | None) -> Transition:
        self._room.take(state.id, text=len(when or ""))
        return Transition(to=to, when=when)

    def _straight(self, ways: list[Transition]) -> list[Transition]:
        """Past forks with one way, where a tool has one way alone: so `ends` can tell its end."""
        while len(ways) == 1 and (target := self._by_id.get(ways[0].to)) is not None:
            if not is_fork(target) or len(target.next) != 1:
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
