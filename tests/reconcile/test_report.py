"""What a person reads of a bot after a look. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from otto_reconcile.plan import Action, Cause, Operation, Outcome, Plan, Result
from otto_reconcile.reconcile.reconciler import BotResult
from otto_reconcile.reconcile.report import bot_fields
from otto_reconcile.reconcile.world import Planned
from otto_reconcile.resources import Ref, Snapshot


def outcome(key: str, result: Result, error: str) -> Outcome:
    action = Action(Operation.CREATE, Ref("guideline", key), "desk", Cause.PENDING_CHANGE)
    return Outcome(action, result, error)


def test_each_failure_is_told_before_what_was_not_tried_for_it() -> None:
    outcomes = (
        *(outcome(f"desk.w{n}", Result.SKIPPED, "not tried") for n in range(3)),
        *(outcome(f"desk.f{n}", Result.FAILED, f"no tool t{n}") for n in range(4)),
    )
    nothing = Snapshot()
    planned = Planned(
        "desk", None, nothing, nothing, nothing, Plan(tuple(o.action for o in outcomes))
    )
    message = bot_fields(BotResult("desk", planned, outcomes), datetime.now(UTC))["message"]
    assert message == "; ".join(
        [*(f"create guideline desk.f{n}: no tool t{n}" for n in range(4)), "and 3 more"]
    )
