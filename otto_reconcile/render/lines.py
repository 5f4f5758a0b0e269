"""Lines with a tone, and how a value looks in one: what all renderings for people are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from otto_reconcile.runtime.escaping import visible

__all__ = ["NOTHING", "Line", "Span", "Tone", "brief", "counted", "fenced", "visible"]

if TYPE_CHECKING:
    from otto_reconcile.model import JSON

NOTHING = "(none)"


class Tone(StrEnum):
    """What a line says; a terminal gives each a colour, other outputs ignore it."""

    PLAIN = "plain"
    HEADING = "heading"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    QUIET = "quiet"


class Span(NamedTuple):
    """A part of a line, with a tone of its own."""

    text: str
    tone: Tone = Tone.PLAIN


class Line(NamedTuple):
    """One line without its line end and without control characters.

    `spans`, if there are any, say the same as `text` where there are colours.
    """

    text: str
    tone: Tone = Tone.PLAIN
    spans: tuple[Span, ...] = ()


def counted(number: int, thing: str) -> str:
    """`1 bot`, `2 bots`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def brief(value: JSON) -> str:
    """The value on one line: JSON, or `(none)`."""
    if value is None:
        return NOTHING
    return visible(json.dumps(value, ensure_ascii=False, sort_keys=True))


def fenced(lines: Sequence[str]) -> str:
    """A difference in markdown, in a fence that no line of it can end."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    fence = "`" * max(3, 1 + max(runs, default=0))
    return "\n".join([f"{fence}diff", *lines, fence])
