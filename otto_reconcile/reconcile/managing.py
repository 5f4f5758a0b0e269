"""Who manages a target, told by the target itself, where daemons of different stores meet.

A lease in the store decides among the daemons of that store. This mark, a tag on the server,
decides among all of them: `otto-manager-<who>-<token>-<count>`. Its holder counts it up at every
beat. Who finds another's mark waits, and takes over once that has stood still for TTL seconds by
its own clock; so no two clocks are compared, and a manager that was killed is succeeded in time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b

from otto_reconcile.port.base import Port
from otto_reconcile.runtime.clock import Clock

BEAT = 3.0
"""Seconds between two beats."""
TTL = 15.0
"""Seconds without a beat after which a mark is taken for that of a dead process."""
SURE = 0.8
"""The part of it for which a holder trusts its own mark."""

MANAGER, WAITER = "otto-manager", "otto-waiter"
OF_ANOTHER_STORE = "a daemon with another store"
_LONGEST = 50  # characters of a tag's name in Parlant
_UNFIT = re.compile(r"[^A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Mark:
    """`who` is the process in words, `holder` its identity, `tag_id` the target's id of the tag."""

    role: str
    who: str
    holder: str
    name: str
    tag_id: str


def read(name: str, tag_id: str) -> Mark | None:
    """The mark that a tag is, if it is one."""
    for role in (MANAGER, WAITER):
        parts = name.removeprefix(f"{role}-").rsplit("-", 2)
        if name.startswith(f"{role}-") and len(parts) == 3:
            return Mark(role, parts[0], parts[1], name, tag_id)
    return None


def _short(holder: str, target: str) -> str:
    """What stands in a mark for a holder that reaches the server as this target."""
    return blake2b(f"{holder} {target}".encode(), digest_size=4).hexdigest()


class Managing:
    """One process's. Every method raises TargetUnavailable or TargetRefused."""

    def __init__(
        self,
        port: Port,
        clock: Clock,
        who: str,
        holder: str = "",
        predecessors: Collection[str] = (),
    ) -> None:
        """`holder` is the daemon's name in its leases, `predecessors` those of surely dead ones.

        A daemon that reaches one server as two targets is two holders: one of them waits.
        """
        self._port, self._clock = port, clock
        self._who = _UNFIT.sub(".", who)
        self._holder, self._count = _short(holder or secrets.token_hex(4), port.target), 0
        self._dead = frozenset(_short(before, port.target) for before in predecessors)
        self._until = float("-inf")
        self._seen: dict[str, tuple[str, float]] = {}  # by tag: the name, and since when
        self._moved: set[str] = set()
        self._leads = False  # in our own store
        self.rivals: tuple[str, ...] = ()
        """Daemons with other stores that wait to manage this target too."""

    @property
    def held(self) -> bool:
        """True as long as nobody else can have taken over."""
        return self._clock.monotonic() < self._until

    async def watch(self) -> None:
        """Looks at the marks of others, so that their silence is measured from now on.

        Without the lease of our own store there is nothing to hold or to wait for, and who moves
        a mark may have our store.
        """
        self._until, self._leads = float("-inf"), False
        mine, _ = await self._look()
        await self._drop(mine)

    async def renew(self) -> str | None:
        """Becomes or stays the manager; says who it is if that is another."""
        asked = self._clock.monotonic()
        mine, others = await self._look()
        if not self._leads:
            self._leads = True
            self._moved.clear()
        own = next((mark for mark in mine if mark.role == MANAGER), None)
        if not (self.held and own and await self._port.move_mark(own.tag_id, self._next(MANAGER))):
            self._until = float("-inf")
            living = [m for m in others if m.role == MANAGER and self._lives(m)]
            if living:
                return await self._wait(mine, living[0])
            if rival := await self._seize(mine, others):
                return rival
        else:  # a call that was cancelled may have left another one
            await self._drop(mark for mark in mine if mark is not own)
        self._until = asked + TTL * SURE
        await self._drop(m for m in others if m.role == WAITER and not self._lives(m))
        return None

    async def resign(self) -> None:
        """Takes our marks away, so that another need not wait."""
        self._until = float("-inf")
        mine, _ = await self._look()
        await self._drop(mine)

    async def _seize(self, mine: list[Mark], others: list[Mark]) -> str | None:
        """Sets our mark in place of dead ones; says who came between.

        Set first, then looked: of two that do so at once at least one sees the other, and that one
        withdraws. A mark of ours that was not renewed in time is set anew for the same reason.
        """
        await self._drop(mine)
        await self._drop(mark for mark in others if mark.role == MANAGER)
        await self._port.put_mark(self._next(MANAGER))
        mine, others = await self._look()
        rival = next((mark for mark in others if mark.role == MANAGER), None)
        if rival is None and mine:
            return None
        await self._drop(mine)
        return f"{rival.who if rival is not None else 'another daemon'} manages this server"

    async def _wait(self, mine: list[Mark], other: Mark) -> str:
        """Steps back, and shows that we are here to a manager that is seen to live.

        It has another store: in ours we hold the lease. What never moved may be a dead process's.
        """
        waiting = next((mark for mark in mine if mark.role == WAITER), None)
        await self._drop(mark for mark in mine if mark.role == MANAGER)
        if other.holder not in self._moved:
            return (
                f"{other.who} manages this server, or did so until it ended: that is known after"
                f" {TTL:.0f} seconds of silence"
            )
        name = self._next(WAITER)
        if waiting is None or not await self._port.move_mark(waiting.tag_id, name):
            await self._port.put_mark(name)
        return f"{other.who}, {OF_ANOTHER_STORE}, manages this server"

    async def _look(self) -> tuple[list[Mark], list[Mark]]:
        """Our own marks, and those of others."""
        now = self._clock.monotonic()
        found = await self._port.marks((f"{MANAGER}-", f"{WAITER}-"))
        marks = [mark for name, tag_id in sorted(found.items()) if (mark := read(name, tag_id))]
        others = [mark for mark in marks if mark.holder != self._holder]
        for mark in others:
            before = self._seen.get(mark.tag_id)
            if before is None or before[0] != mark.name:
                self._seen[mark.tag_id] = mark.name, now
                if before is not None:
                    self._moved.add(mark.holder)
        waiting = (mark for mark in others if mark.role == WAITER and self._lives(mark))
        self.rivals = tuple(sorted(mark.who for mark in waiting))
        return [mark for mark in marks if mark.holder == self._holder], others

    def _lives(self, mark: Mark) -> bool:
        _, since = self._seen[mark.tag_id]
        return mark.holder not in self._dead and self._clock.monotonic() - since < TTL

    async def _drop(self, marks: Iterable[Mark]) -> None:
        for mark in marks:
            await self._port.drop_mark(mark.tag_id)

    def _next(self, role: str) -> str:
        self._count += 1
        end = f"-{self._holder}-{self._count}"
        return f"{role}-{self._who[: _LONGEST - len(role) - 1 - len(end)]}{end}"
