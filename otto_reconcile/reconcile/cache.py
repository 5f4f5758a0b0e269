"""The world as the loop last read it, kept right while looks and readings overlap."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from otto_reconcile.desired import Ingested
from otto_reconcile.model import Ref
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState, read
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.composition import services_of
from otto_reconcile.runtime.selecting import Selector


@dataclass(frozen=True, slots=True)
class CacheUpdate:
    """One reading of the store: the bots wanted otherwise than before, and what to tell.

    `renamed` has bots that another program renamed, each with what its history says of it; `lost`
    says what the store has lost, if anything.
    """

    changed: list[str]
    warnings: tuple[str, ...]
    renamed: Mapping[str, str]
    lost: str | None = None


class TargetCache:
    """A look may be under way, even a hanging one, while the store is read; nothing is lost."""

    def __init__(
        self,
        stores: Stores,
        port: Port,
        remembered: Remembered,
        take_over: Container[str] = frozenset(),
        selector: Selector | None = None,
    ) -> None:
        self._stores, self._port, self._remembered = stores, port, remembered
        self._take_over, self._selector = take_over, selector
        self._reading = asyncio.Lock()
        self._since: dict[str, Applied | None] = {}  # applied since the reading began
        self.world: TargetState | None = None

    def forget(self) -> None:
        """The world was that of another target."""
        self.world = None

    @property
    def current(self) -> TargetState:
        """The world; to be asked for only once there is one."""
        assert self.world is not None
        return self.world

    @property
    def bot_ids(self) -> tuple[str, ...]:
        return self.world.bot_ids if self.world is not None else ()

    async def read(self, *, ingest: bool) -> CacheUpdate:
        """Reads everything anew; with `ingest`, rows that others wrote become events first.

        Raises StoreUnavailable.
        """
        async with self._reading:
            self._since.clear()
            ingested = (
                await asyncio.to_thread(change_feed.ingest, self._stores) if ingest else Ingested()
            )
            world = await asyncio.to_thread(read, self._stores, self._port.target)
            world.inside, world.take_over = self._port.inside, self._take_over
            world.selector = self._selector
            world.odd_rows = ingested.faults
            lost = await asyncio.to_thread(self._remembered.look, world.desired)
            world.lost_names = self._remembered.lost_names
            self._port.declare(services_of(world.desired))
            before, self.world = self.world, world
            if before is not None:
                world.follow(before)
            world.note(self._since)
            told = (*ingested.problems, *change_feed.namesakes(world))
            came = [event for event in ingested.events if event.bot is not None]
            renamed = {e.bot_id: e.source.note for e in came if e.source.note is not None}
            changed = change_feed.changed(before, world)
            changed = [*changed, *_touched(before, world, changed)]
            warnings = (*told, *self._remembered.warnings)
            return CacheUpdate(changed, warnings, renamed, lost)

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


def _touched(before: TargetState | None, now: TargetState, changed: Sequence[str]) -> list[str]:
    """The bots of which nothing changed but that they have, or had, a part in common with these."""
    if before is None or not changed:
        return []
    return sorted(now.owners.rivals(changed) | before.owners.rivals(changed))
