"""What one comparison of bots with their targets found: data for `plans` and `comments`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from otto_reconcile.planning.plan import Action, Operation, Plan

NO_PLAN = Plan()


@dataclass(frozen=True, slots=True)
class BotPlan:
    """The plan of one bot, or why it could not be made.

    `faults` say what is wrong with what is wanted of it, whatever the target has. Of several
    targets, `target` is the name of the one that this is about.
    """

    bot_id: str
    plan: Plan = NO_PLAN
    error: str | None = None
    faults: Sequence[str] = ()
    target: str | None = None

    @property
    def called(self) -> str:
        """The bot, and where."""
        return f"{self.bot_id} on {self.target}" if self.target is not None else self.bot_id


@dataclass(frozen=True, slots=True)
class Report:
    """What one comparison found. `foreign` reports agents that are of no bot, `reaching` says what
    reaches every agent, though nobody declared it, and `pruned` what is deleted of that.

    `imported` has what an import would do to the desired state: bot ids by what becomes of them.
    `lost` says what the store has lost of what was wanted: whether it differs, nobody knows.
    `outside` are bots that were not compared, since they are outside of the daemon's `selector`.
    `moves` has a sentence for each bot that goes from one target to another; targets that could not
    be asked are `unasked`, with the reason.
    """

    bots: Sequence[BotPlan] = ()
    foreign: Plan = NO_PLAN
    reaching: Sequence[str] = ()
    pruned: Plan = NO_PLAN
    warnings: Sequence[str] = ()
    imported: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lost: str | None = None
    outside: Sequence[str] = ()
    selector: str = ""
    moves: Sequence[str] = ()
    unasked: Mapping[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> list[str]:
        away = [f"target {name}: {why}" for name, why in self.unasked.items()]
        return [*away, *(f"{bot.called}: {bot.error}" for bot in self.bots if bot.error)]

    @property
    def faults(self) -> list[str]:
        """What makes bots Degraded though nothing may differ."""
        return [f"{bot.called}: {fault}" for bot in self.bots for fault in bot.faults]

    @property
    def differs(self) -> bool:
        """True if anything is to be done, held back or wrong; what is unmanaged does not count."""
        differing = not all(plan.in_sync for plan in self._plans())
        told = bool(self.reaching or self.lost or self.faults or self.moves)
        return differing or told or any(self.imported.values())

    def actions(self) -> Iterator[Action]:
        """All that a person is shown; what is merely forgotten changes nothing for anybody."""
        yield from (action for _, action in self.placed_actions())

    def placed_actions(self) -> Iterator[tuple[str | None, Action]]:
        """The same, each with its target where there are several."""
        for target, plan in self._placed():
            yield from ((target, a) for a in plan if a.operation is not Operation.FORGET)

    def _plans(self) -> Iterator[Plan]:
        yield from (plan for _, plan in self._placed())

    def _placed(self) -> Iterator[tuple[str | None, Plan]]:
        yield from ((bot.target, bot.plan) for bot in self.bots)
        yield None, self.foreign
        yield None, self.pruned
