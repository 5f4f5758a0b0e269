"""What is wanted of the bots of one target, as its cache reads it: of a whole store, or a part."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple, Protocol

from otto_reconcile.desired import Desired, Ingested
from otto_reconcile.model import is_reserved
from otto_reconcile.planning import guard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.base import Moved, Position


class Bots(NamedTuple):
    """The bots as they were written, and as they are to be on a target: with all they share."""

    written: Desired
    effective: Desired


class Wanted(Protocol):
    """All of it blocks. Every method raises StoreUnavailable."""

    def moved(self, since: Position | None) -> Moved:
        """Which bots have moved since; None for the names where that is not known."""
        ...

    def ingest(self) -> Ingested:
        """Rows that others wrote become events."""
        ...

    def read(self) -> Bots:
        """All of them."""
        ...

    def read_moved(self, before: Bots, bot_ids: AbstractSet[str]) -> Bots:
        """The same, if nothing but these bots is wanted otherwise than before."""
        ...

    def gone(self, bot_ids: Iterable[str]) -> frozenset[str]:
        """Those of them that are on record for being wanted here no more."""
        ...


class WantedOfStore:
    """All bots of a store."""

    def __init__(self, stores: Stores) -> None:
        self._store, self._desired = stores.store, stores.desired

    def moved(self, since: Position | None) -> Moved:
        return self._store.moved(since)

    def ingest(self) -> Ingested:
        """`problems` of it is what a person has to know."""
        ingested = self._desired.ingest()
        if not ingested.vanished:
            return ingested
        gone = guard.some(ingested.vanished)
        warning = f"the rows of {gone} vanished together, and nothing was deleted"
        return replace(ingested, problems=(*ingested.problems, warning))

    def read(self) -> Bots:
        written = _without_reserved(self._desired.read())
        return Bots(written, self._desired.effective(written))

    def read_moved(self, before: Bots, bot_ids: AbstractSet[str]) -> Bots:
        """All that was wanted before has to be readable."""
        written = _without_reserved(self._desired.read_moved(before.written, bot_ids), bot_ids)
        effective = self._desired.effective_moved(written, before.effective, bot_ids)
        return Bots(written, effective)

    def gone(self, bot_ids: Iterable[str]) -> frozenset[str]:
        """Those whose deletion is on record: it was checked when it was recorded.

        The names that are reserved by now are wanted by nobody either.
        """
        return frozenset(bot_id for bot_id in bot_ids if self._is_gone(bot_id))

    def _is_gone(self, bot_id: str) -> bool:
        newest = self._desired.history(bot_id, limit=1)
        bot = newest[0].bot if newest else None
        return bool(newest) and (bot is None or is_reserved(bot_id, bot.name))


def _without_reserved(desired: Desired, among: Iterable[str] | None = None) -> Desired:
    """Nobody can write such a bot any more; an older or foreign event log may have one."""
    wanted = desired.bots
    names = wanted if among is None else (name for name in among if name in wanted)
    reserved = {name for name in names if is_reserved(name, wanted[name].bot.name)}
    if not reserved:
        return desired
    bots = {bot_id: one for bot_id, one in wanted.items() if bot_id not in reserved}
    return replace(desired, bots=bots)
