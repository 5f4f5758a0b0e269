"""States of journeys as people write them: to the vocabulary, checked, and back.

A straight line needs no ids: a state without `next` goes on to the one below it, and the last one
to the end. The `when` of the first state becomes a fork before it, with this one way. The
guidelines of a journey are guidelines of the bot that depend on the journey.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from otto_reconcile.manifest.contents import canned_id, canned_name, check_canned
from otto_reconcile.manifest.drafts import Draft, Item
from otto_reconcile.manifest.forms import JourneyForm, StateForm
from otto_reconcile.manifest.ids import complete, derived_from_name, shortened
from otto_reconcile.manifest.messages import short
from otto_reconcile.manifest.tree import Path, child, find
from otto_reconcile.model import JSON, Bot, Journey, Relationship, State, Transition
from otto_reconcile.model.former import former_ids
from otto_reconcile.model.journey_graph import END, is_fork
from otto_reconcile.model.journey_rules import Fault, faults


def check_states(drafts: Sequence[Draft]) -> None:
    """A fault, with its place, for each rule that the states of a journey break."""
    for draft in drafts:
        read = [_journey(draft, item) for item in draft.groups.get("journeys", ())]
        for item, found in zip(draft.groups.get("journeys", ()), faults(read), strict=True):
            _check(draft, item, found)


def _check(draft: Draft, item: Item, found: Iterable[Fault]) -> None:
    form = item.form
    assert isinstance(form, JourneyForm)
    nodes = child(item.node, "states") or item.node
    if any(p[3:4] == ("states",) and find(draft.root, p[:3]) is item.node for p in draft.secrets):
        return  # a fault already, and the words of another one could show the secret
    for number, state in enumerate(form.states or ()):
        check_canned(draft, find(nodes, (number,)), state.canned_responses or ())
    for number, state in enumerate(form.states or ()):
        if number and state.when is not None:
            hint = f"write it in the state above: `next: [{{when: {short(state.when)}, to: ID}}]`"
            at = find(nodes, (number, "when"))
            draft.faults.add(at, "only the first state has `when` beside it", hint)
    broken = {name for group, name in draft.broken if group == "journeys"}
    started = int(_start(form.states or ()) is not None)
    for fault in found:
        number = max(int(fault.path[0]) - started, 0)
        fault = fault._replace(path=(number, *fault.path[1:]))
        state = (form.states or [])[number]
        if fault.path[1:2] == ("journey",) and _journey_id(state.journey, draft.bot_id, broken):
            continue
        path: Path = tuple("fork" if state.fork and p == "next" else p for p in fault.path)
        draft.faults.add(find(nodes, path), fault.message, fault.hint)


def _journey(draft: Draft, item: Item) -> Journey:
    """As far as its states go. Its id may be none that a bot can have, which is a fault already."""
    try:
        read = [State.model_validate(state) for state in states_of(draft, item) or ()] or None
    except ValidationError:
        read = None
        if not draft.faults.problems:
            draft.faults.add(item.node, "the states of this journey cannot be kept as they are")
    return Journey.model_construct(
        id=item.id, title="-", description="", conditions=[], states=read
    )


def states_of(draft: Draft, item: Item) -> list[JSON] | None:
    """The states of a journey as a Bot has them; None if it has none."""
    form = item.form
    assert isinstance(form, JourneyForm)
    if form.states is None:
        return None
    names = _names(form.states)
    own = [other.id for other in draft.groups.get("journeys", ())]
    found = []
    for number, state in enumerate(form.states):
        given = {"id", "tool", "tools", "fork", "journey", "next", "canned_responses", "when"}
        given.add("renamedFrom")
        data: dict[str, JSON] = state.model_dump(exclude=given, exclude_none=True)
        ways = state.next if state.fork is None else state.fork
        data["next"] = (
            [{"to": _below(names, number)}]
            if ways is None
            else [way.model_dump(exclude_none=True) for way in ways]
        )
        if tools := [state.tool] if state.tool else state.tools:
            data["tools"] = tools
        if state.journey is not None:
            data["journey"] = _journey_id(state.journey, draft.bot_id, own) or state.journey
        if state.canned_responses is not None:
            named = [canned_id(draft, name) or name for name in state.canned_responses]
            data["canned_responses"] = named
        found.append({"id": names[number], **data})
    return [*_start_state(form.states, names), *found]


def _start_state(states: Sequence[StateForm], names: Sequence[str]) -> list[JSON]:
    """The fork that holds the condition of the first state, if it has one."""
    name = _start(states, names)
    way = {"to": names[0], "when": states[0].when} if name else {}
    return [{"id": name, "next": [way]}] if name else []


def _start(states: Sequence[StateForm], names: Sequence[str] = ()) -> str | None:
    if not states or states[0].when is None:
        return None
    return _free("start", {*names, END}, {})


def _below(names: Sequence[str], number: int) -> str:
    return names[number + 1] if number + 1 < len(names) else END


def _journey_id(name: str | None, bot_id: str, known: Any) -> str | None:
    return next((i for i in (name, complete(bot_id, name or "")) if i in known), None)


def _names(states: Sequence[StateForm]) -> list[str]:
    """The ids of states, given or made from what they say."""
    taken = {state.id for state in states if state.id is not None} | {END}
    numbers: dict[str, int] = {}
    names = []
    for state in states:
        name = state.id
        if name is None:
            text = state.chat or state.tool or state.journey or " ".join(state.tools or ["fork"])
            text = derived_from_name(text.replace(":", " ").replace("_", " ").rstrip(".?!"))
            name = _free(text, taken, numbers)
            taken.add(name)
        names.append(name)
    return names


def _free(name: str, taken: set[str], numbers: dict[str, int]) -> str:
    """The name, or the name with the next number that is free; `numbers` has the last of each."""
    number = numbers.get(name, 1)
    found = name if number == 1 else f"{name}-{number}"
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    numbers[name] = number
    return found


def written_states(bot: Bot, journey: Journey) -> list[dict[str, JSON]]:
    """The states as a person would write them: with ids and `next` only where they are needed."""
    states, known = journey.states or [], former_ids(bot)
    former = {s.id: f for s in states if (f := known.get(("state", f"{journey.id}/{s.id}")))}
    starts = bool(states) and states[0].id not in former
    if starts and len(states) > 1 and _is_start(states) and not _is_start(states[1:]):
        rest = journey.model_copy(update={"states": states[1:]})
        first, *others = written_states(bot, rest)
        return [{**first, "when": states[0].next[0].when}, *others]
    names = [state.id for state in states]
    plain = [_written(bot, names, number, state) for number, state in enumerate(states)]
    led_to = {w.to for n, s in enumerate(states) for w in s.next if not _goes_below(names, n, s)}
    plain = [
        {**({"renamedFrom": former[n]} if n in former else {}), **p}
        for n, p in zip(names, plain, strict=True)
    ]
    needed = {name for name in names if name in led_to or name in former}
    while True:
        shown = [
            {**({"id": n} if n in needed else {}), **p} for n, p in zip(names, plain, strict=True)
        ]
        found = _names([StateForm.model_validate(state) for state in shown])
        wrong = {name for name, other in zip(names, found, strict=True) if name != other}
        if not wrong - needed:
            return shown
        needed |= wrong


def _is_start(states: Sequence[State]) -> bool:
    """True if the first state is what the `when` of the second one makes."""
    start, names = states[0], [state.id for state in states[1:]] or [END]
    way = start.next[0] if len(start.next) == 1 else Transition(to=END)
    led_to = {way.to for state in states for way in state.next}
    return (
        is_fork(start)
        and (way.to, way.when is None, start.id)
        == (names[0], False, _free("start", {*names, END}, {}))
        and start.id not in led_to
    )


def _written(bot: Bot, names: Sequence[str], number: int, state: State) -> dict[str, JSON]:
    data = state.model_dump(mode="json", exclude={"id", "next"}, exclude_none=True)
    first: dict[str, JSON] = {}
    if len(state.tools or ()) == 1:
        first["tool"] = data.pop("tools")[0]
    if state.journey is not None:
        data["journey"] = shortened(bot.id, state.journey) or state.journey
    if state.canned_responses is not None:
        data["canned_responses"] = [canned_name(bot, named) for named in state.canned_responses]
    ways: JSON = [_way(way) for way in state.next]
    if is_fork(state):
        return {"fork": ways, **data}
    if len(state.next) == 1 and state.next[0].when is None:
        ways = state.next[0].to
    return {**first, **data, **({} if _goes_below(names, number, state) else {"next": ways})}


def _way(way: Transition) -> dict[str, JSON]:
    return {"when": way.when, "to": way.to} if way.when is not None else {"to": way.to}


def _goes_below(names: Sequence[str], number: int, state: State) -> bool:
    way = state.next[0] if len(state.next) == 1 else None
    return way is not None and way.when is None and way.to == _below(names, number)


def scoping(draft: Draft) -> Iterator[tuple[Relationship, Item]]:
    """The relationships that bind the guidelines of journeys to them."""
    guidelines = {id(item.node): item for item in draft.groups.get("guidelines", ())}
    journeys = {id(item.node): item for item in draft.groups.get("journeys", ())}
    for guideline, journey in draft.scopes:
        item, owner = guidelines.get(id(guideline)), journeys.get(id(journey))
        if item is not None and owner is not None:
            yield bound(item.id, owner.id), item


def bound(guideline_id: str, journey_id: str) -> Relationship:
    """What makes a guideline one of a journey."""
    source, target = f"guideline:{guideline_id}", f"journey:{journey_id}"
    return Relationship(kind="dependency", source=source, target=target)


def scoped(bot: Bot) -> dict[str, list[str]]:
    """The guidelines that can be written inside a journey, by its id.

    None at all unless the bot is then read again exactly as it is.
    """
    links = [r for r in bot.relationships if r.kind == "dependency"]
    groups: dict[str, list[str]] = {}
    for journey in bot.journeys:
        groups[journey.id] = [
            guideline.id
            for guideline in bot.guidelines
            if (mine := [r for r in links if r.source == f"guideline:{guideline.id}"])
            and mine == [bound(guideline.id, journey.id)]
        ]
    inner = [name for names in groups.values() for name in names]
    outer = [guideline.id for guideline in bot.guidelines if guideline.id not in inner]
    implied = [bound(name, journey) for journey, names in groups.items() for name in names]
    free = [r for r in bot.relationships if r not in implied]
    same = [g.id for g in bot.guidelines] == [*outer, *inner]
    return groups if same and [*free, *implied] == bot.relationships else {}
