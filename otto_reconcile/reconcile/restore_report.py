"""What is said of a restore: how far it is, how long it takes, why a request has to wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otto_reconcile.reconcile.reporter import UNAVAILABLE, WAITING, Reporter
from otto_reconcile.reconcile.status import Health
from otto_reconcile.render.lines import counted
from otto_reconcile.runtime.clock import Clock

TELL = 5.0
"""Seconds between two words in the log on how far a restore is."""
RETRY_AFTER = 5.0
"""Seconds after which a request for a bot that is not back is worth another try, in doubt."""


class RestoreReport:
    """One restore of `of` bots, from now on; `run_id` names it."""

    def __init__(self, reporter: Reporter, clock: Clock, run_id: str, of: int) -> None:
        self._reporter, self._clock = reporter, clock
        self._run_id, self._of = run_id, of
        self._started = clock.monotonic()
        self._next = self._started + TELL
        self._show(0)

    def so_far(self, done: int) -> None:
        """So many bots were tried."""
        left = self._show(done)
        now = self._clock.monotonic()
        if now >= self._next and done < self._of:
            self._next = now + TELL
            self._reporter.say("restoring", bots=done, of=self._of, seconds_left=left)
        self._reporter.publish()

    def _show(self, done: int) -> int | None:
        passed = self._clock.monotonic() - self._started
        left = round(passed / done * (self._of - done)) if done else None
        said = {"run": self._run_id, "done": done, "of": self._of, "seconds_left": left}
        self._reporter.board.status.restore = said
        return left

    def ended(self, wanted: int, restored: int, there: int) -> None:
        """Of so many bots that were wanted these were put back, and those had been there."""
        seconds = self._clock.monotonic() - self._started
        self._reporter.board.status.restore = {
            "run": self._run_id,
            "restored": restored,
            "there": there,
            "bots": wanted,
            "seconds": round(seconds, 3),
            "finished": self._clock.now().isoformat(timespec="seconds"),
        }
        self._reporter.publish()
        whole = restored + there == wanted
        say = self._reporter.say if whole else self._reporter.warn
        say(
            "restore complete" if whole else "restore ended, not all bots are in place",
            bots=restored,
            there=there or None,
            of=wanted,
            seconds=round(seconds, 2),
            run=self._run_id,
        )


def so_far(restore: Mapping[str, Any]) -> str:
    """How far a restore is that goes on, as in `12 of 500 bots, about 40 s left`."""
    left, bots = (
        restore.get("seconds_left"),
        f"{restore['done']} of {counted(restore['of'], 'bot')}",
    )
    return bots if left is None else f"{bots}, about {left} s left"


def hold_up(reporter: Reporter, bots: frozenset[str] | None) -> tuple[str, float]:
    """Why these bots (None: some) are not back yet, and the seconds until they may be."""
    status = reporter.board.status
    for connection in (status.store, status.target):
        if connection.state in (UNAVAILABLE, WAITING):
            return f"the bots are not restored yet: {connection.message}", RETRY_AFTER
    for bot_id in sorted(bots or ()):
        if (bot := status.bots.get(bot_id)) is not None and bot.health is Health.DEGRADED:
            return f"bot {bot_id!r} is not restored yet: {bot.message}", RETRY_AFTER
    restore: dict[str, Any] = status.restore or {}
    if "done" not in restore:
        return "the bots are about to be restored", RETRY_AFTER
    left = restore.get("seconds_left")
    why = f"the bots are being restored: {so_far(restore)}"
    return why, RETRY_AFTER if left is None else left
