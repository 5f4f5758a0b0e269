"""A report of many bots: what counts as a difference, and its forms for people and programs."""

from __future__ import annotations

import json

from otto_reconcile.model import Ref, make
from otto_reconcile.planning.plan import Action, Cause, Change, Operation, Plan
from otto_reconcile.render.data import to_json
from otto_reconcile.render.plans import GROUPS, document, summary_line, text_lines
from otto_reconcile.render.reports import BotPlan, Report


def action(operation: Operation, key: str = "desk.a", **fields: object) -> Action:
    cause = Cause.UNMANAGED if operation is Operation.REPORT else Cause.DRIFTED
    return Action(operation, Ref("guideline", key), "desk", cause, **fields)  # type: ignore[arg-type]


def report(*actions: Action, **fields: object) -> Report:
    return Report([BotPlan("desk", Plan(actions))], **fields)  # type: ignore[arg-type]


def text(found: Report) -> str:
    return "\n".join(line.text for line in text_lines(found))


def test_what_is_a_difference() -> None:
    assert not report().differs
    assert not report(action(Operation.REPORT)).differs
    assert not report(action(Operation.FORGET)).differs
    assert report(action(Operation.CREATE)).differs
    assert report(action(Operation.DELETE, skipped="suspended")).differs
    assert report(imported={"update": ["desk"]}).differs
    assert not report(imported={"update": []}).differs


def test_what_is_forgotten_is_nobodys_concern() -> None:
    assert text(report(action(Operation.FORGET))) == "no difference"


def test_the_summary_counts_each_kind_of_thing() -> None:
    actions = [
        action(Operation.CREATE),
        action(Operation.UPDATE),
        action(Operation.UPDATE),
        action(Operation.REPLACE),
        action(Operation.DELETE),
        action(Operation.DELETE, skipped="guarded"),
        action(Operation.REPORT),
    ]
    assert summary_line(report(*actions)) == (
        "1 to create, 2 to change, 1 to replace, 1 to delete, 1 held back, 1 unmanaged"
    )
    made = document(report(*actions))
    assert {group: len(made["changes"][group]) for group in GROUPS} == {
        group: made["summary"][group] for group in GROUPS
    }
    assert made["summary"]["total"] == 6


def test_bots_that_cannot_be_compared_are_errors_of_their_own() -> None:
    found = Report(
        [BotPlan("a", error="no answer"), BotPlan("b", Plan((action(Operation.CREATE),)))]
    )
    assert text(found).splitlines() == [
        "a (not compared: no answer)",
        "b (Drifted)",
        "  + create guideline desk.a",
        "1 to create, 1 not compared",
    ]
    assert document(found)["errors"] == ["a: no answer"]


def test_an_import_that_only_changes_the_desired_state() -> None:
    found = report(imported={"update": ["desk"]})
    assert text(found) == "import: update desk\nnothing to do on the target"
    assert document(found)["import"] == {"update": ["desk"]}


def test_others_text_cannot_break_out() -> None:
    there = make("guideline", "x", "desk", {"condition": "a ```\n\x1b[2J" + "y" * 200})
    hostile = action(Operation.REPORT, "\x1b[2Jx", observed=there)
    assert "\x1b" not in text(report(hostile))


def test_documents_have_no_secrets() -> None:
    change = Change("action", "s3cret-1", "s3cret-2", masked=True)
    made = to_json(document(report(action(Operation.UPDATE, changes=(change,)))))
    assert "s3cret" not in made
    (entry,) = json.loads(made)["changes"]["updating"]
    assert entry["changes"] == [
        {"field": "action", "before": "(masked)", "after": "(masked, changed)"}
    ]
