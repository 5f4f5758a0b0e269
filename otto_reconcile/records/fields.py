"""Fields of stored documents, whose type a damaged one may not have. They raise TypeError. Pure."""

from __future__ import annotations

from typing import Any


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
