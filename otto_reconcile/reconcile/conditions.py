"""Turns what a look at a bot came to into its status, in words. The loop calls it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from otto_reconcile.errors import OttoError, TemporaryError
from otto_reconcile.model.windows import CLOSED
from otto_reconcile.planning.plan import NEEDS, Action, Operation, Outcome, Result
from otto_reconcile.planning.redaction import MASKED
from otto_reconcile.reconcile.bot_plan import Planned
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.retries import WAITS
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.records.events import Source
from otto_reconcile.records.rollbacks import advice

MOST_FAILURES = 10
"""So many are told one by one; `actions` has them all."""


def bot_fields(result: BotResult, now: datetime) -> dict[str, Any]:
    """The fields of BotStatus that this look decides."""
    if result.planned is None:
        return _unseen(result.error)
    planned = result.planned
    fields = {
        **_identity(planned),
        "unmanaged": tuple(
            sorted(_reported(a) for a in planned.plan if a.operation is Operation.REPORT)
        ),
    }
    if any(outcome.result is Result.SUCCEEDED for outcome in result.outcomes):
        fields["last_change"] = now.isoformat(timespec="seconds")
    return {**fields, **_with_faults(_verdict(result, planned), planned.faults)}


def _reported(action: Action) -> str:
    """`guideline/x`, or of what others only added to: `metadata.key of guideline/x`."""
    added = [f"{c.field}.{key}" for c in action.changes for key in c.before]
    told = f"{action.ref.kind}/{action.shown_key}"
    return f"{', '.join(added)} of {told}" if added else told


def _unseen(error: OttoError | None) -> dict[str, Any]:
    temporary = isinstance(error, TemporaryError)
    health = Health.UNKNOWN if temporary else Health.DEGRADED
    return {"sync": Sync.UNKNOWN, "health": health, "message": error and error.message}


def _commit(source: Source) -> dict[str, str] | None:
    if source.commit is None:
        return None
    told = {
        "id": source.commit,
        "author": source.author,
        "subject": source.subject,
        "time": source.committed,
    }
    return {name: value for name, value in told.items() if value is not None}


def _identity(planned: Planned) -> dict[str, Any]:
    wanted = planned.wanted
    if wanted is None:
        gone = dict.fromkeys(("revision", "digest", "source", "root", "commit"))
        return {**gone, "guidelines": 0, "journeys": 0}
    return {
        "name": MASKED if "name" in wanted.bot.masked else wanted.bot.name,
        "revision": wanted.revision,
        "digest": wanted.bot.digest(),
        "source": wanted.source.path or wanted.source.kind,
        "root": wanted.source.root,
        "commit": _commit(wanted.source),
        "labels": dict(wanted.bot.labels),
        "guidelines": len(wanted.bot.guidelines),
        "journeys": len(wanted.bot.journeys),
    }


def _verdict(result: BotResult, planned: Planned) -> dict[str, Any]:
    """Sync and health, with every reason that there is: none hides another."""
    actions = [a for a in planned.plan if a.operation not in (Operation.REPORT, Operation.FORGET)]
    cause = str(actions[0].cause) if actions else None
    if planned.left_alone is not None:
        sync = Sync.OUT_OF_SYNC if actions else Sync.SYNCED
        return _words(sync, Health.SUSPENDED, cause, planned.left_alone)
    skipped = [action for action in planned.plan.skipped if action.skipped != WAITS]
    wanted = planned.wanted
    rolled_back = advice(wanted.source) if wanted is not None else None
    untouched = bool(planned.plan.acting) and not result.outcomes
    reasons = [
        _failed(result.failures) if result.failures else None,
        f"held back: {_held(skipped)}" if skipped else None,
        (result.held or "waiting: another daemon leads") if untouched else None,
        result.lacking,
        rolled_back,
    ]
    message = "; ".join(reason for reason in reasons if reason) or None
    health = _health(result, planned, skipped)
    if result.failures or skipped or untouched:
        return _words(Sync.OUT_OF_SYNC, health, cause, message)
    return _words(Sync.SYNCED, health, None, message)


def _health(result: BotResult, planned: Planned, skipped: Sequence[Action]) -> Health:
    """Healthy only if all that is wanted is in force; what waits, or a deletion, is no harm."""
    unmade = any(
        action.operation is not Operation.DELETE and not str(action.skipped).startswith(CLOSED)
        for action in skipped
    )
    if result.failures:
        return Health.DEGRADED
    if not planned.present and not result.outcomes and len(planned.plan):
        return Health.MISSING
    return Health.DEGRADED if unmade or result.lacking is not None else Health.HEALTHY


def _with_faults(verdict: dict[str, Any], faults: Sequence[str]) -> dict[str, Any]:
    """A bot whose desired state is at fault is Degraded, whatever the target has of it."""
    if not faults:
        return verdict
    held = verdict["message"] or ""  # which may have some of them as its reasons
    message = "; ".join(
        [*(fault for fault in faults if fault not in held), *([held] if held else [])]
    )
    return _words(Sync.OUT_OF_SYNC, Health.DEGRADED, verdict["cause"], message)


def _failed(failures: Sequence[Outcome]) -> str:
    """What failed by itself, before what was not tried for it; of that, three at most."""
    failed = [o for o in failures if o.result is Result.FAILED][:MOST_FAILURES]
    untried = [o for o in failures if o.result is not Result.FAILED]
    shown = [*failed, *untried][: max(3, len(failed))]
    told = [_failure(outcome) for outcome in shown]
    more = [f"and {len(failures) - len(shown)} more"] if len(failures) > len(shown) else []
    return "; ".join([*told, *more])


def _held(skipped: Sequence[Action]) -> str:
    """Each reason once, with the first that it is given for; what follows from others is last."""
    groups: dict[str, list[Action]] = {}
    for action in skipped:
        groups.setdefault(str(action.skipped), []).append(action)
    told = []
    for reason in sorted(groups, key=lambda reason: reason.startswith(NEEDS)):
        first, *others = groups[reason]
        more = f" and {len(others)} more" if others else ""
        told.append(f"{phrase(first)}{more}: {reason}")
    return "; ".join(told)


def _words(sync: Sync, health: Health, cause: str | None, message: str | None) -> dict[str, Any]:
    return {"sync": sync, "health": health, "cause": cause, "message": message}


def _failure(outcome: Outcome) -> str:
    return f"{phrase(outcome.action)}: {outcome.error}"


def phrase(action: Action) -> str:
    """`create guideline order-desk.greet`"""
    return f"{action.operation} {action.ref.kind} {action.ref.key}"
