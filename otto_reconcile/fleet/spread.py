"""Which bots each target has, which are on their way to another, and which have none: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from otto_reconcile.fleet.assignment import Assignment


@dataclass(frozen=True, slots=True)
class Move:
    """A bot on its way: it is on `before` until all of it is on `after`."""

    bot_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Homes:
    """One bot: the target that has it or is to have it, the one that it goes to, if any, and the
    one that it came from a moment ago."""

    home: str | None
    after: str | None = None
    before: str | None = None
    placed: bool = False

    @property
    def next(self) -> str | None:
        return self.after or (None if self.placed else self.home)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(n for n in (self.home, self.after, self.before) if n is not None)


NOWHERE = _Homes(None)


class Spread:
    """`settled` is False while daemons disagree about the targets: then no bot moves.

    A bot is on the target where it is placed; one that is placed nowhere belongs where it is
    assigned. Where both differ, it is wanted on both until it is placed anew.
    """

    def __init__(self, assignment: Assignment, *, settled: bool = True) -> None:
        self._assignment, self._settled = assignment, settled
        self._homes: dict[str, _Homes] = {}
        self._moves: dict[str, Move] = {}
        self._on: dict[str, set[str]] = {}

    def put(
        self,
        bot_id: str,
        labels: Mapping[str, str] | None,
        placed: str | None,
        before: str | None = None,
    ) -> None:
        """A bot that is wanted, and where it is placed; its labels are None if nobody knows.

        It was placed on the target `before` a moment ago, and is kept there still.
        """
        self.drop(bot_id)
        homes = replace(self._of(bot_id, labels, placed), before=before)
        self._homes[bot_id] = homes
        if homes.home is not None and homes.after is not None:
            self._moves[bot_id] = Move(bot_id, homes.home, homes.after)
        for name in homes.names:
            self._on.setdefault(name, set()).add(bot_id)

    def drop(self, bot_id: str) -> frozenset[str]:
        """A bot that nobody wants any more; gives the targets that it was on."""
        names = self._homes.pop(bot_id, NOWHERE).names
        self._moves.pop(bot_id, None)
        for name in names:
            self._on[name].discard(bot_id)
        return names

    def _of(self, bot_id: str, labels: Mapping[str, str] | None, placed: str | None) -> _Homes:
        if placed is not None and self._settled and self._assignment.is_gone(placed):
            placed = None
        if labels is None:
            return _Homes(placed, placed=placed is not None)
        assigned = self._assignment.of(bot_id, labels)
        if placed is None:
            return _Homes(assigned)
        moves = self._settled and assigned not in (None, placed)
        return _Homes(placed, assigned if moves else None, placed=True)

    @property
    def targets(self) -> frozenset[str]:
        """Those on which any bot is wanted."""
        return frozenset(name for name, bots in self._on.items() if bots)

    def home_of(self, bot_id: str) -> str | None:
        """The target that has a bot, or is to have it if none has."""
        return self._homes.get(bot_id, NOWHERE).home

    def on(self, target: str) -> frozenset[str]:
        """The bots that are wanted on a target, those that leave it later included."""
        return frozenset(self._on.get(target, ()))

    def targets_of(self, bot_id: str) -> frozenset[str]:
        """Where a bot is wanted."""
        return self._homes.get(bot_id, NOWHERE).names

    def goes_to(self, bot_id: str) -> str | None:
        """Where a bot is to be placed next: where it goes, or where it belongs as yet unplaced."""
        return self._homes.get(bot_id, NOWHERE).next

    @property
    def moves(self) -> list[Move]:
        """The bots that go elsewhere, by bot id."""
        return [self._moves[bot_id] for bot_id in sorted(self._moves)]

    def without(self, bots: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
        """Those of these bots, with their labels, that no target is for."""
        for bot_id, labels in bots:
            homes = self._homes.get(bot_id, NOWHERE)
            if (homes.placed or homes.home is None) and not self._assignment.fits(labels):
                yield bot_id
