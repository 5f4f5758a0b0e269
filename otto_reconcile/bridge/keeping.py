"""What the bridge keeps for one life of its server: who may be met, and what happened.

Everything else is the daemon's, who says here what is to come back and what is back.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from otto_reconcile.bridge.feed import Feed
from otto_reconcile.reconcile.admission import Admission
from otto_reconcile.server.restore_gate import HoldUp

RETRY_AFTER = 5.0
LOOK = 0.25
NOBODY = "no otto-reconcile daemon with the bridge's token has said which bots are to come back"
AWAY = "the otto-reconcile daemon that restores the bots was not heard of for {seconds:.0f} s"

_log = logging.getLogger("otto_reconcile.bridge")


class Keeper:
    """One life. `hold` is for how many seconds requests wait for a daemon that is away."""

    def __init__(self, hold: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.epoch = secrets.token_hex(8)
        self.admission, self.feed = Admission(), Feed()
        self.admission.demand = self.feed.demand
        self._hold, self._clock = hold, clock
        self._heard = self._worked = clock()
        self._works = 0
        self._said: HoldUp = (NOBODY, RETRY_AFTER)

    def hear(self) -> None:
        """A daemon is there."""
        self._heard = self._clock()

    def work(self) -> None:
        """A daemon changes something on Parlant itself: one bot can take it longer than `hold`."""
        self._worked = self._clock()

    @contextmanager
    def asked(self, *, to_change: bool) -> Iterator[None]:
        """A daemon asks for something; what changes anything may take minutes."""
        self.hear()
        self._works += to_change
        try:
            yield
        finally:
            self._works -= to_change
            if to_change:
                self.hear()

    @property
    def _silent(self) -> float:
        """For how many seconds no daemon was heard of that says, or makes, what is to come back."""
        if self._works:
            return 0.0
        latest = max(self._heard, self._worked) if self.admission.known else self._heard
        return self._clock() - latest

    def begin(self, agents: Collection[str]) -> None:
        """The server serves from now on; the program has made these agents itself."""
        self.hear()
        self.admission.stand(agents)

    def expect(
        self,
        bot_ids: Iterable[str],
        owners: Mapping[tuple[str, str], str],
        said: HoldUp,
    ) -> None:
        self._said = said
        self.admission.expect(bot_ids, owners=owners)

    def admit(self, bot_ids: Iterable[str], said: HoldUp) -> None:
        self._said = said
        self.admission.admit(*bot_ids)

    def finish(self, said: HoldUp) -> None:
        self._said = said
        self.admission.finish()

    def hold_up(self, bots: frozenset[str] | None) -> HoldUp:
        """For `RestoreGate`: why a request has to wait, in the daemon's words."""
        silent = self._silent
        if self.admission.known and silent > self._hold:
            return AWAY.format(seconds=silent), RETRY_AFTER
        return self._said

    async def watch(self) -> None:
        """Lets nobody wait for a daemon that is away, but for bots that are surely not whole."""
        while True:
            await asyncio.sleep(LOOK)
            self.let_pass()

    def let_pass(self) -> None:
        if (silent := self._silent) <= self._hold:
            return
        if not self.admission.known:
            _log.warning("%s: requests wait for it no longer", NOBODY)
            self.admission.expect()
        elif not self.admission.over:
            _log.warning(AWAY.format(seconds=silent))
            self.admission.finish()
