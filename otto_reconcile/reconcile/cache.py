"""The world as the loop last read it, kept right while looks and readings overlap."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from otto_reconcile.desired import Ingested
from otto_reconcile.model import Ref
from otto_reconcile.model.shared import is_shared
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.reading import read, read_moved
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.reconcile.wanted import Wanted, WantedOfStore
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.composition import shared_services
from otto_reconcile.runtime.collecting import uncollected
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.store.base import Position

SURE = 10
"""Of so many readings of what nobody has written to, one reads it all the same."""


@dataclass(frozen=True, slots=True)
class CacheUpdate:
    """One reading of the store: the bots wanted otherwise than before, and what to tell.

    `renamed` has bots that another program renamed, each with what its history says of it; `lost`
    says what the store has lost, if anything. `moved` are the bots that were read; None is all.
    """

    changed: list[str]
    warnings: tuple[str, ...]
    renamed: Mapping[str, str]
    lost: str | None = None
    moved: frozenset[str] | None = None


class TargetCache:
    """A look may be under way, even a hanging one, while the store is read; nothing is lost."""

    def __init__(
        self,
        stores: Stores,
        port: Port,
        remembered: Remembered,
        take_over: Container[str] = frozenset(),
        selector: Selector | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        self._wanted = wanted or WantedOfStore(stores)
        self._stores, self._port, self._remembered = stores, port, remembered
        self._take_over, self._selector = take_over, selector
        self._reading = asyncio.Lock()
        self._since: dict[str, Applied | None] = {}  # applied since the reading began
        self.world: TargetState | None = None
        self._position: Position | None = None  # of the store, before the last reading
        self._token: int | None = None
        self._passed_over = 0
        self._settled = False
        """Nothing was odd at the last reading: what is known is all there is to know."""

    def forget(self) -> None:
        """The world was that of another target."""
        self.world = None

    @property
    def current(self) -> TargetState:
        """The world; to be asked for only once there is one."""
        assert self.world is not None
        return self.world

    def knows(self, bot_id: str) -> bool:
        """True if it is one of `bot_ids`."""
        return self.world is not None and self.world.knows(bot_id)

    @property
    def bot_ids(self) -> tuple[str, ...]:
        return self.world.bot_ids if self.world is not None else ()

    async def read(
        self, *, ingest: bool, token: int | None = None, whole: bool = True, calm: bool = False
    ) -> CacheUpdate:
        """Reads everything anew; with `ingest`, rows that others wrote become events first.

        Without `whole` only the bots that have moved, where that is surely all; `token` tells the
        time in which only this process changes what is applied. For a `calm` reading, one among
        many, what nobody has written to is passed over, most times: rows, and what is applied.
        Raises StoreUnavailable.
        """
        async with self._reading:
            self._since.clear()
            moved = await asyncio.to_thread(self._wanted.moved, self._position)
            settled = self._settled and ingest and self._token == token
            self._settled, self._token = False, token
            update = None
            if settled and not whole and moved.names is not None:
                update = await self._read_moved(moved.names)
            if update is None:
                unmoved = calm and settled and moved.names == frozenset()
                update = await self._read_whole(ingest, self._is_passed_over(unmoved))
            self._position = moved.position
            return update

    def _is_passed_over(self, unmoved: bool) -> bool:
        """True for what needs no look: to be sure, one is had now and then."""
        self._passed_over = self._passed_over + 1 if unmoved else 0
        return self._passed_over % SURE != 0

    async def _read_whole(self, ingest: bool, unmoved: bool) -> CacheUpdate:
        """`unmoved`: nobody has written to the rows, or to what is applied, since the last one."""
        looks = ingest and not unmoved
        ingested = await asyncio.to_thread(self._wanted.ingest) if looks else Ingested()
        target, wanted, before = self._port.target, self._wanted, self.world
        applied = dict(before.applied) if unmoved and before is not None else None
        world = await asyncio.to_thread(read, self._stores, target, wanted=wanted, applied=applied)
        world.inside, world.take_over = self._port.inside, self._take_over
        world.selector = self._selector
        world.odd_rows = ingested.faults
        lost = await asyncio.to_thread(self._remembered.look, world.desired)
        world.lost_names = self._remembered.lost_names
        before = self.world
        if before is not None:
            world.follow(before)
        changed = await asyncio.to_thread(_compared, before, world)
        if before is not self.world:  # it was forgotten meanwhile
            before, changed = self.world, list(world.bot_ids)
        if before is not None:
            world.follow(before)
        self.world = world
        world.note(self._since)
        came = [event for event in ingested.events if event.bot is not None]
        renamed = {e.bot_id: e.source.note for e in came if e.source.note is not None}
        self._settled = ingest and lost is None and ingested.nothing_odd
        return self._update(before, changed, ingested.problems, renamed, lost)

    async def _read_moved(self, names: frozenset[str]) -> CacheUpdate | None:
        """None where more may be otherwise than these bots."""
        before = self.world
        if before is None or not before.desired.is_readable or any(map(is_shared, names)):
            return None
        world = await asyncio.to_thread(read_moved, self._stores, before, names, self._wanted)
        await asyncio.to_thread(self._remembered.look_at, world.desired, names)
        if self.world is not before:  # it was forgotten meanwhile
            return None
        world.follow_moved(before, names)
        self.world, self._settled = world, True
        return self._update(before, change_feed.changed(before, world, names), moved=names)

    def _update(
        self,
        before: TargetState | None,
        changed: list[str],
        problems: tuple[str, ...] = (),
        renamed: Mapping[str, str] | None = None,
        lost: str | None = None,
        moved: frozenset[str] | None = None,
    ) -> CacheUpdate:
        world = self.current
        self._port.declare(world.index.services | shared_services(world.desired))
        changed = [*changed, *_touched(before, world, changed)]
        warnings = (*problems, *change_feed.namesakes(world), *self._remembered.warnings)
        return CacheUpdate(changed, warnings, renamed or {}, lost, moved)

    def carry_over(self, looked_at: TargetState, *bot_ids: str) -> None:
        """What a look applied, on record in its own world, holds for one read meanwhile too."""
        applied: Mapping[str, Applied | None] = {b: looked_at.applied.get(b) for b in bot_ids}
        self._since.update(applied)
        if self.world is not None and self.world is not looked_at:
            self.world.note(applied)

    def owner_of(self, kind: str, key: str) -> tuple[str, Ref] | tuple[None, None]:
        """The bot to which a resource of ours belongs, and what it is there, if that is known."""
        applied = self.world.applied.values() if self.world is not None else ()
        owners = (
            (bot.bot_id, ref)
            for bot in applied
            for ref, resource in bot.resources.items()
            if ref.kind == kind and key in (ref.key, resource.remote_id)
        )
        return next(owners, (None, None))


@uncollected()
def _compared(before: TargetState | None, now: TargetState) -> list[str]:
    """As `change_feed.changed`. What is derived from all bots is kept, or made anew."""
    changed = change_feed.changed(before, now)
    if before is not None and not changed and before.desired.bots.keys() == now.desired.bots.keys():
        now.index = before.index
        for bot_id, applied in now.applied.items():
            now.index.have(bot_id, applied)
    _ = now.index
    return changed


def _touched(before: TargetState | None, now: TargetState, changed: Sequence[str]) -> list[str]:
    """The bots of which nothing changed but that they have, or had, a part in common with these."""
    if before is None or not changed:
        return []
    return sorted(now.owners.rivals(changed) | before.owners.rivals(changed))
