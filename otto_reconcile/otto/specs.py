"""Specifications as a chat brings them: text to Bot, Bot back to a specification. For the workshop.

The rules are those of `specification`; here is only what comes of a model writing the text.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping

from otto_reconcile import specification
from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.ids import is_short, shortened
from otto_reconcile.resources import JSON, Bot

_FENCE = "```"
_FIELDS = {"name", "description", "composition_mode", "max_engine_iterations"}


def read(text: object, *, bot_id: str | None = None) -> Bot:
    """The bot that the text describes; with `bot_id` it is a new version of that one.

    Raises InvalidInput; the messages of its Problems start with a JSON pointer, but for text that
    is no JSON at all.
    """
    data = _data(text)
    if bot_id is not None and isinstance(data, dict):
        if not is_short(bot_id):
            raise _fault(f"/id: the bot {bot_id!r} cannot be changed by a specification")
        if data.get("id", bot_id) != bot_id:
            raise _fault("/id: a bot keeps its id", "leave it out, or make another bot")
        data = {**data, "id": bot_id}
    return specification.validate(data)


def _data(text: object) -> JSON:
    """Models wrap JSON in a fence, or send an object that arrives as Python's own notation."""
    if isinstance(text, Mapping):
        return dict(text)
    plain = _unfenced(str(text or "").strip())
    try:
        found: JSON = json.loads(plain)
    except (ValueError, RecursionError):
        found = _literal(plain)
        if not isinstance(found, dict):
            specification.parse(plain, file="specification")
            raise _fault("the specification is no JSON object") from None
        return found
    try:
        specification.parse(plain, file="specification")
    except InvalidInput as error:
        # What only the text shows, such as a name that is there twice, is told as it is.
        _raise_unless_told_again(found, error)
    return found


def _raise_unless_told_again(data: JSON, error: InvalidInput) -> None:
    try:
        specification.validate(data)
    except InvalidInput:
        return
    raise error


def _unfenced(text: str) -> str:
    if not (text.startswith(_FENCE) and text.endswith(_FENCE) and "\n" in text):
        return text
    return text.removesuffix(_FENCE).partition("\n")[2].strip()


def _literal(text: str) -> JSON:
    try:
        found: JSON = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return found


def _fault(message: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput([Problem("", 0, 0, message, hint)])


def problems(error: InvalidInput) -> list[dict[str, str]]:
    """Each fault as data: where (a JSON pointer, or a line and column), what, what to do."""
    found = []
    for problem in error.problems:
        where, _, message = problem.message.partition(": ")
        if problem.line:
            where, message = f"line {problem.line}, column {problem.column}", problem.message
        found.append({"where": where, "problem": message, "hint": problem.hint or ""})
    return found


def merged(known: Bot, new: Bot, *, with_relationships: bool) -> Bot:
    """The new version of a bot, with all of the old one that a specification cannot say."""
    guidelines = {g.id: g for g in known.guidelines}
    journeys = {j.id: j for j in known.journeys}
    kept = [] if with_relationships else _still_possible(known, new)
    changes = {
        **{name: getattr(new, name) for name in _FIELDS},
        "guidelines": [
            guidelines[g.id].model_copy(update=_said(g)) if g.id in guidelines else g
            for g in new.guidelines
        ],
        "journeys": [
            journeys[j.id].model_copy(update=_said(j)) if j.id in journeys else j
            for j in new.journeys
        ],
        "relationships": [*new.relationships, *kept],
    }
    return known.model_copy(update=changes)


def _said(part: object) -> dict[str, object]:
    names = ("condition", "action", "description", "criticality", "tools", "title", "conditions")
    return {name: value for name in names if (value := getattr(part, name, None)) is not None}


def _still_possible(known: Bot, new: Bot) -> list[object]:
    gone = {f"guideline:{g.id}" for g in known.guidelines} | {
        f"journey:{j.id}" for j in known.journeys
    }
    gone -= {f"guideline:{g.id}" for g in new.guidelines}
    gone -= {f"journey:{j.id}" for j in new.journeys}
    return [r for r in known.relationships if r.source not in gone and r.target not in gone]


def has_relationships(text: object) -> bool:
    """True if the specification says what its relationships are, if only that there are none."""
    data = _data(text)
    return isinstance(data, dict) and data.get("relationships") is not None


def written(bot: Bot) -> dict[str, JSON]:
    """The specification of a bot; `read` with the bot's id makes the same of it.

    A description that was not made from a specification becomes the purpose.
    """
    specified: dict[str, JSON] = {"id": bot.id, "name": bot.name, **_lines(bot.description)}
    for name in ("composition_mode", "max_engine_iterations"):
        if (value := getattr(bot, name)) is not None:
            specified[name] = value
    specified["guidelines"] = [
        _part(bot.id, g.id, g, ("condition", "action", "description", "criticality", "tools"))
        for g in bot.guidelines
    ]
    specified["journeys"] = [
        _part(bot.id, j.id, j, ("title", "description", "conditions")) for j in bot.journeys
    ]
    ties = [tie for r in bot.relationships if (tie := _tie(bot.id, r.kind, r.source, r.target))]
    if ties:
        specified["relationships"] = ties
    return specified


def _lines(description: str | None) -> dict[str, JSON]:
    labels = {name.replace("_", " ").capitalize(): name for name in specification.LINES}
    found: dict[str, JSON] = {name: [] for name in specification.LINES}
    for line in (description or "").splitlines():
        label, colon, rest = line.partition(": ")
        if not colon or label not in labels:
            return {**found, "purpose": [description] if description else []}
        found[labels[label]] = list(filter(None, rest.split("; ")))
    return found


def _part(bot_id: str, exact: str, part: object, names: tuple[str, ...]) -> dict[str, JSON]:
    key = shortened(bot_id, exact)
    fields = {name: value for name in names if (value := getattr(part, name)) is not None}
    return {"key": key, **fields} if key else fields


def _tie(bot_id: str, kind: str, source: str, target: str) -> JSON:
    """None for what only a manifest can say."""
    ends = []
    for end in (source, target):
        side, _, exact = end.partition(":")
        key = shortened(bot_id, exact)
        if side not in ("guideline", "journey") or key is None:
            return None
        ends.append((side, key))
    (source_kind, source_key), (target_kind, target_key) = ends
    return {
        "type": kind, "source": source_key, "source_kind": source_kind,
        "target": target_key, "target_kind": target_kind,
    }  # fmt: skip
