"""When a look at some parts of a bot is enough, and what of the others it can go by.

Reading a whole bot costs its target a walk through all that it holds. A bot that was in place at
its last look, and is wanted as it was, differs only where somebody touched it.
"""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model import Ref, Resource, Snapshot, get_kind
from otto_reconcile.planning.plan import Operation
from otto_reconcile.reconcile.bot_plan import Glance, Planned
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.target_state import TargetState


class Glances:
    """Knows of each bot that was in place what its target had beside what is on record."""

    def __init__(self) -> None:
        self._others: dict[str, Snapshot] = {}

    def at(self, world: TargetState, bot_id: str, parts: frozenset[Ref]) -> Glance | None:
        """None where it takes a look at the whole bot."""
        others = self._others.get(bot_id)
        if others is None or world.restarted(bot_id) or not _stands(world, bot_id, others):
            return None
        return Glance(parts, others)

    def reporter_of(self, kind: str, remote_id: str) -> str | None:
        """The bot beside whose parts this was seen at the last look, if it was."""
        for bot_id, others in self._others.items():
            for one in others.values():
                if one.kind == kind and remote_id in (one.key, one.remote_id):
                    return bot_id
        return None

    def forget(self, bot_ids: Iterable[str]) -> None:
        """Something is being done about these bots."""
        for bot_id in bot_ids:
            self._others.pop(bot_id, None)

    def note(self, results: Iterable[BotResult]) -> None:
        """Looks at bots came to this."""
        for result in results:
            if (planned := result.planned) is not None and result.in_place and planned.calm:
                self._others[result.bot_id] = Snapshot(_others(planned))


def _others(planned: Planned) -> Iterable[Resource]:
    """What nobody wants and was reported, and what the bot shares with the one that made it."""
    for action in planned.plan:
        if action.operation is Operation.REPORT and action.observed is not None:
            yield action.observed
    for ref in planned.desired:
        if get_kind(ref.kind).shared and ref in planned.observed:
            yield planned.observed[ref]


def _stands(world: TargetState, bot_id: str, others: Snapshot) -> bool:
    """True if what is wanted of the bot is what was applied of it."""
    wanted, applied = world.wanted(bot_id), world.applied.get(bot_id)
    if applied is None or applied.claims or not applied.resources.keys() <= wanted.keys():
        return False
    return all(
        one.spec == applied.resources[ref].spec if ref in applied.resources else ref in others
        for ref, one in wanted.items()
    )
