"""Equal parts of many things, by their names alone: the same in every process, and stable.

Rendezvous hashing (highest random weight; Thaler and Ravishankar, "Using name-based mappings to
increase hit rates", 1998): each part has a weight for each thing, and the largest wins. So a part
that is added or taken away moves only what it gets or had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from otto_reconcile.errors import SettingsError

_FORM = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th of `of` equal parts, from 1; written as in `3/8`."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parsed(text: str) -> Shard:
    """Raises SettingsError for what is no such part."""
    match = _FORM.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise SettingsError(
            f"{text!r} is no shard", hint="3/8 is the third of eight: the first number is 1 to 8"
        )
    return Shard(int(match[1]), int(match[2]))


def rendezvous(thing: str, parts: Iterable[str]) -> str | None:
    """The part that has this thing; None where there is no part."""
    return max(parts, key=lambda part: (_weight(thing, part), part), default=None)


def _weight(thing: str, part: str) -> bytes:
    return blake2b(f"{part}\0{thing}".encode(), digest_size=8).digest()
