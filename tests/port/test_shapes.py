"""Every shape of a journey, by Parlant's own SDK and by a manifest: both take it, or none does.

What Parlant takes and a manifest does not says why: Parlant does something else than was written.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import parlant.sdk as p
import pytest

from otto_reconcile import manifest
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot, Ref, snapshot_of
from otto_reconcile.port import mermaid as charts
from otto_reconcile.port.rest import RestPort
from otto_reconcile.render.graphs import mermaid, tree
from otto_reconcile.store.memory import MemoryStore
from tests.desired.test_states import CLI
from tests.parlant_server.tools import look_up, weigh
from tests.port.conftest import Host
from tests.port.test_contract import BOT, converge

Build = Callable[[Any, Any], Awaitable[Any]]
only_inside = pytest.mark.parametrize("host", ["asgi", "bridge"], indirect=True)

MANIFEST = """
apiVersion: otto/v1
kind: Bot
metadata: {{id: {bot}}}
spec:
  name: Desk
  canned_responses: [{{id: words, value: Hello}}]
  journeys:
    - {{id: plain, title: Plain, description: d, conditions: [c]}}
    - {{id: line, title: Line, description: d, conditions: [c], states: [{{chat: a}}, {{chat: b}}]}}
    - id: split
      title: Split
      description: d
      conditions: [c]
      states: [{{fork: [{{when: k, to: l}}, {{when: m, to: r}}]}}, {{id: l, chat: l, next: []}},
               {{id: r, chat: r}}]
"""
JOURNEY = """
    - id: {id}
      title: Shape
      description: d
      conditions: [They come]
      states: {states}
"""


class Shape(NamedTuple):
    """`states` as YAML. `refused` is what a manifest says; None where it takes the shape.

    `parlant` is what the SDK says; None where it takes the shape. `drawn` is False where a target
    gets it in another, equal form.
    """

    sdk: Build
    states: str
    refused: str | None = None
    parlant: str | None = None
    drawn: bool = True


async def _line(journey: Any, *steps: dict[str, Any]) -> Any:
    here = journey.initial_state
    for step in steps:
        here = (await here.transition_to(**step)).target
    return here


def line(*steps: dict[str, Any]) -> Build:
    return lambda journey, subs: _line(journey, *steps)


def ways(*steps: dict[str, Any], first: dict[str, Any] | None = None) -> Build:
    async def build(journey: Any, subs: Any) -> None:
        here = await _line(journey, *([first] if first else []))
        for step in steps:
            await here.transition_to(**step)

    return build


async def back_to_itself(journey: Any, subs: Any) -> None:
    a = await _line(journey, {"chat_state": "x"})
    await a.transition_to(state=a)


async def circle_of_tools(journey: Any, subs: Any) -> None:
    a = await _line(journey, {"tool_state": look_up})
    b = await a.transition_to(tool_state=weigh)
    await b.target.transition_to(state=a)


async def back_to_the_start(journey: Any, subs: Any) -> None:
    start = journey.initial_state
    a = await start.transition_to(condition="c", chat_state="x")
    await start.transition_to(condition="d", chat_state="y")
    await a.target.transition_to(state=start)


async def merging(journey: Any, subs: Any) -> None:
    a = await _line(journey, {"chat_state": "x"})
    b = await a.transition_to(condition="c", chat_state="y")
    d = await a.transition_to(condition="d", tool_state=look_up)
    await d.target.transition_to(state=b.target)


async def twice_to_one(journey: Any, subs: Any) -> None:
    a = await _line(journey, {"chat_state": "x"})
    b = await a.transition_to(condition="c", chat_state="y")
    await a.transition_to(condition="c", state=b.target)


async def fork(journey: Any, subs: Any) -> Any:
    return (await (await _line(journey, {"chat_state": "x"})).fork()).target


async def fork_with_ways(journey: Any, subs: Any) -> None:
    split = await fork(journey, subs)
    await split.transition_to(condition="c", chat_state="y")
    await split.transition_to(condition="d", state=p.END_JOURNEY)


async def fork_without(journey: Any, subs: Any) -> None:
    await (await fork(journey, subs)).transition_to(chat_state="y")


async def fork_into(journey: Any, subs: Any) -> None:
    await (await fork(journey, subs)).transition_to(journey=subs["line"])


async def fork_to_itself(journey: Any, subs: Any) -> None:
    split = await fork(journey, subs)
    await split.transition_to(condition="c", state=split)


async def fork_behind_a_way(journey: Any, subs: Any) -> None:
    a = await _line(journey, {"chat_state": "x"})
    await a.transition_to(condition="c", chat_state="y")
    await a.fork()


async def two_of_one_id(journey: Any, subs: Any) -> None:
    a = await _line(journey, {"chat_state": "x", "id": "one"})
    await a.transition_to(chat_state="y", id="one")


async def out_of_the_end(journey: Any, subs: Any) -> None:
    await p.ChatJourneyState.transition_to(p.END_JOURNEY, chat_state="x")  # type: ignore[arg-type]


def through(name: str, condition: str | None = None, then: str | None = "k") -> Build:
    async def build(journey: Any, subs: Any) -> None:
        start = journey.initial_state
        gone = await start.transition_to(condition=condition, journey=subs[name])
        await gone.target.transition_to(condition=then, chat_state="after")

    return build


async def with_words(journey: Any, subs: Any) -> None:
    words = await journey.create_canned_response("Hello")
    strict = p.CompositionMode.STRICT
    await _line(
        journey, {"tool_state": look_up, "canned_responses": [words], "composition_mode": strict}
    )


CHAT, TOOL, OTHER = {"chat_state": "x"}, {"tool_state": look_up}, {"tool_state": weigh}
BOTH = {"tool_state": [look_up, weigh]}
TWO_WAYS = "without a condition if there are already"
SHAPES = {
    "no states": Shape(line(), "[]"),
    "tool after tool": Shape(
        line(TOOL, OTHER, CHAT), "[{tool: look_up}, {tool: weigh}, {chat: x, next: []}]"
    ),
    "tool last": Shape(line(CHAT, TOOL), "[{chat: x}, {tool: look_up, next: []}]"),
    # A way from a tool to the end alone would make Parlant's engine fail: it is not made.
    "tool to the end": Shape(
        line(TOOL, {"state": p.END_JOURNEY}), "[{tool: look_up, next: end}]", drawn=False
    ),
    "condition at the start": Shape(
        line({"condition": "c", **CHAT}), "[{chat: x, when: c, next: []}]"
    ),
    "tool under a condition at the start": Shape(
        line({"condition": "c", **TOOL}), "[{tool: look_up, when: c, next: []}]"
    ),
    "ways at the start": Shape(
        ways({"condition": "c", **CHAT}, {"condition": "d", **TOOL}),
        "[{fork: [{when: c, to: a}, {when: d, to: b}]}, {id: a, chat: x, next: []},"
        " {id: b, tool: look_up, next: []}]",
    ),
    "end among the ways at the start": Shape(
        ways({"condition": "c", "state": p.END_JOURNEY}, {"condition": "d", **CHAT}),
        "[{fork: [{when: c, to: end}, {when: d, to: a}]}, {id: a, chat: x, next: []}]",
    ),
    "ways at the start, one without": Shape(
        ways({"condition": "c", **CHAT}, TOOL),
        "[{fork: [{when: c, to: a}, {to: b}]}, {id: a, chat: x}, {id: b, tool: look_up}]",
        refused="each way of a fork needs a `when`",
        parlant=TWO_WAYS,
    ),
    "ways, the first without": Shape(
        ways(TOOL, {"condition": "c", **CHAT}, first=CHAT),
        "[{chat: x, next: [{to: a}, {when: c, to: b}]}, {id: a, tool: look_up}, {id: b, chat: x}]",
        refused="each of several ways needs a `when`",
        parlant=TWO_WAYS,
    ),
    "back to itself": Shape(back_to_itself, "[{id: a, chat: x, next: a}]"),
    "tools in a circle": Shape(circle_of_tools, "[{id: a, tool: look_up}, {tool: weigh, next: a}]"),
    "back to the start": Shape(
        back_to_the_start,
        "[{id: s, fork: [{when: c, to: a}, {when: d, to: b}]}, {id: a, chat: x, next: s},"
        " {id: b, chat: y, next: []}]",
        drawn=False,
    ),
    "two ways to one": Shape(
        merging,
        "[{chat: x, next: [{when: c, to: b}, {when: d, to: t}]}, {id: b, chat: y, next: []},"
        " {id: t, tool: look_up, next: b}]",
    ),
    "one condition to two": Shape(
        ways({"condition": "c", **CHAT}, {"condition": "c", **TOOL}, first={"chat_state": "f"}),
        "[{chat: f, next: [{when: c, to: a}, {when: c, to: b}]}, {id: a, chat: x, next: []},"
        " {id: b, tool: look_up, next: []}]",
    ),
    "one condition to one, twice": Shape(
        twice_to_one,
        "[{chat: x, next: [{when: c, to: b}, {when: c, to: b}]}, {id: b, chat: y, next: []}]",
    ),
    "fork": Shape(
        fork_with_ways,
        "[{chat: x}, {fork: [{when: c, to: b}, {when: d, to: end}]}, {id: b, chat: y, next: []}]",
    ),
    "fork without ways": Shape(fork, "[{chat: x}, {fork: []}]", drawn=False),
    "way of a fork without condition": Shape(
        fork_without,
        "[{chat: x}, {fork: [{to: b}]}, {id: b, chat: y}]",
        refused="each way of a fork needs a `when`",
        parlant="requires a condition",
    ),
    "way of a fork into a journey without condition": Shape(
        fork_into, "[{chat: x}, {fork: [{to: b}]}, {id: b, journey: line}]", drawn=False
    ),
    "fork behind a way": Shape(
        fork_behind_a_way,
        "[{chat: x, next: [{when: c, to: b}, {to: f}]}, {id: b, chat: y}, {id: f, fork: []}]",
        refused="each of several ways needs a `when`",
        parlant=TWO_WAYS,
    ),
    "several tools": Shape(
        line({**BOTH, "tool_instruction": "both"}),
        "[{tools: [look_up, weigh], instruction: both, next: []}]",
    ),
    "words and mode of a tool": Shape(
        with_words,
        "[{tool: look_up, canned_responses: [words], composition_mode: strict, next: []}]",
    ),
    "chat and tool": Shape(
        line({**CHAT, **TOOL}),
        "[{chat: x, tool: look_up}]",
        refused="a state has one of chat, tool",
        parlant="multiple target parameters",
    ),
    "instruction of a chat": Shape(
        line({**CHAT, "tool_instruction": "y"}),
        "[{chat: x, instruction: y}]",
        refused="only a tool state has an instruction",
        parlant="cannot be used with chat_state",
    ),
    "no tool": Shape(
        line({"tool_state": []}),
        "[{tools: []}]",
        refused="a state has one of chat, tool",
        parlant="at least one target",
    ),
    "out of the end": Shape(
        out_of_the_end,
        "[{id: end, chat: x}]",
        refused="`end` is where a journey is over",
        parlant="EndState cannot be connected",
    ),
    "journey first": Shape(
        through("line"),
        "[{journey: line, next: [{when: k, to: z}]}, {id: z, chat: after}]",
        drawn=False,
    ),
    "journey first under a condition": Shape(
        through("line", "c"),
        "[{journey: line, when: c, next: [{when: k, to: z}]}, {id: z, chat: after}]",
        drawn=False,
    ),
    "journey with ways at its start": Shape(
        through("split"),
        "[{journey: split, next: [{when: k, to: z}]}, {id: z, chat: after}]",
        drawn=False,
    ),
    "words of a journey that is gone through": Shape(
        ways({"journey": p.END_JOURNEY, "canned_responses": ["x"]}),
        "[{journey: line, canned_responses: [words]}]",
        refused="only a chat or tool state has `canned_responses`",
        parlant="do not support",
    ),
}
ELSE = {
    # Parlant makes the end of it.
    "nothing said": Shape(line({"chat_state": ""}), "[{chat: ''}]", refused="chat"),
    # Parlant makes a state without an action: where the journey comes to it, it is over.
    "several tools without instruction": Shape(
        line(BOTH), "[{tools: [look_up, weigh]}]", refused="needs an `instruction`"
    ),
    # Parlant draws one state that leads to itself.
    "two of one id": Shape(
        two_of_one_id, "[{id: a, chat: x}, {id: a, chat: y}]", refused="two states `a`"
    ),
    # What comes behind it can never be reached.
    "journey without states": Shape(
        through("plain"), "[{journey: plain}, {chat: after}]", refused="has no states to go through"
    ),
    # Parlant takes the end for a step, and fails.
    "only the end": Shape(
        line({"condition": "c", "state": p.END_JOURNEY}),
        "[{fork: [{when: c, to: end}]}]",
        refused="the first fork leads to no state",
    ),
    # No step is taken; behind a tool, Parlant goes round in it for ever.
    "fork to itself": Shape(
        fork_to_itself,
        "[{chat: x}, {id: f, fork: [{when: c, to: f}]}]",
        refused="leads back to itself through forks only",
    ),
}


Load = Callable[[Mapping[str, Shape]], Bot]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(shapes: Mapping[str, Shape]) -> Bot:
        path = tmp_path / "desk.yaml"
        journeys = [JOURNEY.format(id=key_of(name), states=s.states) for name, s in shapes.items()]
        path.write_text("".join([MANIFEST.format(bot=BOT), *journeys]))
        return manifest.load([path], environ={}).bots[0].bot

    return loaded


def key_of(name: str) -> str:
    return re.sub("[^a-z]+", "-", name)


async def drawn(host: Host, journey: str) -> list[Any]:
    return charts.read(str(await host.rest.text(f"/journeys/{journey}/mermaid")))


async def made_by_sdk(host: Host, shapes: Mapping[str, Shape]) -> dict[str, str]:
    """Each under its name, beside journeys that it may go through; gives what the SDK refused."""
    thread = host.port._thread
    said: dict[str, str] = {}

    async def make() -> None:
        agent = await thread.server.create_agent("Other", "d", id="other")
        subs = {name: await agent.create_journey(name, "d", ["c"]) for name in ("plain", "line")}
        await _line(subs["line"], {"chat_state": "a"}, {"chat_state": "b"})
        subs["split"] = await agent.create_journey("split", "d", ["c"])
        for condition, text in (("k", "l"), ("m", "r")):
            await subs["split"].initial_state.transition_to(condition=condition, chat_state=text)
        for name, shape in shapes.items():
            journey = await agent.create_journey("Shape", "d", ["They come"], id=key_of(name))
            try:
                await shape.sdk(journey, subs)
            except p.SDKError as error:  # type: ignore[attr-defined]
                said[name] = str(error)

    await thread.within(make())
    return said


TAKEN = {name: shape for name, shape in SHAPES.items() if shape.parlant is None}
REFUSED = {name: shape for name, shape in SHAPES.items() if shape.parlant is not None}


@only_inside
async def test_what_parlant_takes_a_manifest_takes(host: Host, load: Load) -> None:
    assert await made_by_sdk(host, TAKEN) == {}
    bot = load(TAKEN)
    wanted = snapshot_of(bot)
    await converge(host, wanted)
    shown = {name: await drawn(host, f"{BOT}.{key_of(name)}") for name in TAKEN}
    by_hand = {name: await drawn(host, key_of(name)) for name in TAKEN}
    for name, shape in TAKEN.items():
        assert (shown[name] == by_hand[name]) == shape.drawn, name
    assert await converge(host, wanted) == []  # it is seen as it was wanted
    stranger = RestPort.over_asgi(host.port._thread.app, target="another look")
    observed = (await host.port._thread.within(stranger.observe(BOT, wanted))).snapshot
    journeys = [Ref("journey", f"{BOT}.{key_of(name)}") for name in TAKEN]
    for ref in journeys:
        assert observed[ref].spec.get("states") == wanted[ref].spec.get("states")
        await host.rest.delete(f"/journeys/{ref.key}")
    healed = await converge(host, wanted)
    assert {f"create {ref}" for ref in journeys} <= {*healed}
    assert {name: await drawn(host, f"{BOT}.{key_of(name)}") for name in TAKEN} == shown
    assert await converge(host, wanted) == []


@only_inside
async def test_what_parlant_refuses_a_manifest_refuses(host: Host, load: Load) -> None:
    said = await made_by_sdk(host, REFUSED)
    for name, shape in REFUSED.items():
        assert re.search(str(shape.parlant), said[name]), name
        with pytest.raises(InvalidInput, match=str(shape.refused)):
            load({name: shape})


@only_inside
async def test_what_becomes_something_else_is_refused(host: Host, load: Load) -> None:
    assert await made_by_sdk(host, ELSE) == {}
    texts = {
        name: [text for state in await drawn(host, key_of(name)) for text in _said(state)]
        for name in ELSE
    }
    assert texts == {
        "nothing said": [],
        "only the end": [],
        "several tools without instruction": [],
        "two of one id": ["y"],
        "journey without states": [],
        "fork to itself": ["x"],
    }
    for name, shape in ELSE.items():
        with pytest.raises(InvalidInput, match=str(shape.refused)):
            load({name: shape})


def _said(state: Mapping[str, Any]) -> list[str]:
    return [state[kind] for kind in ("chat", "tool") if kind in state]


def test_a_shape_is_written_as_it_was_read(load: Load, tmp_path: Path) -> None:
    bot = load(TAKEN)
    path = tmp_path / "again.yaml"
    path.write_text(manifest.dump([bot]))
    assert manifest.load([path], environ={}).bots[0].bot == bot
    assert "when: c" in path.read_text()
    store = MemoryStore()
    DesiredState(store).put(bot, source=CLI, actor="ann")
    assert DesiredState(store).get(bot.id).bot == bot
    assert list(tree(bot, bot.journeys))
    assert mermaid(bot, bot.journeys)
