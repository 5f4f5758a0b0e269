"""Carries out a plan: the only place that changes Parlant.

Actions run one after the other in the plan's order. A failed action never stops its siblings, only
what needs it; a target that is gone stops the rest, which is then reported as not tried.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from otto_reconcile.errors import Incomplete, NotOurs, OttoError, TargetUnavailable, TemporaryError
from otto_reconcile.model import Ref, Resource
from otto_reconcile.planning.plan import Action, Operation, Outcome, Plan, Result
from otto_reconcile.planning.redaction import scrub, texts
from otto_reconcile.port.base import Port
from otto_reconcile.runtime.fencing import LOST, fenced

OnOutcome = Callable[[Outcome], None]
LEADS_NO_MORE = f"not tried: {LOST}"


async def apply(
    plan: Plan,
    port: Port,
    *,
    fresh: bool = False,
    on_outcome: OnOutcome = lambda outcome: None,
    leading: Callable[[], bool] = lambda: True,
) -> list[Outcome]:
    """One Outcome for each action that acts, in order; `on_outcome` hears of each as it comes.

    `fresh` says that what is to be created was surely absent a moment ago. `leading` is asked
    before every action and, by the port, before every call of one: a process that was stopped for a
    while must not go on.
    """
    outcomes: list[Outcome] = []
    lost: set[Ref] = set()
    gone: TargetUnavailable | None = None
    for action in plan.acting:
        if gone is not None:
            outcome = replace(_not_tried(action, f"not tried: {gone.message}"), gone=True)
        elif not leading():
            outcome = _not_tried(action, LEADS_NO_MORE)
        elif missing := sorted(str(ref) for ref in action.needs & lost):
            outcome = _not_tried(action, f"not tried: it needs {missing[0]}")
        else:
            with fenced(leading):
                outcome, gone = await _attempt(action, port, fresh)
        if outcome.result is not Result.SUCCEEDED and not outcome.there:
            lost.add(action.ref)
        on_outcome(outcome)
        outcomes.append(outcome)
    return outcomes


async def _attempt(
    action: Action, port: Port, fresh: bool
) -> tuple[Outcome, TargetUnavailable | None]:
    """The outcome, and the error if the target is gone altogether."""
    started = time.perf_counter()
    gone = None
    try:
        made = await _EXECUTORS[action.operation](action, port, fresh)
    except OttoError as error:
        if isinstance(error, TargetUnavailable) and not await _answers(port):
            gone = error
        outcome = Outcome(
            action,
            Result.FAILED,
            error=_safe(error.message, action),
            temporary=isinstance(error, TemporaryError),
            there=isinstance(error, Incomplete),
            gone=gone is not None,
            foreign=isinstance(error, NotOurs),
            delay=getattr(error, "delay", 0.0),
        )
    else:
        outcome = Outcome(action, Result.SUCCEEDED, made=made)
    return replace(outcome, duration=time.perf_counter() - started), gone


def _safe(message: str, action: Action) -> str:
    """Without the secrets that the action carries, should the target have echoed them."""
    secrets = [
        text
        for resource in (action.desired, action.observed)
        if resource is not None
        for name in (action.desired.masked if action.desired is not None else resource.masked)
        for text in texts(resource.spec.get(name))
    ]
    return scrub(message, secrets)


async def _answers(port: Port) -> bool:
    try:
        await port.health()
    except OttoError:
        return False
    return True


def _not_tried(action: Action, why: str) -> Outcome:
    return Outcome(action, Result.SKIPPED, error=why, temporary=True)


async def _create(action: Action, port: Port, fresh: bool) -> Resource | None:
    assert action.desired is not None
    return await port.create(action.desired, fresh=fresh, claimed=action.claimed)


async def _update(action: Action, port: Port, fresh: bool) -> Resource | None:
    assert action.desired is not None
    assert action.observed is not None
    return await port.update(action.desired, action.changes, action.observed)


async def _replace(action: Action, port: Port, fresh: bool) -> Resource | None:
    assert action.desired is not None
    assert action.observed is not None
    await port.delete(action.observed)
    return await port.create(action.desired, fresh=False)


async def _delete(action: Action, port: Port, fresh: bool) -> Resource | None:
    assert action.observed is not None
    await port.delete(action.observed)
    return None


_EXECUTORS: dict[Operation, Callable[[Action, Port, bool], Awaitable[Resource | None]]] = {
    Operation.CREATE: _create,
    Operation.UPDATE: _update,
    Operation.REPLACE: _replace,
    Operation.DELETE: _delete,
}
