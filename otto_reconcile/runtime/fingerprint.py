"""What files look like from outside: `folder` and the local tools watch theirs by it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

QUIET = 0.4
"""Seconds without a change that end a burst: editors write in steps."""
RECHECK = 1.0
"""Seconds between two looks without a notice of the system: a folder can be moved away and back."""

Fingerprint = tuple[tuple[str, int, int, int], ...]


def fingerprint(files: Iterable[Path]) -> Fingerprint:
    """Equal if surely nothing was saved: path, time of change, size and inode of each that is."""
    found = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
