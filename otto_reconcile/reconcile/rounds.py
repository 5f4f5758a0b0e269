"""Looks at every bot in turn, to be sure: slowly, within a share of the target's time.

Parlant answers its customers from the loop that answers us. So each such look is followed by a
pause in proportion to what it took, and none begins while a customer waits for an answer.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from otto_reconcile.reconcile.workqueue import ROUTINE, Item
from otto_reconcile.runtime.clock import Clock

SHARE, SHARE_HOOKED = 0.02, 0.003
"""The part of the target's time for such looks; the second where changes by others are reported."""
ROUND = "interval"
"""The reason for such a look."""
LONGEST_WAIT = 300.0
"""Seconds for which customers can put off a look; a target that is always busy is looked at too."""
_BUSY = 1.0
"""Seconds until it is asked again whether a customer still waits."""


class Rounds:
    """One target's. `share` is the part of its time to be used, `busy` whether a customer waits.

    `seconds` is how long the last whole round took, or None before there was one.
    """

    def __init__(
        self, clock: Clock, share: float, busy: Callable[[], bool] = lambda: False
    ) -> None:
        self._clock, self._share, self._busy = clock, share, busy
        self._left: deque[str] = deque()
        self._size = 0
        self._started = self._next = 0.0
        self._due: float | None = None
        self.seconds: float | None = None

    def to_document(self) -> dict[str, Any]:
        """How far the round is, and how long a whole one takes; see `status.Status`."""
        done, passed = self._size - len(self._left), self._clock.monotonic() - self._started
        whole = passed * self._size / max(1, done) if self.seconds is None else self.seconds
        return {"done": done, "of": self._size, "seconds": round(whole, 1)}

    def begin(self, bot_ids: Iterable[str]) -> None:
        """A round over these bots, unless one is under way: that one goes on."""
        if self._left:
            return
        self._left.extend(bot_ids)
        self._size, self._started = len(self._left), self._clock.monotonic()

    def pop(self) -> Item | None:
        """The next bot, if it is time for one."""
        now = self._clock.monotonic()
        if not self._left or now < self._next:
            return None
        self._due = now if self._due is None else self._due
        if now - self._due < LONGEST_WAIT and self._busy():
            self._next = now + _BUSY
            return None
        self._due = None
        return Item(self._left.popleft(), now, ROUTINE, uuid.uuid4().hex[:8], {ROUND})

    def spent(self, seconds: float) -> None:
        """A look took so long: the next one waits in proportion."""
        now = self._clock.monotonic()
        self._next = now + seconds * (1.0 / self._share - 1.0)
        if not self._left:
            self.seconds = now - self._started

    @property
    def pause(self) -> float:
        """Seconds until the next look may begin; infinite if there is none to come."""
        return self._next - self._clock.monotonic() if self._left else float("inf")
