"""What a person reads of a bot after a look. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from otto_reconcile.plan import Action, Cause, Operation, Outcome, Plan, Result
from otto_reconcile.reconcile.reconciler import BotResult
from otto_reconcile.reconcile.report import bot_fields
from otto_reconcile.reconcile.status import BotStatus, Connection, Status
from otto_reconcile.reconcile.summary import summary
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


def test_the_summary_says_why_what_is_away_is_away_and_what_waits_for_it() -> None:
    status = Status(store=Connection("MongoDB", "Unavailable", None, "nobody answers"))
    status.bots = {"desk": BotStatus("desk"), "depot": BotStatus("depot", message="not yet")}
    lines = summary(status, "http://here", 1.0, answers=True, unsaved=2).splitlines()
    assert "  store  MongoDB (Unavailable: nobody answers)" in lines
    assert "  journal: 2 changes wait to be saved in the store" in lines
    assert {"  desk: Unknown, Unknown", "  depot: Unknown, Unknown: not yet"} <= set(lines)
