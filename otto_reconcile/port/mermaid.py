"""What Parlant shows of the states of a journey: a chart, without ids. For the adapter of journeys.

A chart and the states that are wanted become the same plain form, in which they compare: states
by number, in the order in which they are reached, with what they say and the ways between them.
"""

from __future__ import annotations

import html
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from otto_reconcile.model import JSON, State
from otto_reconcile.model.journey_graph import END, ends

_DECLARED = re.compile(r'^    state "([^"]*)" as (N\d+)$', re.MULTILINE)
_WAY = re.compile(r"    (N\d+|\[\*\]) --> (N\d+|\[\*\])(?:: (.*))?", re.DOTALL)
_STYLE = re.compile(r"style (N\d+) (.*)")
_TOOL_COLOUR = "fill:#ffeeaa"
_START = "[*]"


class _Step(NamedTuple):
    kind: str = "fork"
    text: str = ""


@dataclass
class _Chart:
    """Steps by name; what has none is a fork. Ways from each step, as (condition, target)."""

    steps: dict[str, _Step] = field(default_factory=dict)
    ways: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, source: str, target: str, when: str | None) -> None:
        self.ways.setdefault(source, []).append((_flat(when or ""), target))


def read(chart: str) -> list[JSON]:
    """The states that a chart shows."""
    found = _Chart()
    bare = _DECLARED.sub("", chart)  # a text may look like any line
    tools = {m[1] for m in map(_STYLE.match, bare.split("\n")) if m and _TOOL_COLOUR in m[2]}
    for text, name in _DECLARED.findall(chart):
        kind = "tool" if name in tools else "chat"
        found.steps[name] = _Step(kind, _flat(html.unescape(text.replace("#39;", "'"))))
    for line in _lines(bare):
        if way := _WAY.fullmatch(line):
            found.add(way[1], END if way[2] == _START else way[2], way[3])
    return _numbered(found)


def seen(states: Sequence[Mapping[str, JSON]]) -> list[JSON]:
    """What a chart would show of the states that are wanted."""
    drawn = _Chart()
    for state in states:
        drawn.steps[state["id"]] = _step(state)
        for way in [] if ends(State.model_validate(state)) else state["next"]:
            drawn.add(state["id"], way["to"], way.get("when"))
    if states:
        drawn.ways[_START] = [("", states[0]["id"])]
    return _numbered(drawn)


def recognised(shown: Sequence[JSON], states: Sequence[JSON]) -> list[JSON]:
    """What a chart shows, in the words of the states that it is not: those that are there by name.

    So that a difference tells what differs.
    """
    free: dict[_Step, deque[str]] = {}
    for state in states:
        free.setdefault(_step(state), deque()).append(state["id"])
    names: dict[str, str] = {END: END}
    for one in shown:
        same = free.get(_shown(one))
        names[one["id"]] = same.popleft() if same else f"({one['id']})"
    known: dict[str, JSON] = {state["id"]: state for state in states}
    order = _places([*known, *names.values()])
    found = []
    for one in sorted(shown, key=lambda one: order[names[one["id"]]]):
        name = names[one["id"]]
        ways = [{**way, "to": names[way["to"]]} for way in one["next"]]
        targets = _places(way["to"] for way in known.get(name, {}).get("next", []))
        ways.sort(key=lambda way: targets.get(way["to"], len(targets)))
        found.append({**(known.get(name) or one), "id": name, "next": ways})
    return found if found != list(states) else list(shown)


def _places(names: Iterable[str]) -> dict[str, int]:
    """The place of each name where it stands first."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _shown(state: Mapping[str, JSON]) -> _Step:
    kind = next((kind for kind in ("chat", "tool") if kind in state), "fork")
    return _Step(kind, state.get(kind, ""))


def _step(state: Mapping[str, JSON]) -> _Step:
    if chat := state.get("chat"):
        return _Step("chat", _flat(chat))
    if tools := state.get("tools"):
        name = tools[0].partition(":")[2] or tools[0]
        return _Step("tool", _flat(state.get("instruction") or f"Use the tool {name}"))
    return _Step()


def _flat(text: str) -> str:
    """Parlant writes line ends as they are and an apostrophe as `#39;`, in a chart of lines."""
    return " ".join(text.replace("#39;", "'").split())


def _lines(text: str) -> Iterable[str]:
    """Lines, each with those below it that belong to it: a condition may have line ends."""
    begun: list[str] = []
    for line in text.split("\n"):
        if begun and not (_WAY.fullmatch(line) or _STYLE.match(line)):
            begun.append(line)
            continue
        if begun:
            yield "\n".join(begun)
        begun = [line]
    yield "\n".join(begun)


def _numbered(chart: _Chart) -> list[JSON]:
    """From the start on, each step under the number of its first visit."""
    start = chart.ways.get(_START, [])
    if not start:
        return []
    first = start[0][1] if len(start) == 1 and not start[0][0] else _START
    order = [first] if first != END else [_START]
    met = {*order, END}
    for name in order:
        for _, target in _sorted(chart, name):
            if target not in met:
                met.add(target)
                order.append(target)
    numbers = {name: str(number) for number, name in enumerate(order, 1)} | {END: END}
    return [_plain(chart, name, numbers) for name in order]


def _sorted(chart: _Chart, name: str) -> list[tuple[str, str]]:
    ways = chart.ways.get(name, ())
    return sorted(ways, key=lambda way: (way[0], chart.steps.get(way[1], _Step()), way[1] == END))


def _plain(chart: _Chart, name: str, numbers: Mapping[str, str]) -> JSON:
    step = chart.steps.get(name, _Step())
    said: dict[str, JSON] = {} if step.kind == "fork" else {step.kind: step.text}
    ways = [
        {"to": numbers[target], **({"when": when} if when else {})}
        for when, target in _sorted(chart, name)
    ]
    return {"id": numbers[name], **said, "next": ways}
