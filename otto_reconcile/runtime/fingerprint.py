"""What files look like from outside: `folder` and the local tools watch theirs by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from otto_reconcile.runtime.clock import Clock

QUIET = 0.4
"""Seconds without a change that end a burst: editors write in steps."""
RECHECK = 1.0
"""Seconds between two looks without a notice of the system: a folder can be moved away and back."""

Fingerprint = tuple[tuple[str, int, int, int, int], ...]


def fingerprint(files: Iterable[Path]) -> Fingerprint:
    """Equal if surely nothing changed: path, time of saving, size, inode, and time of any change.

    A link that leads nowhere counts as itself, and permissions count: both decide what can be read.
    """
    return tuple((str(path), *state) for path in files if (state := _state(path)) is not None)


async def at_rest(look: Callable[[], Fingerprint], clock: Clock) -> Fingerprint:
    """What `look` sees once nobody has saved anything for QUIET seconds. It runs in a thread."""
    seen = await asyncio.to_thread(look)
    while _newest(seen) > time.time_ns() - int(QUIET * 1e9):
        await clock.sleep(QUIET / 4)
        seen = await asyncio.to_thread(look)
    return seen


def _newest(seen: Fingerprint) -> int:
    """When the youngest file was saved, in nanoseconds; what lies in the future is old."""
    now = time.time_ns()
    return max((saved for _, saved, *_ in seen if saved <= now), default=0)


def _state(path: Path) -> tuple[int, int, int, int] | None:
    for look in (path.stat, path.lstat):
        with suppress(OSError):
            stat = look()
            return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns
    return None
