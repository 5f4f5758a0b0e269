"""What a person reads of a bot after a look. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from otto_reconcile.model import Ref, Snapshot, make
from otto_reconcile.planning.plan import Action, Cause, Operation, Outcome, Plan, Result
from otto_reconcile.reconcile import heartbeat
from otto_reconcile.reconcile.bot_plan import Planned
from otto_reconcile.reconcile.conditions import bot_fields
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.retries import WAITS
from otto_reconcile.reconcile.status import BotStatus, Connection, Health, Status, StatusBoard, Sync
from otto_reconcile.reconcile.summary import summary
from otto_reconcile.runtime.clock import SystemClock
from tests.reconcile.fakes import Silent


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


def held(kind: str, operation: Operation, why: str) -> Action:
    ref = Ref(kind, f"desk.{kind}")
    return Action(operation, ref, "desk", Cause.PENDING_CHANGE, skipped=why)


def there(*actions: Action) -> Planned:
    """A bot whose agent is on the target."""
    agent, nothing = make("agent", "desk", "desk", {}), Snapshot()
    return Planned("desk", None, nothing, Snapshot([agent]), nothing, Plan(actions))


def test_failure_hides_neither_what_is_held_nor_a_missing_tool() -> None:
    failed = outcome("desk.greet", Result.FAILED, "no tool t")
    journey = held("journey", Operation.CREATE, "no states here")
    planned = there(replace(failed.action, skipped=WAITS), journey)
    result = BotResult("desk", planned, waiting=(failed,), lacking="the tool u is not there")
    fields = bot_fields(result, datetime.now(UTC))
    assert fields["health"] is Health.DEGRADED
    assert fields["message"] == (
        "create guideline desk.greet: no tool t; "
        "held back: create journey desk.journey: no states here; the tool u is not there"
    )


@pytest.mark.parametrize(
    ("operation", "health"),
    [
        (Operation.CREATE, Health.DEGRADED),
        (Operation.UPDATE, Health.DEGRADED),
        (Operation.DELETE, Health.HEALTHY),
    ],
)
def test_a_bot_without_a_part_is_not_healthy(operation: Operation, health: Health) -> None:
    planned = there(held("journey", operation, "no"))
    fields = bot_fields(BotResult("desk", planned), datetime.now(UTC))
    assert (fields["sync"], fields["health"]) == (Sync.OUT_OF_SYNC, health)


def test_a_heartbeat_is_measured_whatever_the_clock_was_set_to() -> None:
    now = heartbeat.beat()
    for time in ("1970-01-01T00:00:00+00:00", "2200-01-01T00:00:00+00:00"):
        quiet = heartbeat.silence({**now, "time": time})
        assert quiet is not None
        assert quiet < heartbeat.STALE
        rebooted = heartbeat.silence({**now, "boot": "another", "time": time})
        assert rebooted is not None
        assert rebooted > heartbeat.STALE
    assert (heartbeat.silence({**now, "uptime": now["uptime"] - 60}) or 0) > 59
    assert heartbeat.silence("damaged") is None


def test_a_target_that_goes_is_told_of_every_bot() -> None:
    reporter = Reporter(StatusBoard(None), SystemClock(), Silent())
    for bot_id in ("desk", "depot"):
        reporter.board.set_bot(bot_id, sync=Sync.SYNCED, health=Health.HEALTHY)
    reporter.target("Unavailable", "nobody answers")
    for bot in reporter.board.status.bots.values():
        assert (bot.sync, bot.health) == (Sync.UNKNOWN, Health.UNKNOWN)
        assert bot.message == "target unavailable: nobody answers"


def test_summary_says_why_something_is_away_and_what_waits() -> None:
    status = Status(store=Connection("MongoDB", "Unavailable", None, "nobody answers"))
    status.bots = {"desk": BotStatus("desk"), "depot": BotStatus("depot", message="not yet")}
    lines = summary(status, "http://here", 1.0, answers=True, unsaved=2).splitlines()
    assert "  store  MongoDB (Unavailable: nobody answers)" in lines
    assert "  outbox: 2 changes wait to be saved in the store" in lines
    assert {"  desk: Unknown, Unknown", "  depot: Unknown, Unknown: not yet"} <= set(lines)


def test_summary_during_a_restore_names_no_bot_that_is_to_come() -> None:
    status = Status(restore={"done": 1, "of": 30, "seconds_left": 9})
    status.bots = {"desk": BotStatus("desk"), "depot": BotStatus("depot", sync=Sync.SYNCED)}
    lines = summary(status, "http://here", 10.0, answers=True).splitlines()
    assert "  restore 1 of 30 bots, about 9 s left; a bot that is written to comes first" in lines
    assert not any("desk" in line for line in lines)
    assert lines[0].endswith("1 of 2 bots Synced")
