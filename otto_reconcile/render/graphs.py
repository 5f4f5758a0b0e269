"""Draws the states of journeys: as a tree for a terminal, and as a Mermaid diagram.

What was written is drawn, not what a target makes of it: a sub-journey is one step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from otto_reconcile.model import Bot, Journey, State, Transition
from otto_reconcile.model.journey_graph import END, is_fork
from otto_reconcile.render.lines import Line, Tone, visible

_SIGNS = str.maketrans({"#": "#35;", '"': "#quot;", ";": "#59;", "<": "#lt;", ">": "#gt;"})
_IN_WORDS = "(no states: it is only described in words)"


def tree(bot: Bot, journeys: Sequence[Journey]) -> Iterator[Line]:
    """Each journey from its start; a way to a state that stands above is marked with `↑`."""
    for number, journey in enumerate(journeys):
        if number:
            yield Line("")
        yield Line(f"{journey.id}  {_shown(bot, journey, 'title', journey.title)}", Tone.HEADING)
        for place, condition in enumerate(journey.conditions):
            condition = _shown(bot, journey, f"conditions/{place}", condition)
            yield Line(f"  when {condition}", Tone.QUIET)
        if journey.states:
            yield from _Tree(journey.states).draw()
        else:
            yield Line(f"  {_IN_WORDS}", Tone.QUIET)


_Drawing: TypeAlias = "Iterator[Line | _Drawing]"
"""Lines, and what draws the lines in between."""


class _Tree:
    """The states of one journey on their way into lines, each state once."""

    def __init__(self, states: Sequence[State]) -> None:
        self._first = states[0].id
        self._states = {state.id: state for state in states}
        self._led_to = Counter(way.to for state in states for way in state.next)
        self._drawn: set[str] = set()

    def draw(self) -> Iterator[Line]:
        """A journey may be deeper than Python's calls: what draws waits on a list of its own."""
        drawing = [self._run(self._first, "  ")]
        while drawing:
            found = next(drawing[-1], None)
            if found is None:
                drawing.pop()
            elif isinstance(found, Line):
                yield found
            else:
                drawing.append(found)

    def _run(self, name: str, indent: str) -> _Drawing:
        """A state and all behind it; a straight line goes straight down."""
        while True:
            if name == END or name in self._drawn:
                yield Line(f"{indent}{'■ end' if name == END else f'↑ {name}'}", Tone.QUIET)
                return
            state = self._states[name]
            self._drawn.add(name)
            yield Line(f"{indent}{_step(state)}{self._name(name)}")
            if len(state.next) != 1 or state.next[0].when is not None:
                break
            name = state.next[0].to
        yield self._ways(state.next, indent)

    def _ways(self, ways: Sequence[Transition], indent: str) -> _Drawing:
        for number, way in enumerate(ways, 1):
            branch, below = ("└─", "   ") if number == len(ways) else ("├─", "│  ")
            yield Line(f"{indent}{branch} {_flat(way.when or 'always')}", Tone.CHANGED)
            yield self._run(way.to, indent + below)

    def _name(self, name: str) -> str:
        """Shown where a way leads back to it."""
        return f"  [{name}]" if self._led_to[name] > (name != self._first) else ""


def _step(state: State) -> str:
    if state.chat is not None:
        return f"● {_flat(state.chat)}"
    if state.journey is not None:
        return f"▶ journey {_flat(state.journey)}"
    if is_fork(state):
        return "◆ one of"
    how = f": {_flat(state.instruction)}" if state.instruction else ""
    return f"⚙ {', '.join(map(_flat, state.tools or ()))}{how}"


def mermaid(bot: Bot, journeys: Sequence[Journey]) -> str:
    """A state diagram; several journeys are states of one diagram, each with its own inside."""
    lines = ["stateDiagram-v2", "    classDef tool fill:#fea,color:#630"]
    for number, journey in enumerate(journeys):
        title = _text(_shown(bot, journey, "title", journey.title))
        if len(journeys) == 1:
            lines = ["---", f'title: "{title}"', "---", *lines, *_states(journey, "s", "    ")]
            continue
        lines.append(f'    state "{title}" as j{number} {{')
        lines += [*_states(journey, f"j{number}s", "        "), "    }"]
    return "\n".join(lines) + "\n"


def _states(journey: Journey, prefix: str, indent: str) -> Iterator[str]:
    states = journey.states or []
    names = {state.id: f"{prefix}{number}" for number, state in enumerate(states, 1)}
    if not states:
        yield f'{indent}state "{_IN_WORDS}" as {prefix}0'
    for state in states:
        name = names[state.id]
        if is_fork(state):
            yield f"{indent}state {name} <<choice>>"
        else:
            yield f'{indent}state "{_text(_step(state)[2:])}" as {name}'
        if state.tools:
            yield f"{indent}class {name} tool"
    if states:
        yield f"{indent}[*] --> {names[states[0].id]}"
    for state in states:
        yield from (f"{indent}{line}" for line in _arrows(state, names))


def _arrows(state: State, names: Mapping[str, str]) -> Iterator[str]:
    for way in state.next:
        target = "[*]" if way.to == END else names[way.to]
        label = f": {_text(way.when)}" if way.when is not None else ""
        yield f"{names[state.id]} --> {target}{label}"


def _shown(bot: Bot, journey: Journey, field: str, value: str) -> str:
    """The value, or how it was made where there is a secret in it."""
    masked = bot.masked.get(f"journeys/{journey.id}/{field}")
    return _flat(masked.template if masked is not None else value)


def _flat(text: str) -> str:
    return visible(" ".join(text.split()))


def _text(text: str) -> str:
    return _flat(text).translate(_SIGNS)
