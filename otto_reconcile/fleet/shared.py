"""What is wanted on all targets of a process, read once from the store; each has its part."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from otto_reconcile.desired import Desired, Ingested
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.spread import Move, Spread
from otto_reconcile.model.shared import is_shared
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.wanted import Bots, WantedOfStore
from otto_reconcile.records.placements import Placements
from otto_reconcile.store.base import Moved, Position

STAY = 5.0
"""Seconds that a bot which has moved stays where it was: for a router that does not know yet, and
for answers that are under way."""
NOTHING = Bots(Desired({}, {}), Desired({}, {}))


@dataclass(frozen=True)
class _Reading:
    """What was read last; `error` says why nothing could be."""

    bots: Bots = NOTHING
    ingested: Ingested = field(default_factory=Ingested)
    spread: Spread | None = None
    error: StoreUnavailable | None = None


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
        self._all, self._applied = WantedOfStore(stores), stores.applied
        self._placements, self._assignment = Placements(stores.store), assignment
        self._refreshing = threading.Lock()  # one reads or places at a time
        self._spreading = threading.Lock()  # nobody sees a bot between two places
        self._position: Position | None = None
        self._settled, self._odd = False, True
        self._placed: dict[str, str] = {}
        self._leaving: dict[str, tuple[str, float]] = {}  # bots that moved: from where, until when
        self._homeless: Sequence[str] = ()
        self._last = _Reading(error=StoreUnavailable("the store was not read yet"))

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
        moved = self._all.moved(self._position)
        names, last = moved.names, self._last
        part = not (whole or self._odd) and last.error is None and settled == self._settled
        if part and names is not None and not any(map(is_shared, names)) and last.spread:
            targets = self._read_moved(names, last, last.spread)
        else:
            targets = self._read_whole(ingest, settled)
        self._position, self._homeless = moved.position, self._find_homeless()
        return targets

    def _read_whole(self, ingest: bool, settled: bool) -> frozenset[str]:
        self._odd, before = True, self._last
        ingested = self._all.ingest() if ingest else Ingested()
        bots, placed = self._all.read(), self._placements.read()
        for bot_id in placed.keys() & self._placed.keys():
            self._leave(bot_id, self._placed[bot_id], placed[bot_id])
        self._placed, spread = placed, Spread(self._assignment, settled=settled)
        for bot_id in (*bots.written.bots, *bots.written.unreadable):
            self._spread(bot_id, spread, bots.written)
        self._last = _Reading(bots, ingested, spread)
        readable = bots.written.is_readable and bots.effective.is_readable
        self._settled, self._odd = settled, not (readable and ingest and ingested.nothing_odd)
        return _moved(before, self._last)

    def _read_moved(self, names: frozenset[str], last: _Reading, spread: Spread) -> frozenset[str]:
        bots = self._all.read_moved(last.bots, names)
        targets = {target for bot_id in names for target in spread.targets_of(bot_id)}
        self._last = replace(last, bots=bots)
        for bot_id in names:
            self._spread(bot_id, spread, bots.written)
        self._odd = not bots.written.is_readable
        return frozenset(targets | {t for b in names for t in spread.targets_of(b)})

    def place(self, bot_ids: Iterable[str], target: str) -> Placed:
        """All of these bots is on the target now. Blocking. Raises StoreUnavailable."""
        with self._refreshing:
            before = {b: name for b in bot_ids if (name := self._placed.get(b)) != target}
            others = self._placements.place(before, target)
            self._placed |= dict.fromkeys(before, target) | others
            for bot_id, name in before.items():
                self._leave(bot_id, name, self._placed[bot_id])
                self._spread_anew(bot_id)
            came = {b: name for b, name in before.items() if name is not None and b not in others}
            return Placed(came, others)

    def _leave(self, bot_id: str, before: str | None, now: str) -> None:
        if before not in (None, now):
            self._leaving[bot_id] = (str(before), self._monotonic() + STAY)

    def _spread(self, bot_id: str, spread: Spread, written: Desired) -> None:
        with self._spreading:
            if bot_id not in written.bots and bot_id not in written.unreadable:
                spread.drop(bot_id)
                return
            before, _ = self._leaving.get(bot_id, (None, 0.0))
            spread.put(bot_id, _labels(written, bot_id), self._placed.get(bot_id), before)

    def _spread_anew(self, bot_id: str) -> None:
        if (spread := self._last.spread) is not None:
            self._spread(bot_id, spread, self._last.bots.written)

    def let_go(self) -> frozenset[str]:
        """Bots that moved are no longer wanted where they were, once whoever asked there knows.

        Gives the targets for which that is news. To be called now and then.
        """
        now = self._monotonic()
        with self._refreshing:
            over = [bot_id for bot_id, (_, until) in self._leaving.items() if until <= now]
            targets = frozenset(self._leaving.pop(bot_id)[0] for bot_id in over)
            for bot_id in over:
                self._spread_anew(bot_id)
            return targets

    def claim(self, bot_ids: Iterable[str], target: Known) -> None:
        """These bots are on the server of this target, as far as is known.

        They are placed there if they are placed nowhere, which is so of a time before placements,
        or under another name that the server had. Blocking. Raises StoreUnavailable.
        """
        former = self._placements.register(*target)
        with self._refreshing:
            here = [b for b in bot_ids if self._placed.get(b) in (None, *former)]
        self.place(here, target.name)

    def forget(self, bot_ids: Iterable[str], target: str) -> None:
        """Nothing of these bots is on the target any more. Blocking. Raises StoreUnavailable."""
        with self._refreshing:
            gone = [b for b in bot_ids if self._placed.get(b) == target]
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
    def homeless(self) -> Sequence[str]:
        """The bots that no target is for, sorted."""
        return self._homeless

    def _find_homeless(self) -> list[str]:
        last = self._last
        bots = ((bot_id, one.bot.labels) for bot_id, one in last.bots.written.bots.items())
        return last.spread.homeless(bots) if last.spread is not None else []

    @property
    def placed(self) -> Mapping[str, str]:
        """The target of each bot that is placed."""
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
        return Bots(*(_part(one, here) for one in last.bots)), Ingested(faults=faults)

    def gone_from(self, target: str, bot_ids: Iterable[str]) -> frozenset[str]:
        """Those that are placed elsewhere, or whose deletion is on record."""
        names = frozenset(bot_ids)
        moved = {b for b in names if self._placed.get(b, target) != target}
        return frozenset(moved) | self._all.gone(names - moved)


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


def _moved(before: _Reading, now: _Reading) -> frozenset[str]:
    """The targets that have other bots than before, or bots that are wanted otherwise."""
    if before.spread is None or now.spread is None:
        return now.spread.targets if now.spread is not None else frozenset()
    old, new = before.bots.effective, now.bots.effective
    names = {b for b in old.bots.keys() | new.bots.keys() if old.bots.get(b) is not new.bots.get(b)}
    names |= old.unreadable.keys() ^ new.unreadable.keys()
    names |= before.ingested.faults.keys() | now.ingested.faults.keys()
    both = before.spread, now.spread
    targets = {target for spread in both for b in names for target in spread.targets_of(b)}
    every = before.spread.targets | now.spread.targets
    return frozenset(targets | {t for t in every if both[0].on(t) != both[1].on(t)})


def _labels(desired: Desired, bot_id: str) -> Mapping[str, str] | None:
    one = desired.bots.get(bot_id)
    return one.bot.labels if one is not None else None


def _part(desired: Desired, here: AbstractSet[str]) -> Desired:
    """These bots of all; what bots share is everybody's."""
    bots = {b: desired.bots[b] for b in sorted(here) if b in desired.bots}
    unreadable = {b: why for b, why in desired.unreadable.items() if b in here}
    return replace(desired, bots=bots, unreadable=unreadable)
