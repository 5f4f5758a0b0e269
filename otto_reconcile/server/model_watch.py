"""Tells whether an embedded Parlant has its language model, and waits for one that is away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.runtime.backoff import CONNECTION
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.server import nlp
from otto_reconcile.server.embedded import EmbeddedServer

JOB = "language model"
"""Its name in the log and in the status."""


class ModelWatch:
    """Of the model that is named so; None is the one that the environment chooses."""

    def __init__(self, chosen: str | None, reporter: Reporter, clock: Clock, jobs: Jobs) -> None:
        self._name = nlp.chosen(chosen)
        self._reporter, self._clock, self._jobs = reporter, clock, jobs
        self.took = 0.0
        """Seconds that the model took to answer when it was found to be there."""

    def tell(self, server: EmbeddedServer, next_try: float | None = None) -> None:
        """Puts on the status, and in the log when it is new, whether there is a language model."""
        status, now = self._reporter.board.status, self._clock.now()
        name, why = self._name, server.model_away
        state = "Off" if name == nlp.OFFLINE else "Connected" if why is None else "Unavailable"
        if why != status.model.get("message") and why is not None:
            self._reporter.warn("no language model: it is tried again", model=name, why=why)
        self._reporter.remind("model", name, why, "still no language model", model=name)
        if why is None and status.model.get("message"):
            self._reporter.say("the language model is in use", model=name)
        later = None if next_try is None else now + timedelta(seconds=next_try)
        status.model = {
            "name": name,
            "state": state,
            "message": why,
            "next_try": later.isoformat(timespec="seconds") if later is not None else None,
        }

    async def wait(self, server: EmbeddedServer, over: asyncio.Event) -> bool:
        """Tries for a model that is away; True once it is there, False once `over` is set."""
        failures = 0
        while server.model_away is not None:
            failures += 1
            delay = CONNECTION.delay(failures)
            self.tell(server, delay)
            self._jobs.succeeded(JOB)
            if await self._clock.wait(over, delay):
                return False
            if (took := await server.model_is_there()) is not None:
                self.took = took
                self._reporter.say("the language model is there: Parlant is started again with it")
                return True
        return False
