"""Whether what a program gives can be kept: lists that are none, bots that no database takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from otto_reconcile.errors import PermanentError
from otto_reconcile.model import Bot

LARGEST = 15_000_000
"""Bytes of a bot; a document of MongoDB has 16 MB, and an event has more than its bot."""


def listed(value: Any) -> Any:
    """The list that an iterable stands for; None, texts and mappings as they are."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return value
    return sorted(value, key=str) if isinstance(value, Set) else list(value)


def refuse_unfit(bot: Bot) -> None:
    """Raises PermanentError for a bot that is too large, or has texts that UTF-8 cannot hold."""
    document = bot.model_dump(exclude_none=True)
    broken = next(_broken(document, ""), None)
    if broken is not None:
        raise PermanentError(
            f"bot {bot.id!r}, {broken}: half a character (a lone surrogate) cannot be kept"
        )
    size = len(json.dumps(document, ensure_ascii=False, default=str).encode())
    if size > LARGEST:
        raise PermanentError(
            f"bot {bot.id!r} has {size // 1_000_000} MB; at most {LARGEST // 1_000_000} can be kept"
        )


def _broken(value: Any, path: str) -> Iterator[str]:
    """Where there are texts that cannot be encoded: `/guidelines/0/action`."""
    if isinstance(value, str) and not _is_whole(value):
        yield path
    elif isinstance(value, Mapping):
        if not all(_is_whole(str(name)) for name in value):
            yield path
        for name, item in value.items():
            yield from _broken(item, f"{path}/{name}")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _broken(item, f"{path}/{place}")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
