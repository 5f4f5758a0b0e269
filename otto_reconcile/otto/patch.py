"""A change to a bot that is there, as a chat brings it. For `service`.

A change is a specification of which anything may be left out, and what is left out stays: whoever
wrote it may have seen only a part of the bot. Only `remove` and `remove_relationships` take away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest import specification
from otto_reconcile.manifest.ids import complete, is_short, slug
from otto_reconcile.manifest.messages import near
from otto_reconcile.manifest.references import cycles
from otto_reconcile.model import Bot, Guideline, Journey, Relationship, folded
from otto_reconcile.otto import spec_codec
from otto_reconcile.otto.paging import LISTS

_TEXTS = {"guidelines": "condition", "journeys": "title"}
_SAID = ("condition", "action", "description", "criticality", "tools", "title", "conditions")
_REMOVALS = ("remove", "remove_relationships")

Piece = TypeVar("Piece", Guideline, Journey)


def changed(known: Bot, text: object) -> Bot:
    """The bot as it is after the change. Raises InvalidInput, with pointers into the change."""
    data = spec_codec.plain_data(text)
    if not isinstance(data, dict):
        raise spec_codec.fault("/: a change is a JSON object")
    if data.get("id", known.id) != known.id:
        raise spec_codec.fault("/id: a bot keeps its id", "leave it out, or make another bot")
    given = {n: value for n, value in data.items() if value is not None and n != "id"}
    return _Change(known, given).made()


def told(known: Bot, bot: Bot) -> list[str]:
    """What differs, a sentence each."""
    before, after = spec_codec.written(known), spec_codec.written(bot)
    found = [
        f"{name}: {json.dumps(before.get(name), ensure_ascii=False)} becomes "
        f"{json.dumps(value, ensure_ascii=False)}"
        for name, value in after.items()
        if name not in LISTS and before.get(name) != value
    ]
    for group, text in _TEXTS.items():
        found += _compared(
            group.removesuffix("s"), text, _keyed(before, group), _keyed(after, group)
        )
    gone = [r for r in known.relationships if r not in bot.relationships]
    new = [r for r in bot.relationships if r not in known.relationships]
    found += [f"removes the relationship: {_spelt(r)}" for r in gone]
    return found + [f"adds the relationship: {_spelt(r)}" for r in new]


def _compared(
    kind: str, text: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    for key, part in before.items():
        if key not in after:
            yield f"removes the {kind}: {part[text]}"
        elif part != after[key]:
            yield f"changes the {kind}: {part[text]}"
    yield from (f"adds the {kind}: {after[key][text]}" for key in after if key not in before)


def _keyed(specified: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {part["key"]: part for part in specified[group]}


def _spelt(relationship: Relationship) -> str:
    return f"{relationship.source} {relationship.kind} {relationship.target}"


class _Change:
    """One change on its way into one bot."""

    def __init__(self, known: Bot, data: Mapping[str, Any]) -> None:
        self._known, self._data = known, data
        self._as = known.id if is_short(known.id) else "bot"
        """The bot's id while it is a specification, which knows short ones only."""
        self._base: dict[str, Any] = {**spec_codec.written(known), "id": self._as}
        self._base.pop("relationships", None)
        parts: tuple[Guideline | Journey, ...] = (*known.guidelines, *known.journeys)
        self._exact = {complete(self._as, spec_codec.key_of(known.id, p.id)): p.id for p in parts}

    def made(self) -> Bot:
        removed = self._removed()
        new = specification.validate(self._laid_over(removed))
        ties = self._ties(new, removed)
        lines = any(
            name in self._data and self._data[name] != self._base[name]
            for name in specification.LINES
        )
        own = ("name", "composition_mode", "max_engine_iterations")
        fields = {name: getattr(new, name) for name in own if name in self._data}
        return self._known.model_copy(
            update={
                **fields,
                "description": new.description if lines else self._known.description,
                "guidelines": self._pieces(self._known.guidelines, new.guidelines),
                "journeys": self._pieces(self._known.journeys, new.journeys),
                "relationships": ties,
            }
        )

    # The parts.

    def _laid_over(self, removed: set[tuple[str, str]]) -> dict[str, Any]:
        """The whole new specification; what was given comes first, where pointers look for it."""
        data = {name: value for name, value in self._data.items() if name not in _REMOVALS}
        for group in _TEXTS:
            given = data.get(group, [])
            if not isinstance(given, list):
                continue  # validation says what is wrong with it
            over = [self._over(group, part) for part in given]
            named = [part.get("key") for part in over if isinstance(part, dict)]
            rest = [
                part for part in self._base[group]
                if part["key"] not in named and (group, part["key"]) not in removed
            ]  # fmt: skip
            data[group] = [*over, *rest]
        return {**self._base, **data}

    def _over(self, group: str, given: Any) -> Any:
        """The given fields of a part over those that it has."""
        if not isinstance(given, dict) or not isinstance(given.get("key") or "", str):
            return given
        key, text = given.get("key"), given.get(_TEXTS[group])
        for part in self._base[group]:
            if part["key"] == slug(key) if key else _alike(part[_TEXTS[group]], text):
                said = {name: value for name, value in given.items() if value is not None}
                return {**part, **said, "key": part["key"]}
        return given

    def _pieces(self, known: Sequence[Piece], new: Sequence[Piece]) -> list[Piece]:
        """In the order that they had; of one that was there, only what was said is new."""
        by_id = {self._real(piece.id): piece for piece in new}
        before = {piece.id for piece in known}
        pieces = [p.model_copy(update=_said(by_id[p.id])) for p in known if p.id in by_id]
        pieces += [p.model_copy(update={"id": i}) for i, p in by_id.items() if i not in before]
        return pieces

    def _real(self, made: str) -> str:
        """The complete id of a part, also of a bot or a part that another program named."""
        own = complete(self._known.id, made.removeprefix(f"{self._as}."))
        return self._exact.get(made, own)

    def _removed(self) -> set[tuple[str, str]]:
        """Group and key of every part to be taken away."""
        wanted = self._data.get("remove", [])
        if not isinstance(wanted, list):
            raise spec_codec.fault("/remove: this is no list", "write a list of keys")
        found, problems = set(), []
        for place, name in enumerate(wanted):
            fitting = self._called(str(name))
            if (fault := self._kept(str(name), fitting)) is not None:
                message, hint = fault
                problems.append(Problem("", 0, 0, f"/remove/{place}: {message}", hint))
            else:
                found.add(fitting[0])
        if problems:
            raise InvalidInput(problems)
        return found

    def _called(self, name: str) -> list[tuple[str, str]]:
        """By key, else by condition or title."""
        parts = [(group, part) for group in _TEXTS for part in self._base[group]]
        by_key = [(group, part["key"]) for group, part in parts if part["key"] == name]
        by_text = [(g, part["key"]) for g, part in parts if _alike(part[_TEXTS[g]], name)]
        return by_key or by_text

    def _given(self, group: str, key: str) -> bool:
        given = self._data.get(group)
        parts = given if isinstance(given, list) else []
        over = (self._over(group, part) for part in parts)
        return any(isinstance(part, dict) and part.get("key") == key for part in over)

    def _kept(self, name: str, fitting: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """Why this cannot be taken away, and what to do; None if it can."""
        if len(fitting) > 1:
            return f"{name!r} is more than one part", "name it by its condition or its title"
        if not fitting:
            keys = [part["key"] for group in _TEXTS for part in self._base[group]]
            hint = near(name, keys) or "look the bot up: every part has a key"
            return f"there is no guideline or journey {name!r}", hint
        if self._given(*fitting[0]):
            return f"{name!r} is given as well", "do one of both"
        if through := self._way_through(*fitting[0]):
            return f"the journey {through!r} goes through it", "only a manifest can change that"
        return None

    def _way_through(self, group: str, key: str) -> str | None:
        """The title of a journey that has this one as a part."""
        part_id = self._exact[complete(self._as, key)]
        titles = (
            journey.title
            for journey in self._known.journeys
            if any(state.journey == part_id for state in journey.states or ())
        )
        return next(titles, None) if group == "journeys" else None

    # The relationships.

    def _ties(self, new: Bot, removed: set[tuple[str, str]]) -> list[Relationship]:
        gone = {
            f"{group.removesuffix('s')}:{self._exact[complete(self._as, key)]}"
            for group, key in removed
        }
        cut = self._cut()
        kept = [
            r for r in self._known.relationships
            if r not in cut and r.source not in gone and r.target not in gone
        ]  # fmt: skip
        ties = [*kept, *(r for r in self._renamed(new.relationships) if r not in kept)]
        circles: list[str] = []
        cycles(ties, lambda number, way: circles.append(" -> ".join(way)))
        if circles:
            message = f"/relationships: with those that are there they close a circle: {circles[0]}"
            raise spec_codec.fault(message, "remove one of them")
        return ties

    def _cut(self) -> list[Relationship]:
        """The relationships to be taken away."""
        if "remove_relationships" not in self._data:
            return []
        wanted = {**self._base, "relationships": self._data["remove_relationships"]}
        try:
            found = list(self._renamed(specification.validate(wanted).relationships))
        except InvalidInput as error:
            raise InvalidInput([_elsewhere(problem) for problem in error.problems]) from None
        for relationship in found:
            if relationship not in self._known.relationships:
                what = f"there is no relationship {_spelt(relationship)}"
                raise spec_codec.fault(f"/remove_relationships: {what}", "look the bot up")
        return found

    def _renamed(self, ties: Iterable[Relationship]) -> Iterator[Relationship]:
        """With the ids that parts have which another program named."""
        for tie in ties:
            ends = {}
            for side in ("source", "target"):
                kind, _, made = getattr(tie, side).partition(":")
                ends[side] = f"{kind}:{self._real(made)}"
            yield tie.model_copy(update=ends)


def _alike(one: str, other: object) -> bool:
    return isinstance(other, str) and folded(one) == folded(other)


def _said(part: object) -> dict[str, object]:
    return {name: value for name in _SAID if (value := getattr(part, name, None)) is not None}


def _elsewhere(problem: Problem) -> Problem:
    message = problem.message.replace("/relationships", "/remove_relationships", 1)
    return Problem("", 0, 0, message, problem.hint)
