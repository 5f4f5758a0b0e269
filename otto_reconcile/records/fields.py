"""Fields of stored documents, whose type a damaged one may not have, and what is wrong with it.

Those that read a field raise TypeError.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError


def whole(value: Any) -> int:
    """A whole number, which some drivers write as 1.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise TypeError("it is no whole number")
    return int(value)


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it is no text")
    return value


def text_or_none(value: Any) -> str | None:
    return None if value is None else text(value)


def texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple):
        raise TypeError("it is no list")
    return tuple(map(text, values))


_WORDS = {
    "extra_forbidden": "it is unknown here",
    "missing": "it is missing",
    "string_pattern_mismatch": "it has characters, or is one, that no address can have",
}


def said_of(error: ValidationError) -> str:
    """The first fault, behind the path to it: `guidelines.0.id: ...`. Quotes no value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    said = _WORDS.get(first["type"], first["msg"])
    return f"{where}: {said}" if where else said
