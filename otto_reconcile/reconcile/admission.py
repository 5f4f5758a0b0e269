"""Which bots customers may meet already, where the port opens before all are back.

The gate of the embedded server (`server.restore_gate`) asks here, the loop says what is in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about: a bot by its id, a part by its kind and id, or every bot."""

    bot_id: str | None = None
    part: tuple[str, str] | None = None


EVERY_BOT = Subject()


@dataclass(eq=False)
class _Wait:
    subjects: Collection[Subject]
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Admission:
    """One life of a target. Until `expect` nobody knows what is to come back.

    Bots in `ready` are there from the start. `demand(bot_id)` is called when a request waits for
    that bot. Used from one event loop only.
    """

    resumes = False
    """True where a gate holds requests in a target that may outlive this process."""

    def __init__(self, ready: Collection[str] = ()) -> None:
        self.demand: Callable[[str], None] = lambda bot_id: None
        self._ready = frozenset(ready)
        self._known = self._over = False
        self._left: set[str] = set()
        self._absent: set[str] = set()
        self._owners: Mapping[tuple[str, str], str] = {}
        self._waits: list[_Wait] = []

    async def meet(self) -> None:
        """The target is about to be looked at."""

    async def told(self) -> None:
        """Waits until the gate knows what was said up to now."""

    def _forget(self) -> None:
        """A new life, of which nothing is known."""
        self._left, self._absent, self._owners = set(), set(), {}
        self._known = self._over = False

    def expect(
        self,
        bot_ids: Iterable[str] = (),
        absent: Iterable[str] = (),
        owners: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """These bots are to come back; those `absent` have no agent. `owners` has their parts."""
        self._left, self._absent = set(bot_ids), set(absent)
        self._owners = owners or {}
        self._known, self._over = True, not self._left
        for wait in self._waits:
            self._ask(wait)
        self._settle()

    def admit(self, *bot_ids: str) -> None:
        """These bots are as complete as they can be now, or are wanted no longer."""
        self._left.difference_update(bot_ids)
        self._absent.difference_update(bot_ids)
        self._settle()

    def finish(self) -> None:
        """Each bot has been tried; one that is not back yet keeps nobody but its own customers."""
        self._over = True
        self._settle()

    def stand(self, bot_ids: Iterable[str]) -> None:
        """These are there, whatever is to come back."""
        self._ready |= frozenset(bot_ids)
        self._settle()

    @property
    def over(self) -> bool:
        """True once each bot that was to come back has been tried."""
        return self._over

    @property
    def known(self) -> bool:
        """True once it is known what is to come back."""
        return self._known

    @property
    def left(self) -> frozenset[str]:
        """The bots that are still to come back."""
        return frozenset(self._left)

    def take_absent(self, bot_id: str) -> bool:
        """True if nothing of the bot can be on the target, once: a look at it begins."""
        absent = bot_id in self._absent
        self._absent.discard(bot_id)
        return absent

    async def wait(self, subjects: Collection[Subject], most: float) -> bool:
        """Waits until all of this is in place; False after `most` seconds."""
        wait = _Wait(subjects)
        if self._may_pass(wait):
            return True
        self._ask(wait)
        self._waits.append(wait)
        try:
            async with asyncio.timeout(most):
                await wait.over.wait()
        except TimeoutError:
            return False
        finally:
            self._waits.remove(wait)
        return True

    def bots_of(self, subjects: Iterable[Subject]) -> frozenset[str] | None:
        """The bots that this is about; None for every one."""
        named = {self._bot_of(subject) for subject in subjects}
        return None if None in named else frozenset(one for one in named if one is not None)

    def _bot_of(self, subject: Subject) -> str | None:
        if subject.bot_id is None and subject.part is not None:
            return self._owners.get(subject.part)
        return subject.bot_id

    def _may_pass(self, wait: _Wait) -> bool:
        bots = self.bots_of(wait.subjects)
        if bots is None:
            return self._known and (self._over or not self._left)
        return bots <= self._ready or (self._known and not bots & self._left)

    def _ask(self, wait: _Wait) -> None:
        for bot_id in sorted((self.bots_of(wait.subjects) or frozenset()) & self._left):
            self.demand(bot_id)

    def _settle(self) -> None:
        for wait in self._waits:
            if self._may_pass(wait):
                wait.over.set()
