"""What still holds is said again in growing distances, and nothing is said that is not so."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.model import Ref
from otto_reconcile.planning.plan import Action, Cause, Operation, Outcome, Result
from otto_reconcile.reconcile.reminders import Reminders, span
from otto_reconcile.reconcile.reporter import CONNECTED, Reporter
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.settings import actor
from otto_reconcile.store.memory import MemoryStore
from tests.reconcile.fakes import FastClock, Heard, Setting, bot

HALF_AN_HOUR, STEP = 1800, 30


def heard_over(seconds: int, tell: Callable[[Reporter], None]) -> list[tuple[str, dict[str, Any]]]:
    """What a log says while something is told every half minute."""
    clock, heard = FastClock(speed=1), Heard()
    reporter = Reporter(StatusBoard(None), clock, heard)
    for _ in range(0, seconds, STEP):
        tell(reporter)
        clock.ahead += STEP
    return heard.warnings


def test_reminders_come_in_growing_distances() -> None:
    clock = FastClock(speed=1)
    reminders = Reminders(clock)
    told = []
    for minute in range(24 * 60):
        if reminders.due("key", "what") is not None:
            told.append(minute)
        clock.ahead += 60
    assert told == [0, 5, 15, 35, 75, 155, 315, 635, 1275]
    assert reminders.due("key", "another") == 0.0
    assert reminders.over("key")
    assert not reminders.over("key")
    assert reminders.due("key", "what") == 0.0
    assert [span(s) for s in (300, 7140, 7200, 90000, 200000)] == [
        "5 min", "119 min", "2 h", "25 h", "2 d",
    ]  # fmt: skip


def test_a_failure_that_lasts_is_said_again() -> None:
    action = Action(Operation.UPDATE, Ref("guideline", "desk.g"), "desk", Cause.PENDING_CHANGE)
    outcome = Outcome(action, Result.FAILED, "a tool is not there (yet): look_up")

    def tell(reporter: Reporter) -> None:
        reporter.outcome("run", outcome)
        reporter._repeats.settle("desk", [outcome])

    said = heard_over(HALF_AN_HOUR, tell)
    assert [fields.get("lasts") for _, fields in said] == [None, "5 min", "15 min"]
    assert {event for event, _ in said} == {"update failed"}


def test_a_tool_that_is_gone_is_said_and_said_again() -> None:
    gone = BotResult("desk", lacking="a tool is not there (yet): look_up")
    said = heard_over(HALF_AN_HOUR, lambda reporter: reporter.bot(gone, 0, None))
    assert [fields.get("lasts") for _, fields in said] == [None, "5 min", "15 min"]
    assert {event for event, _ in said} == {"a tool is not there (yet): look_up"}


def test_a_store_that_stays_away_is_said_again() -> None:
    error = StoreUnavailable("refused")
    said = heard_over(HALF_AN_HOUR, lambda reporter: reporter.store(error))
    assert [event for event, _ in said] == ["store unavailable", *["store still unavailable"] * 2]


def test_ready_is_said_once_store_and_target_answer() -> None:
    class All(Heard):
        def info(self, event: str, /, **fields: Any) -> None:
            self.warnings.append((event, fields))

    heard = All()
    reporter = Reporter(StatusBoard(None), FastClock(speed=1), heard)
    reporter.ready("http://there")
    assert heard.warnings == [("the port is open", {"url": "http://there"})]
    reporter.store(StoreUnavailable("refused"))
    reporter.ready("http://there")
    assert heard.warnings[-1][0].startswith("running, but not ready")
    reporter.target(CONNECTED)
    assert [event for event, _ in heard.warnings if event == "ready"] == []
    reporter.store(None)
    assert [event for event, _ in heard.warnings if event == "ready"] == ["ready"]
    reporter.ready("http://there")
    assert len([event for event, _ in heard.warnings if event == "ready"]) == 2


def test_no_port_of_a_parlant_elsewhere_is_said_to_be_open() -> None:
    said: list[str] = []

    class All(Heard):
        def info(self, event: str, /, **fields: Any) -> None:
            said.append(event)

    reporter = Reporter(StatusBoard(None), FastClock(speed=1), All())
    reporter.of("http://there", "a store")
    reporter.ready("http://there")
    assert said == ["running, the target has not answered yet"]


async def test_what_was_there_is_not_called_restored() -> None:
    setting = Setting()
    setting.want(bot("desk"), bot("shop"))
    await setting.loop.restore()
    restore = setting.reporter.board.status.restore
    assert restore is not None
    assert (restore["restored"], restore["there"], restore["bots"]) == (2, 0, 2)
    later = Setting()  # another store, on a target that has everything
    later.want(bot("desk"), bot("shop"))
    later.port.held.update(setting.port.held)
    await later.loop.restore()
    restore = later.reporter.board.status.restore
    assert restore is not None
    assert (restore["restored"], restore["there"], restore["bots"]) == (0, 2, 2)


async def test_the_last_change_outlives_the_process() -> None:
    setting = Setting(interval=3600.0)
    setting.want(bot("desk"))
    await setting.loop.restore()
    before = setting.reporter.board.status.bots["desk"].last_change
    assert before is not None
    setting.reporter.board.keep_only([])  # another process knows of none
    await setting.loop.reconcile_now("desk")
    after = setting.reporter.board.status.bots["desk"].last_change
    assert after is not None
    assert after[:16] == before[:16]


def test_an_evaluation_is_no_change() -> None:
    audit = Audit(MemoryStore())
    for number, operation in enumerate(("update", "evaluate")):
        audit.conclude(
            [
                Record(
                    f"a{number}", "run", "fake", "desk", "guideline", "g", operation, "Drifted",
                    (), 1, datetime(2030, 1, 1 + number, tzinfo=UTC), 2.0, "succeeded",
                )
            ]
        )  # fmt: skip
    assert audit.last_change("desk", "fake") == datetime(2030, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert audit.last_change("desk", "other") is None


def test_an_actor_has_the_name_that_the_system_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    host = socket.gethostname()
    assert actor({"USER": "ann"}) == f"ann@{host}"
    assert actor({}) == f"{pwd.getpwuid(os.geteuid()).pw_name}@{host}"
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    assert actor({}) == f"uid-4000000@{host}"
