"""What is wanted on all targets of a process, read once from the store; each has its part."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple

from otto_reconcile.desired import Desired, Ingested
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.reading import Reading, labels, moved, part
from otto_reconcile.fleet.spread import Move, Spread
from otto_reconcile.model.shared import is_shared
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.wanted import Bots, WantedOfStore
from otto_reconcile.records.placements import Placement, Placements
from otto_reconcile.store.base import Moved, Position

STAY = 5.0
"""Seconds that a bot which has moved stays where it was: for a router that does not know yet, and
for answers that are under way."""


class Placed(NamedTuple):
    """Bots that `came`, and from which target; and such as `others` have by now, and which."""

    came: Mapping[str, str]
    others: Mapping[str, str]


class Known(NamedTuple):
    """A target: what it is called, which server it is (`Port.target`), where that is reached."""

    name: str
    server: str
    url: str


class SharedWanted:
    """Read by one, in its own rhythm (`refresh`); the targets' parts never wait for the store."""

    def __init__(
        self,
        stores: Stores,
        assignment: Assignment,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._all, self._assignment = WantedOfStore(stores), assignment
        self._placements = Placements(stores.store)
        self._refreshing = threading.Lock()  # one reads or places at a time
        self._spreading = threading.Lock()  # nobody sees a bot between two places
        self._position: Position | None = None
        self._settled, self._odd = False, True
        self._placed: dict[str, Placement] = {}
        self._kept: dict[str, float | None] = {}  # bots that moved, and when they may leave
        self._homeless: Mapping[str, str | None] = {}
        self._last = Reading(error=StoreUnavailable("the store was not read yet"))

    def refresh(self, *, ingest: bool, whole: bool, settled: bool) -> frozenset[str]:
        """Reads anew; gives the targets for which something moved.

        With `ingest`, rows that others wrote become events first; without `whole` only the bots
        that have moved are read, where the store can tell. `settled` says that all daemons agree
        about the targets. Blocking. Raises StoreUnavailable, which the parts raise from then on.
        """
        with self._refreshing:
            try:
                return self._refresh(ingest, whole, settled)
            except StoreUnavailable as error:
                self._last = replace(self._last, error=error)
                raise

    def _refresh(self, ingest: bool, whole: bool, settled: bool) -> frozenset[str]:
        position, names = self._all.moved(self._position)
        last = self._last
        some = not (whole or self._odd) and last.error is None and settled == self._settled
        if some and names is not None and not any(map(is_shared, names)) and last.spread:
            targets = self._read_moved(names, last, last.spread)
        else:
            targets = self._read_whole(ingest, settled)
        self._position, self._homeless = position, self._find_homeless()
        return targets

    def _read_whole(self, ingest: bool, settled: bool) -> frozenset[str]:
        self._odd, before = True, self._last
        ingested = self._all.ingest() if ingest else Ingested()
        bots, self._placed = self._all.read(), self._placements.read()
        spread = Spread(self._assignment, settled=settled)
        for bot_id in (*bots.written.bots, *bots.written.unreadable):
            self._spread(bot_id, spread, bots.written)
        self._last = Reading(bots, ingested, spread)
        readable = bots.written.is_readable and bots.effective.is_readable
        self._settled, self._odd = settled, not (readable and ingest and ingested.nothing_odd)
        return moved(before, self._last)

    def _read_moved(self, names: frozenset[str], last: Reading, spread: Spread) -> frozenset[str]:
        bots = self._all.read_moved(last.bots, names)
        targets = {target for bot_id in names for target in spread.targets_of(bot_id)}
        self._last = replace(last, bots=bots)
        for bot_id in names:
            self._spread(bot_id, spread, bots.written)
        self._odd = not bots.written.is_readable
        return frozenset(targets | {t for b in names for t in spread.targets_of(b)})

    def place(self, bot_ids: Iterable[str], target: str, *, keep: bool = True) -> Placed:
        """All of these bots is on the target now. Blocking. Raises StoreUnavailable.

        With `keep` the targets that they come from have them too until `confirm`.
        """
        with self._refreshing:
            before = {b: name for b in bot_ids if (name := self._target_of(b)) != target}
            others = self._placements.place(before, target, keep=keep)
            for bot_id, name in before.items():
                now = Placement(target, name if keep else None)
                self._placed[bot_id] = others.get(bot_id, now)
                self._spread_anew(bot_id)
            came = {b: name for b, name in before.items() if name is not None and b not in others}
            return Placed(came, {b: other.target for b, other in others.items()})

    def _target_of(self, bot_id: str) -> str | None:
        placed = self._placed.get(bot_id)
        return placed.target if placed is not None else None

    def _spread(self, bot_id: str, spread: Spread, written: Desired) -> None:
        with self._spreading:
            if bot_id not in written.bots and bot_id not in written.unreadable:
                spread.drop(bot_id)
                self._kept.pop(bot_id, None)
                return
            target, before = self._placed.get(bot_id, (None, None))
            if before is not None and self._assignment.is_gone(before):
                before = None
            if before is None:
                self._kept.pop(bot_id, None)
            else:
                self._kept.setdefault(bot_id, None)
            spread.put(bot_id, labels(written, bot_id), target, before)

    def _spread_anew(self, bot_id: str) -> None:
        if (spread := self._last.spread) is not None:
            self._spread(bot_id, spread, self._last.bots.written)

    def kept(self, target: str) -> list[str]:
        """The bots that came to this target, and may leave where they were if they are there still.

        Nobody is in a hurry then: a router knows, and answers that were under way are over.
        """
        now = self._monotonic()
        with self._spreading:
            here = [b for b in self._kept if self._target_of(b) == target]
            self._kept |= {b: now + STAY for b in here if self._kept[b] is None}
            return [b for b in here if (due := self._kept[b]) is not None and now >= due]

    def confirm(self, bot_ids: Iterable[str], target: str) -> frozenset[str]:
        """These bots were seen on the target just now; gives the targets that may let them go.

        Blocking. Raises StoreUnavailable.
        """
        with self._refreshing:
            kept = {b: p.before for b in bot_ids if (p := self._placed.get(b)) is not None}
            bots = {b: before for b, before in kept.items() if before is not None}
            self._placements.confirm(bots, target)
            for bot_id in bots:
                self._placed[bot_id] = Placement(target)
                self._spread_anew(bot_id)
            return frozenset(bots.values())

    def claim(self, bot_ids: Iterable[str], target: Known) -> None:
        """These bots are on the server of this target, as far as is known.

        They are placed there if they are placed nowhere, which is so of a time before placements,
        or under another name that the server had. Blocking. Raises StoreUnavailable.
        """
        former = self._placements.register(*target)
        with self._refreshing:
            here = [b for b in bot_ids if self._target_of(b) in (None, *former)]
        self.place(here, target.name, keep=False)

    def forget(self, bot_ids: Iterable[str], target: str) -> None:
        """Nothing of these bots is on the target any more. Blocking. Raises StoreUnavailable."""
        with self._refreshing:
            gone = [b for b in bot_ids if self._target_of(b) == target]
            self._placements.forget(gone, target)
            for bot_id in gone:
                del self._placed[bot_id]

    @property
    def moves(self) -> list[Move]:
        """The bots that are on their way, by bot id."""
        spread = self._last.spread
        return spread.moves if spread is not None else []

    def home_of(self, bot_id: str) -> str | None:
        """The target that has a bot, or is to have it if none has."""
        spread = self._last.spread
        return spread.home_of(bot_id) if spread is not None else None

    def is_awaited(self, bot_id: str, target: str) -> bool:
        """True if the bot is to be placed on this target, once all of it is there."""
        spread = self._last.spread
        return spread is not None and spread.goes_to(bot_id) == target

    @property
    def homeless(self) -> Mapping[str, str | None]:
        """The bots that no target is for, each with the target where it stays, if any; sorted."""
        return self._homeless

    def _find_homeless(self) -> dict[str, str | None]:
        if (spread := self._last.spread) is None:
            return {}
        bots = self._last.bots.written.bots.items()
        names = spread.without((bot_id, one.bot.labels) for bot_id, one in bots)
        return {bot_id: spread.home_of(bot_id) for bot_id in sorted(names)}

    @property
    def placed(self) -> Mapping[str, Placement]:
        """Each bot that is placed."""
        return self._placed

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person has to know of the rows in the store."""
        return self._last.ingested.problems

    def part(self, target: str) -> Part:
        """What is wanted on one target."""
        return Part(self, target)

    def read_part(self, target: str) -> tuple[Bots, Ingested]:
        """Raises StoreUnavailable if the store could not be read the last time."""
        last = self._last
        if last.error is not None or last.spread is None:
            raise last.error or StoreUnavailable("the store was not read yet")
        with self._spreading:
            here = last.spread.on(target)
        faults = {b: why for b, why in last.ingested.faults.items() if b in here}
        return Bots(*(part(one, here) for one in last.bots)), Ingested(faults=faults)

    def gone_from(self, target: str, bot_ids: Iterable[str]) -> frozenset[str]:
        """Those that are placed elsewhere, or whose deletion is on record."""
        names = frozenset(bot_ids)
        others = {b for b in names if self._target_of(b) not in (None, target)}
        return frozenset(others) | self._all.gone(names - others)


class Part:
    """What is wanted on one target: a `Wanted` for its cache. Its readings are always whole."""

    def __init__(self, shared: SharedWanted, target: str) -> None:
        self._shared, self.target = shared, target

    def moved(self, since: Position | None) -> Moved:
        return Moved((0, 0), None)

    def ingest(self) -> Ingested:
        return self._shared.read_part(self.target)[1]

    def read(self) -> Bots:
        return self._shared.read_part(self.target)[0]

    def read_moved(self, before: Bots, bot_ids: AbstractSet[str]) -> Bots:
        return self.read()

    def gone(self, bot_ids: Iterable[str]) -> frozenset[str]:
        return self._shared.gone_from(self.target, bot_ids)
