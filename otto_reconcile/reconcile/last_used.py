"""When customers wrote to each bot last: the bots that are used come back first.

Kept in a file beside the status, for it is of use exactly after this process has ended. To lose it
costs an order, nothing else.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from otto_reconcile.runtime import data_dir
from otto_reconcile.runtime.clock import Clock

SAVE = 5.0
"""Seconds between two writings of the file, at least: so much a crash may lose."""


class LastUsed:
    """One writer. Without a folder this process alone knows."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._file = folder / data_dir.USED_FILE if folder is not None else None
        self._clock = clock
        self._times = self._load()
        self._moved, self._saved = False, float("-inf")

    def note(self, bot_id: str) -> None:
        """A customer writes to this bot now."""
        self._times[bot_id] = self._clock.now().timestamp()
        self._moved = True

    def at(self, bot_id: str) -> float:
        """The Unix time at which a customer wrote to the bot last; 0 if none ever did."""
        return self._times.get(bot_id, 0.0)

    def save(self, *, at_once: bool = False) -> None:
        """Writes what was noted, now and then. A disk that is full is told by others."""
        now = self._clock.monotonic()
        if not self._moved or self._file is None or not (at_once or now - self._saved >= SAVE):
            return
        self._saved, self._moved = now, False
        with suppress(OSError):
            data_dir.write_whole(self._file, json.dumps(self._times))

    def keep_only(self, bot_ids: frozenset[str]) -> None:
        """Forgets all bots but these."""
        self._times = {bot_id: at for bot_id, at in self._times.items() if bot_id in bot_ids}

    def _load(self) -> dict[str, float]:
        if self._file is None or not self._file.is_file():
            return {}
        with suppress(OSError, ValueError, AttributeError, TypeError):
            known = json.loads(self._file.read_text("utf-8"))
            return {str(bot_id): float(at) for bot_id, at in known.items()}
        return {}
