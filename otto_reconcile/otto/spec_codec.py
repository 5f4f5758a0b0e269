"""Specifications as a chat brings them: text to Bot, Bot back to a specification. For `service`.

The rules are those of `specification`; here is only what comes of a model writing the text.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import get_args

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest import specification
from otto_reconcile.manifest.ids import derived, shortened
from otto_reconcile.model import JSON, Bot, Relationship

_FENCE = "```"
_SAYABLE = get_args(get_args(specification.Bearing)[0])
_CUT = re.compile(r"\[cut: \d+ more\]")
_WHOLE = "write the whole of it; in a change, leave out what is to stay"


def cut_mark(count: int) -> str:
    """Stands in an answer for what did not fit; text that bears it is refused when it returns."""
    return f"[cut: {count} more]"


def read(text: object) -> Bot:
    """The bot that the text describes.

    Raises InvalidInput; the messages of its Problems start with a JSON pointer, but for text that
    is no sound JSON.
    """
    return specification.validate(plain_data(text))


def plain_data(text: object) -> JSON:
    """What a model wrote. Raises InvalidInput, also for text of which an answer of ours was cut.

    Models wrap JSON in a fence, or send an object that arrives as Python's own notation.
    """
    plain = _as_json(text) if isinstance(text, Mapping) else str(text or "")
    found = _parsed(_unfenced(plain.strip()))
    cut = [
        Problem("", 0, 0, f"{place}: this text is cut, its end was never shown", _WHOLE)
        for place in _cuts(found, "")
    ]
    if cut:
        raise InvalidInput(cut)
    return found


def _parsed(plain: str) -> JSON:
    try:
        return specification.plain_data(plain, file="specification")
    except InvalidInput:
        found = None if _is_json(plain) else _literal(plain)
        if not isinstance(found, dict):
            raise
    return specification.plain_data(_as_json(found), file="specification")


def _as_json(data: Mapping[str, JSON]) -> str:
    """Python's own data as text, so that it goes through the same checks as text does."""
    return json.dumps(data, default=str, skipkeys=True)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _cuts(value: JSON, pointer: str) -> Iterator[str]:
    """Where a cut mark is."""
    if isinstance(value, str) and _CUT.search(value):
        yield pointer or "/"
    elif isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from _cuts(item, f"{pointer}/{name}")


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


def fault(message: str, hint: str | None = None) -> InvalidInput:
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


def written(bot: Bot) -> dict[str, JSON]:
    """The specification of a bot; `read` makes the same of it where its ids are short ones.

    Every guideline and journey has a key, by which a change names it. A description that was not
    made from a specification becomes the purpose.
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
    ties = [tie for relationship in bot.relationships if (tie := _tie(bot, relationship))]
    if ties:
        specified["relationships"] = ties
    return specified


def _lines(description: str | None) -> dict[str, JSON]:
    labels = {name.replace("_", " ").capitalize(): name for name in specification.LINES}
    found: dict[str, JSON] = {name: [] for name in specification.LINES}
    for line in (description or "").splitlines():
        label, colon, rest = line.partition(": ")
        if not colon or label not in labels or found[labels[label]] or not rest.strip():
            return {**found, "purpose": [description] if description else []}
        items = rest.split("; ")  # which may stand in one item too, also at its ends
        found[labels[label]] = items if all(map(str.strip, items)) else [rest]
    return found


def key_of(bot_id: str, exact: str) -> str:
    """What a part of the bot is called in specifications, also one that another program named."""
    return shortened(bot_id, exact) or derived(exact)


def _part(bot_id: str, exact: str, part: object, names: tuple[str, ...]) -> dict[str, JSON]:
    fields = {name: value for name in names if (value := getattr(part, name)) is not None}
    return {"key": key_of(bot_id, exact), **fields}


def _tie(bot: Bot, relationship: Relationship) -> JSON:
    """None for what only a manifest can say."""
    own = {f"guideline:{g.id}" for g in bot.guidelines} | {f"journey:{j.id}" for j in bot.journeys}
    if relationship.kind not in _SAYABLE or not {relationship.source, relationship.target} <= own:
        return None
    tie: dict[str, JSON] = {"type": relationship.kind}
    for side in ("source", "target"):
        kind, _, exact = getattr(relationship, side).partition(":")
        tie |= {side: key_of(bot.id, exact), f"{side}_kind": kind}
    return tie
