"""Per-resource retry schedule: failed actions are deferred, the rest of the bot proceeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from otto_reconcile.model import Ref, Resource
from otto_reconcile.model.part import BUILT_IN
from otto_reconcile.planning.plan import NEEDS, Action, Operation, Outcome, Plan, Result
from otto_reconcile.runtime.backoff import RETRY, Backoff
from otto_reconcile.runtime.clock import Clock

WAITS = "it failed a moment ago, and waits for its next try"
_SLACK = 0.01  # a look that was asked for at the time of the next try must not come too early


@dataclass(slots=True)
class _Wait:
    """How an action failed, how often in a row, and until when (monotonic seconds) it waits."""

    outcome: Outcome
    failures: int
    until: float

    def free(self) -> None:
        self.failures, self.until = 0, 0.0


class Retries:
    """Knows of each bot what failed. Not thread-safe: all calls come from the loop's own thread."""

    def __init__(self, clock: Clock, backoff: Backoff = RETRY) -> None:
        self._clock, self._backoff = clock, backoff
        self._waits: dict[str, dict[Ref, _Wait]] = {}

    def defer(self, bot_id: str, plan: Plan) -> tuple[Plan, tuple[Outcome, ...]]:
        """The plan without what has to wait and what needs that, and how the former failed."""
        known = self._waits.get(bot_id, {})
        waits = {action.ref: known[action.ref] for action in plan.acting if action.ref in known}
        self._waits[bot_id] = waits
        kept: list[Action] = []
        failed: list[Outcome] = []
        unmade: set[Ref] = set()
        for action in plan:
            wait = waits.get(action.ref)
            if wait is not None and action.acts and self._holds(wait, action):
                wait.outcome = replace(wait.outcome, action=action)
                failed.append(wait.outcome)
                action = replace(action, skipped=WAITS)
                unmade |= set() if wait.outcome.there else {action.ref}
            elif action.acts and (missing := sorted(action.needs & unmade)):
                action = replace(action, skipped=f"{NEEDS}{missing[0]}")
                unmade.add(action.ref)
            kept.append(action)
        return Plan(tuple(kept)), tuple(failed)

    def _holds(self, wait: _Wait, action: Action) -> bool:
        """True if this is what failed, or a part of it: what else differs now is tried at once."""
        failed = wait.outcome.action
        if wait.until - self._clock.monotonic() <= _SLACK or _spec(failed) != _spec(action):
            return False
        if wait.outcome.there and failed.operation in (Operation.CREATE, Operation.REPLACE):
            return True  # what it was made without
        again = all(change in failed.changes for change in action.changes)
        return again and failed.operation is action.operation

    def note(self, bot_id: str, outcomes: Iterable[Outcome]) -> Collection[str]:
        """Takes in what was tried; gives the other bots for which something is worth a try now.

        Those are the bots that wait for a tool service of which a tool was just found again.
        """
        waits, back = self._waits.setdefault(bot_id, {}), set[str]()
        delays: dict[int, float] = {}  # what failed together is tried again together
        for outcome in outcomes:
            ref = outcome.action.ref
            if outcome.result is Result.SUCCEEDED:
                back |= _brought(outcome.action, waited=waits.pop(ref, None) is not None)
            elif outcome.result is Result.FAILED and not outcome.gone:
                failures = waits[ref].failures + 1 if ref in waits else 1
                delay = delays.setdefault(failures, self._backoff.delay(failures))
                until = self._clock.monotonic() + max(delay, outcome.delay)
                waits[ref] = _Wait(outcome, failures, until)
        return self.found(back)

    def found(self, services: set[str]) -> Collection[str]:
        """The bots that wait for tools of these services: that is worth a try now."""
        freed = set()
        for bot_id, waits in self._waits.items() if services else ():
            for wait in waits.values():
                if _services(wait.outcome.action.desired) & services:
                    wait.free()
                    freed.add(bot_id)
        return sorted(freed)

    def next_try(self, bot_id: str) -> tuple[int, float] | None:
        """The most failures in a row, and the seconds until the first next try; None if none."""
        now = self._clock.monotonic()
        waits = [wait for wait in self._waits.get(bot_id, {}).values() if wait.until > now]
        if not waits:
            return None
        return max(w.failures for w in waits), min(wait.until for wait in waits) - now

    def release(self, bot_ids: Iterable[str] | None = None) -> None:
        """Lets everything of these bots be tried at once, of all bots with None."""
        for bot_id in self._waits if bot_ids is None else bot_ids:
            for wait in self._waits.get(bot_id, {}).values():
                wait.free()


def _spec(action: Action) -> object:
    return action.desired and action.desired.spec


def _brought(action: Action, *, waited: bool) -> set[str]:
    """The tool services that were surely not there before this action, and are now."""
    if action.ref.kind == "tool_service":
        return {action.ref.key}
    return _services(action.desired) if waited else set()


def _services(resource: Resource | None) -> set[str]:
    """The services of the tools that it names."""
    if resource is None:
        return set()
    spec = resource.spec
    tools = [*(spec.get("tools") or ()), *([spec["tool"]] if spec.get("tool") else ())]
    tools += [tool for state in spec.get("states") or () for tool in state.get("tools") or ()]
    return {
        service if colon else BUILT_IN for service, colon, _ in (t.partition(":") for t in tools)
    }
