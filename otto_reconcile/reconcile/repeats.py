"""Tells what became of an action from what became of it the last time: a bot that cannot converge
is tried forever, and says and records the same each time."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model import Ref
from otto_reconcile.planning.plan import Operation, Outcome, Result

Said = tuple[Operation, Result, str | None]


class Repeats:
    """What failed of each bot, and how, when it was last tried."""

    def __init__(self) -> None:
        self._last: dict[str, dict[Ref, Said]] = {}

    def has(self, outcome: Outcome) -> bool:
        """True if the same action failed in the same way, or was not tried, the last time too."""
        action = outcome.action
        return self._last.get(action.bot_id, {}).get(action.ref) == _said(outcome)

    def settle(self, bot_id: str, outcomes: Iterable[Outcome]) -> None:
        """This is the last time now; of what needs something that waits, it is the one before."""
        done = {o.action.ref: o for o in outcomes}
        failed = {ref: _said(o) for ref, o in done.items() if o.result is not Result.SUCCEEDED}
        if failed:
            before = self._last.get(bot_id, {}).items()
            self._last[bot_id] = {ref: said for ref, said in before if ref not in done} | failed
        else:
            self._last.pop(bot_id, None)


def _said(outcome: Outcome) -> Said:
    return outcome.action.operation, outcome.result, outcome.error
