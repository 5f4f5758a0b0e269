"""What every store gives back as it took it: asked before anything of ours is written. Pure.

One rule for all stores, so that what is written to one can be moved to another. What BSON or JSON
have no place for, or make something else of, is refused rather than changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

DEEPEST = 90
"""Levels of nesting; MongoDB holds 100, and what is kept has some around it."""
MOST = 16 * 1024 * 1024 - 1024
"""Bytes of a document as MongoDB keeps it, less what it adds."""
MOST_DESIRED = 12 * 1024 * 1024
"""The same of what is wanted: what is kept beside it is larger by the ids and quotes in it."""

MOST_ROWS = 2**31 - 1
"""The largest `limit` that every store takes; more counts as this."""

LARGEST = 2**63
"""Whole numbers from minus this to one less are held by MongoDB, Parlant and most programs."""
_REFERENCE = frozenset({"$ref", "$id"})


class Unfit(ValueError):
    """A value that would not be read back as it was written: `path` says where it is."""

    def __init__(self, path: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{'/'.join(path)}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def check(document: Mapping[str, Any], *, most: int = MOST, times: bool = True) -> None:
    """Raises Unfit for the first value that not every store can hold.

    `most` is in bytes of BSON; without `times` a datetime is refused too.
    """
    size = _mapping(document, (), times)
    if size > most:
        raise Unfit((), f"it is too large: {_mebibytes(size)} of at most {_mebibytes(most)}")


def _mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


def _value(value: Any, path: tuple[str, ...], times: bool) -> int:
    """How many bytes of BSON it takes."""
    if isinstance(value, str):
        return 5 + _text(value, path)
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    if isinstance(value, Mapping):
        return _mapping(value, path, times)
    if isinstance(value, list | tuple):
        _not_too_deep(path)
        items = enumerate(value)
        return 5 + sum(
            2 + len(str(at)) + _value(item, (*path, str(at)), times) for at, item in items
        )
    return _single(value, path, times)


def _single(value: Any, path: tuple[str, ...], times: bool) -> int:
    if isinstance(value, int):
        if not -LARGEST <= value < LARGEST:
            raise Unfit(path, "a number beyond 64 bits cannot be kept; write it as a text")
        return 8
    if isinstance(value, float):
        if not isfinite(value):
            raise Unfit(path, f"{value} is no number that can be kept; write it as a text")
        return 8
    if isinstance(value, datetime) and times:
        return 8
    raise Unfit(path, f"a {type(value).__name__} cannot be kept; write it as a text")


def _mapping(mapping: Mapping[Any, Any], path: tuple[str, ...], times: bool) -> int:
    _not_too_deep(path)
    if mapping.keys() >= _REFERENCE:
        said = "MongoDB takes an object with `$ref` and `$id` for a reference; rename one of them"
        raise Unfit(path, said)
    size = 5
    for key, value in mapping.items():
        if not isinstance(key, str):
            raise Unfit((*path, str(key)), "a key that is no text cannot be kept; quote it")
        if "\0" in key:
            raise Unfit((*path, repr(key)), "a key with a NUL character cannot be kept")
        size += 2 + _text(key, path) + _value(value, (*path, key), times)
    return size


def _text(text: str, path: tuple[str, ...]) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        raise Unfit(path, f"half a character ({half}, a lone surrogate) cannot be kept") from error


def _not_too_deep(path: tuple[str, ...]) -> None:
    if len(path) > DEEPEST:
        raise Unfit(path[:3], f"it is nested more than {DEEPEST} levels deep")
