"""Keeps background jobs alive: one that fails is logged, shown in the status, and started again.

A job is an endless loop around one step. It says `succeeded` after each step that went well, which
is what takes it off the status again: to be running proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from otto_reconcile.errors import reason_of
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.runtime.backoff import Backoff
from otto_reconcile.runtime.clock import Clock

RESTART = Backoff(first=1.0, factor=2.0, most=30.0)
"""Seconds until a job that failed is started again."""

Job = Callable[[], Coroutine[Any, Any, None]]


class Jobs:
    """The jobs of one process that share a status board. Used from the event loop's thread only."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        self._reporter, self._clock = reporter, clock
        self._failures: dict[str, int] = {}

    async def keep(self, name: str, job: Job, *, again: Callable[[], None] | None = None) -> None:
        """Runs the job until it returns; after a failure it waits, calls `again`, and runs anew."""
        while True:
            try:
                return await job()
            except Exception as error:
                await self._clock.sleep(self.failed(name, error))
                if again is not None:
                    again()

    async def attempt(self, name: str, work: Coroutine[Any, Any, Any]) -> bool:
        """Awaits the work once; False, with `failed`, if it raised. Another job goes on with it."""
        try:
            await work
        except Exception as error:
            self.failed(name, error)
            return False
        return True

    def failed(self, name: str, error: BaseException) -> float:
        """Logs a failure and puts it on the status; gives the seconds until the next try."""
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        reason = reason_of(error)
        delay, now = RESTART.delay(failures), self._clock.now()
        later = (now + timedelta(seconds=delay)).isoformat(timespec="seconds")
        board = self._reporter.board
        known = board.status.jobs.get(name, {})
        self._reporter.warn(
            "background job failed", job=name, error=reason, failures=failures, retry=later
        )
        board.status.jobs = {
            **board.status.jobs,
            name: {
                "state": "Failing",
                "error": reason,
                "failures": failures,
                "since": known.get("since") or now.isoformat(timespec="seconds"),
                "next_try": later,
            },
        }
        return delay

    def succeeded(self, name: str) -> None:
        """A step of the job went well: what was said of it holds no longer."""
        if self._failures.pop(name, None) is None:
            return
        jobs = self._reporter.board.status.jobs
        self._reporter.board.status.jobs = {n: job for n, job in jobs.items() if n != name}
        self._reporter.say("background job works again", job=name)
