"""JSON of which every value can be kept and asked for again, in whatever store. Pure."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from otto_reconcile.runtime.limits import LARGEST


def loads(text: str) -> Any:
    """Raises ValueError for no JSON, and for what stores cannot hold; RecursionError.

    That is half a character (a lone surrogate), a number beyond 64 bits or one that is not finite.
    """
    loaded = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    _refuse_halves(text, loaded)
    return loaded


def loads_any_number(text: str) -> Any:
    """As `loads`, but numbers of any size are taken."""
    loaded = json.loads(text)
    _refuse_halves(text, loaded)
    return loaded


def _refuse_halves(text: str, loaded: Any) -> None:
    try:
        if not text.isascii():
            text.encode()
        if "\\ud" in text or "\\uD" in text:
            json.dumps(loaded, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        said = "it has half a character (a lone surrogate) or bytes that are not UTF-8"
        raise ValueError(said) from error


def _whole(digits: str) -> int:
    number = int(digits)
    if not -LARGEST <= number < LARGEST:
        raise ValueError("a number is beyond 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"a number is not finite: {digits[:20]}")
    return number
