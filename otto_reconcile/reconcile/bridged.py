"""A target elsewhere that has a bridge: what happens there is heard at once, and its gate is kept.

`BridgedAdmission` says there which bots are back, `Following` hears what others do. Both are of one
life of the target, which the bridge names: what was meant for one is never said to the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from otto_reconcile.errors import OttoError, TargetRefused, TemporaryError
from otto_reconcile.port.bridge import AnotherLife, Bridge, News
from otto_reconcile.reconcile.admission import Admission
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.target_changes import TargetChanges, Touched
from otto_reconcile.runtime.clock import Clock

WAIT = 25.0
"""Seconds for which the bridge may have us wait for news."""
AGAIN, MOST = 0.5, 1.0
"""Seconds until a bridge that does not answer is asked again: to be refused costs nobody much."""
TOLD = 10.0
"""Seconds for which a restore waits until the bridge knows what is to come back."""
EVERYTHING = Touched("guideline", "", None)
"""Stands for a change of which nobody knows what it touched."""

_log = logging.getLogger("otto_reconcile.loop")

HoldUp = Callable[[frozenset[str] | None], tuple[str, float]]


@dataclass
class _Call:
    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)


class BridgedAdmission(Admission):
    """Tells the gate of the bridge, in order, all that is said here.

    `hold_up` is as for `server.restore_gate`. `probe` is set where the target is to be looked at.
    """

    resumes = True

    def __init__(self, bridge: Bridge, hold_up: HoldUp, clock: Clock, probe: asyncio.Event) -> None:
        super().__init__()
        self._bridge, self._hold_up, self._clock, self.probe = bridge, hold_up, clock, probe
        self.epoch: str | None = None
        self.heard = 0
        """The number of what was heard last of what happens there."""
        self.joined = asyncio.Event()
        """Set while nothing of what happened there before is known."""
        self._calls: deque[_Call] = deque()
        self._news, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()

    async def meet(self) -> None:
        """In another life nothing is known of what is back. Raises OttoError."""
        hello = await self._bridge.hello()
        if hello.epoch == self.epoch:
            return
        self.epoch, self.heard = hello.epoch, hello.last
        self._calls.clear()
        self._idle.set()
        self._forget()
        self.joined.set()

    def expect(
        self,
        bot_ids: Iterable[str] = (),
        absent: Iterable[str] = (),
        owners: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        super().expect(bot_ids, absent, owners)
        told = [(*part, bot_id) for part, bot_id in (owners or {}).items()]
        self._say("PUT", "/admission", bots=sorted(self.left), owners=told)

    def admit(self, *bot_ids: str) -> None:
        new = sorted(self.left & set(bot_ids))
        super().admit(*bot_ids)
        if new:
            self._say("POST", "/admission/admitted", bots=new)

    def finish(self) -> None:
        super().finish()
        self._say("POST", "/admission/finished")

    async def told(self) -> None:
        await self._clock.wait(self._idle, TOLD)

    def _say(self, method: str, path: str, **body: Any) -> None:
        if self.epoch is None:
            return  # the next look at the target begins anew
        why = self._hold_up(self.left if self.over else None)
        self._calls.append(_Call(method, path, {"epoch": self.epoch, "hold_up": why, **body}))
        self._idle.clear()
        self._news.set()

    async def keep_telling(self, went_well: Callable[[], None]) -> None:
        """Never ends. What cannot be said now is said later, in the same order."""
        while True:
            if not self._calls:
                await self._clock.wait(self._news, WAIT)
            self._news.clear()
            while self._calls:
                call = self._calls[0]
                if await self._tell(call):
                    if self._calls and self._calls[0] is call:
                        self._calls.popleft()
                else:
                    await self._clock.sleep(AGAIN)
            self._idle.set()
            went_well()

    async def _tell(self, call: _Call) -> bool:
        """False if it is to be tried again."""
        try:
            await self._bridge.tell(call.method, call.path, call.body)
        except TemporaryError:
            return False
        except TargetRefused as error:  # what was said is not known there: it begins anew
            _log.debug("the bridge refused %s %s: %s", call.method, call.path, error.message)
            self.epoch = None
            self._calls.clear()
            if isinstance(error, AnotherLife):
                self.probe.set()
        return True


class Following:
    """An `Extension`: hears what others do on the target, and whom customers wait for."""

    name = "bridge"

    def __init__(
        self,
        session: TargetSession,
        bridge: Bridge,
        admission: BridgedAdmission,
        changes: TargetChanges,
        busy: Busy,
    ) -> None:
        self._session, self._bridge, self._admission = session, bridge, admission
        self._changes, self._busy, self._clock = changes, busy, session.clock

    async def run(self, went_well: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._admission.keep_telling(went_well), name="bridge-telling")
            group.create_task(self._follow(went_well), name="bridge-following")

    async def _follow(self, went_well: Callable[[], None]) -> None:
        failures = 0
        while True:
            try:
                await (self._hear() if self._session.leading else self._clock.sleep(AGAIN))
            except OttoError:  # the look at the target, which comes now, says what it is
                if not failures:
                    self._admission.probe.set()
                failures += 1
                await self._clock.sleep(min(MOST, AGAIN * failures))
            else:
                failures = 0
            went_well()

    async def _hear(self) -> None:
        admission = self._admission
        if admission.epoch is None:  # the target was away, or had no bridge
            await self._bridge.hello()
            admission.probe.set()
            await self._clock.sleep(AGAIN)
            return
        if admission.joined.is_set():
            admission.joined.clear()
            self._changes.put_nowait(EVERYTHING)
        wait = min(WAIT, self._busy.seconds) if self._busy.is_busy() else WAIT
        news = await self._bridge.news(admission.heard, wait)
        if news.epoch != admission.epoch:
            admission.probe.set()
            await self._clock.sleep(AGAIN)
            return
        self._take(news)

    def _take(self, news: News) -> None:
        self._admission.heard = news.last
        self._busy.until(news.busy)
        for bot_id in news.used:
            self._session.last_used.note(bot_id)
        if news.demands:
            self._session.ask_for(news.demands, "a customer waits")
        for change in news.touched:
            self._changes.put_nowait(Touched(*change))
        if news.lost:
            self._changes.put_nowait(EVERYTHING)
            self._session.ask_for(self._session.settled, "changes were missed")

    async def begin_epoch(self) -> None:
        """Nothing: `BridgedAdmission.meet` has noted it."""

    def after_look(self, result: BotResult, *, recreated: bool) -> None:
        """Nothing."""

    async def before_serving(self) -> None:
        """Nothing: it hears while the loop runs."""

    def wake(self) -> None:
        """It always waits for news."""


class Busy:
    """Whether a customer waits for an answer, as the bridge said last."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._until = clock, float("-inf")

    def until(self, seconds: float) -> None:
        """For so many seconds from now on."""
        self._until = self._clock.monotonic() + seconds

    @property
    def seconds(self) -> float:
        return max(0.0, self._until - self._clock.monotonic())

    def is_busy(self) -> bool:
        return self.seconds > 0.0


class Bridged:
    """The parts of one target's bridge, of which `Assembly.loop` makes an extension."""

    def __init__(self, bridge: Bridge, hold_up: HoldUp, clock: Clock) -> None:
        self.bridge, self.probe = bridge, asyncio.Event()
        self.admission = BridgedAdmission(bridge, hold_up, clock, self.probe)
        self.changes: TargetChanges = asyncio.Queue()
        self.busy = Busy(clock)

    def following(self, session: TargetSession) -> Following:
        return Following(session, self.bridge, self.admission, self.changes, self.busy)
