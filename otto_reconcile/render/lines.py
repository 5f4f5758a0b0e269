"""Lines with a tone, and how a value looks in one: what all renderings for people are made of."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from otto_reconcile.resources import JSON

NOTHING = "(none)"


class Tone(StrEnum):
    """What a line says; a terminal gives each a colour, other outputs ignore it."""

    PLAIN = "plain"
    HEADING = "heading"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    QUIET = "quiet"


class Line(NamedTuple):
    """One line without its line end and without control characters."""

    text: str
    tone: Tone = Tone.PLAIN


def visible(text: str) -> str:
    """The text with control characters escaped: others' text must not steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def brief(value: JSON) -> str:
    """The value on one line: JSON, or `(none)`."""
    if value is None:
        return NOTHING
    return visible(json.dumps(value, ensure_ascii=False, sort_keys=True))
