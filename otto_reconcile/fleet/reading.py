"""One reading of what is wanted on all targets, and what is asked of it: pure, for `shared`."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from otto_reconcile.desired import Desired, Ingested
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.fleet.spread import Spread
from otto_reconcile.reconcile.wanted import Bots

NOTHING = Bots(Desired({}, {}), Desired({}, {}))


@dataclass(frozen=True)
class Reading:
    """What was read last; `error` says why nothing could be."""

    bots: Bots = NOTHING
    ingested: Ingested = field(default_factory=Ingested)
    spread: Spread | None = None
    error: StoreUnavailable | None = None


def moved(before: Reading, now: Reading) -> frozenset[str]:
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


def labels(desired: Desired, bot_id: str) -> Mapping[str, str] | None:
    """Those of a bot; None if nobody knows."""
    one = desired.bots.get(bot_id)
    return one.bot.labels if one is not None else None


def part(desired: Desired, here: AbstractSet[str]) -> Desired:
    """These bots of all; what bots share is everybody's."""
    bots = {b: desired.bots[b] for b in sorted(here) if b in desired.bots}
    unreadable = {b: why for b, why in desired.unreadable.items() if b in here}
    return replace(desired, bots=bots, unreadable=unreadable)
