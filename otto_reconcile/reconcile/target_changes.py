"""Changes that others make on a target: a hook of its server puts them in, the loop takes them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, order=True)
class Touched:
    """Somebody else changed a resource. `id` or `bot_id` is "" or None where it is not known.

    `ends` are the guidelines that a relationship binds.
    """

    kind: str
    id: str
    bot_id: str | None
    ends: tuple[str, ...] = ()


TargetChanges: TypeAlias = "asyncio.Queue[Touched]"
"""Made before server and loop, and given to both."""
