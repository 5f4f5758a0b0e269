"""Parts that had another id: what was wanted earlier, under the ids of today. Pure.

A manifest says `renamedFrom` of a guideline, a journey or a state. It is kept as an annotation of
the bot: neither a part nor its row has it, and no target. `planning.revisions` and `records.blame`
compare with what `carried` gives; `successors` tells the plan what is to be there before what goes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from otto_reconcile.model.bot import RENAMED, Bot, Masked, Relationship
from otto_reconcile.model.part import EXACT_ID
from otto_reconcile.model.resource import JSON, Ref
from otto_reconcile.model.shared import Declaration
from otto_reconcile.model.states import Journey, State

_GROUPS = {"guideline": "guidelines", "journey": "journeys"}
_STATE = "state"
_EXACT = re.compile(EXACT_ID)
_Place: TypeAlias = tuple[str, str]
"""The kind and the id of a part."""
_SHORT = re.compile(r"[a-z0-9][a-z0-9-]*")


class Renamed(NamedTuple):
    """A part (`guideline`, `journey`, `state`) with its id, and the former one as it was given.

    The id is complete, that of a state `<journey>/<state>`; the former one may be short, and that
    of a state is the one within its journey.
    """

    kind: str
    id: str
    former: str


def candidates(bot_id: str, former: str) -> tuple[str, ...]:
    """The complete ids that a former one may mean, the likeliest first."""
    return (f"{bot_id}.{former}", former) if _SHORT.fullmatch(former) else (former,)


def as_data(renamed: Iterable[Renamed]) -> list[JSON]:
    """For the annotation; sorted."""
    return [{"kind": r.kind, "id": r.id, "from": r.former} for r in sorted(set(renamed))]


def renamed_parts(bot: Bot) -> list[Renamed]:
    """What the annotation says; nothing where another program made it something else."""
    said = bot.annotations.get(RENAMED)
    entries = said if isinstance(said, list) else []
    return [
        Renamed(entry["kind"], entry["id"], entry["from"])
        for entry in entries
        if isinstance(entry, Mapping)
        and all(isinstance(entry.get(name), str) for name in ("kind", "id", "from"))
    ]


def are_written(bot: Bot) -> bool:
    """True if the annotation says what a manifest can say beside the parts, and no more."""
    found = renamed_parts(bot)
    if not found or bot.annotations[RENAMED] != as_data(found):
        return False
    there = {
        *(("guideline", part.id) for part in bot.guidelines),
        *(("journey", journey.id) for journey in bot.journeys),
        *((_STATE, f"{j.id}/{state.id}") for j in bot.journeys for state in j.states or ()),
    }
    former = [[(r.kind, name) for name in _meant(bot, r)] for r in found]
    firsts = {names[0] for names in former}
    return (
        not any(place in there for names in former for place in names)
        and len(firsts) == len(found) == len({(r.kind, r.id) for r in found})
        and all((r.kind, r.id) in there and _EXACT.fullmatch(r.former) for r in found)
    )


def _meant(bot: Bot, renamed: Renamed) -> tuple[str, ...]:
    if renamed.kind == _STATE:
        return (f"{renamed.id.rpartition('/')[0]}/{renamed.former}",)
    return candidates(bot.id, renamed.former)


def former_ids(bot: Bot) -> dict[tuple[str, str], str]:
    """The former id by the kind and the id of each renamed part, if all can be written with it."""
    return {(r.kind, r.id): r.former for r in renamed_parts(bot)} if are_written(bot) else {}


def successors(bot: Bot, gone: Collection[Ref], wanted: Collection[Ref]) -> dict[Ref, Ref]:
    """Of what is `gone` and was renamed to something `wanted`: that."""
    return {
        old: Ref(kind, new)
        for kind in _GROUPS
        for name, new in _pairs(bot, kind)
        if (old := Ref(kind, name)) in gone and old not in wanted and Ref(kind, new) in wanted
    }


def carried(before: Declaration | None, *later: Declaration | None) -> Declaration | None:
    """`before` under the ids of the last of `later`, which follow it one after the other.

    Forwards or backwards: what a later one has renamed from an id is followed, and what an earlier
    one had is followed back. Only what one of two has and the other has not can have moved; what
    has is no longer said to have been renamed, so that the move itself is no difference.
    """
    if not isinstance(before, Bot):
        return before
    bot, last = before, before
    touched: frozenset[_Place] = frozenset()
    for after in later:
        if isinstance(after, Bot):
            bot, touched = _step(bot, last, after, touched)
            last = after
    return bot


def _step(
    bot: Bot, last: Bot, after: Bot, touched: frozenset[_Place]
) -> tuple[Bot, frozenset[_Place]]:
    """The bot under the ids of `after`, and which of its parts have moved in this step or before.

    Of those it is `after` that says from where.
    """
    if not (touched or last.annotations.get(RENAMED) or after.annotations.get(RENAMED)):
        return bot, touched
    moves = {
        kind: _moves(
            [part.id for part in getattr(bot, group)],
            [part.id for part in getattr(after, group)],
            [*_pairs(after, kind), *((new, old) for old, new in _pairs(last, kind))],
        )
        for kind, group in _GROUPS.items()
    }
    states = {
        journey.id: _moves_of_states(journey, moves["journey"], last, after)
        for journey in bot.journeys
    }
    if not (touched or any((*moves.values(), *states.values()))):
        return bot, touched
    moving = _Moving(moves, states)
    touched = moving.touched(touched)
    return moving.bot(bot, after, touched), touched


def _moves_of_states(
    journey: Journey, journeys: Mapping[str, str], last: Bot, after: Bot
) -> dict[str, str]:
    new = journeys.get(journey.id, journey.id)
    there = next((one for one in after.journeys if one.id == new), None)
    if there is None:
        return {}
    pairs = [(r.former, name) for r, name in _states(after, new)]
    pairs += [(name, r.former) for r, name in _states(last, journey.id)]
    return _moves(
        [state.id for state in journey.states or ()], [state.id for state in there.states or ()],
        pairs,
    )  # fmt: skip


def _states(bot: Bot, journey_id: str) -> list[tuple[Renamed, str]]:
    """The renamed states of a journey, each with its id within it."""
    start = f"{journey_id}/"
    return [
        (r, r.id.removeprefix(start))
        for r in renamed_parts(bot)
        if r.kind == _STATE and r.id.startswith(start)
    ]


def _pairs(bot: Bot, kind: str) -> list[tuple[str, str]]:
    """The former ids that are possible, and the present ones."""
    return [
        (name, r.id)
        for r in renamed_parts(bot)
        if r.kind == kind
        for name in candidates(bot.id, r.former)
    ]


def _moves(
    had: Collection[str], has: Collection[str], pairs: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """New ids by old ones."""
    gone, come = set(had) - set(has), set(has) - set(had)
    moves: dict[str, str] = {}
    for old, new in pairs:
        if old in gone and new in come:
            moves[old] = new
            gone.remove(old)
            come.remove(new)
    return moves


class _Moving:
    """One bot under other ids: by kind, and of states by the journey as it was called."""

    def __init__(
        self, moves: Mapping[str, Mapping[str, str]], states: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._moves, self._states = moves, states

    def bot(self, bot: Bot, after: Bot, touched: frozenset[_Place]) -> Bot:
        guidelines = [
            part.model_copy(update={"id": self._id("guideline", part.id)})
            for part in bot.guidelines
        ]
        changed: dict[str, Any] = {
            "guidelines": guidelines,
            "journeys": [self._journey(journey) for journey in bot.journeys],
            "relationships": [self._relationship(one) for one in bot.relationships],
            "masked": self._masked(bot.masked),
            "annotations": self._annotations(bot, after, touched),
        }
        return bot.model_copy(update=changed)

    def _id(self, kind: str, name: str) -> str:
        return self._moves.get(kind, {}).get(name, name)

    def _journey(self, journey: Journey) -> Journey:
        names = self._states[journey.id]
        states = journey.states and [self._state(state, names) for state in journey.states]
        return journey.model_copy(update={"id": self._id("journey", journey.id), "states": states})

    def _state(self, state: State, names: Mapping[str, str]) -> State:
        ways = [way.model_copy(update={"to": names.get(way.to, way.to)}) for way in state.next]
        inner = state.journey and self._id("journey", state.journey)
        new = names.get(state.id, state.id)
        return state.model_copy(update={"id": new, "next": ways, "journey": inner})

    def _relationship(self, one: Relationship) -> Relationship:
        ends = {"source": self._end(one.source), "target": self._end(one.target)}
        return one.model_copy(update=ends)

    def _end(self, end: str) -> str:
        kind, _, name = end.partition(":")
        return f"{kind}:{self._id(kind, name)}"

    def _masked(self, masked: Mapping[str, Masked]) -> dict[str, Masked]:
        """Ids of guidelines and journeys have no character that a pointer would escape."""
        kinds = {group: kind for kind, group in _GROUPS.items()}
        found = {}
        for path, how in masked.items():
            group, *rest = path.split("/")
            if rest and group in kinds:
                path = "/".join([group, self._id(kinds[group], rest[0]), *rest[1:]])
            found[path] = how
        return found

    def touched(self, before: frozenset[_Place]) -> frozenset[_Place]:
        """The parts that have moved until now, by where they are now."""
        return frozenset(self._place(*one) for one in {*before, *self._moved()})

    def _annotations(self, bot: Bot, after: Bot, touched: frozenset[_Place]) -> dict[str, JSON]:
        places = [(r, self._place(r.kind, r.id)) for r in renamed_parts(bot)]
        told = [r._replace(id=place[1]) for r, place in places if place not in touched]
        told += [r for r in renamed_parts(after) if (r.kind, r.id) in touched]
        others = {name: value for name, value in bot.annotations.items() if name != RENAMED}
        return {**others, RENAMED: as_data(told)} if told else others

    def _place(self, kind: str, name: str) -> _Place:
        if kind != _STATE:
            return kind, self._id(kind, name)
        journey, _, state = name.partition("/")
        state = self._states.get(journey, {}).get(state, state)
        return kind, f"{self._id('journey', journey)}/{state}"

    def _moved(self) -> set[_Place]:
        parts = {(kind, old) for kind, moves in self._moves.items() for old in moves}
        return parts | {
            (_STATE, f"{journey}/{old}") for journey, moves in self._states.items() for old in moves
        }
