"""What differs between two revisions: parts, states, own fields, order, secrets; and the laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from otto_reconcile.model import Bot
from otto_reconcile.model.bot import Guideline, Masked, Relationship, ToolService
from otto_reconcile.model.pieces import pieces_of
from otto_reconcile.model.shared import Glossary, SharedToolService, UsedBy
from otto_reconcile.model.states import Journey, State, Transition
from otto_reconcile.planning.plan import Operation
from otto_reconcile.planning.revisions import compare
from tests.diff.bots import bots
from tests.support.examples import examples


def guideline(name: str, condition: str = "c") -> Guideline:
    return Guideline(id=f"desk.{name}", condition=condition)


def desk(**more: Any) -> Bot:
    return Bot(
        id="desk", **{"name": "Desk", "guidelines": [guideline("a"), guideline("b")], **more}
    )


def journey(*states: State) -> Journey:
    return Journey(id="desk.j", title="J", description="", conditions=["x"], states=list(states))


def told(before: Any, after: Any) -> list[tuple[str, str, str, list[str]]]:
    return [
        (str(piece.operation), piece.kind, piece.id, [change.field for change in piece.changes])
        for piece in compare(before, after)
    ]


ONE = State(id="one", chat="1", next=[Transition(to="two")])
TWO = State(id="two", chat="2")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"name": "Shop"}, [("update", "bot", "desk", ["name"])]),
        ({"labels": {"team": "x"}}, [("update", "bot", "desk", ["labels"])]),
        ({"suspended": True}, []),
        (
            {"guidelines": [guideline("b", "d"), guideline("c")]},
            [
                ("delete", "guideline", "desk.a", ["condition"]),
                ("update", "guideline", "desk.b", ["condition"]),
                ("create", "guideline", "desk.c", ["condition"]),
            ],
        ),
        (
            {"guidelines": [guideline("b"), guideline("a")]},
            [("update", "bot", "desk", ["order of guidelines"])],
        ),
        (
            {
                "relationships": [
                    Relationship(kind="priority", source="guideline:desk.a", target="tag:x")
                ]
            },
            [("create", "relationship", "guideline:desk.a priority tag:x", [])],
        ),
    ],
)
def test_a_difference_of_a_bot(more: dict[str, Any], expected: list[Any]) -> None:
    assert told(desk(), desk(**more)) == expected


def test_states_are_told_one_by_one() -> None:
    before = desk(journeys=[journey(ONE, TWO)])
    after = desk(journeys=[journey(ONE.model_copy(update={"chat": "new"}), TWO)])
    assert told(before, after) == [("update", "state", "desk.j/one", ["chat"])]
    gone = desk(journeys=[journey(TWO)])
    assert told(before, gone) == [("delete", "state", "desk.j/one", ["chat", "next"])]


def test_a_secret_that_changed_is_masked_and_no_other_field() -> None:
    def with_key(value: str) -> SharedToolService:
        service = ToolService(name="shop", kind="sdk", url=f"http://x/{value}")
        masked = {"url": Masked(template="http://x/${KEY}", variables=["KEY"])}
        return SharedToolService(id="shop", service=service, masked=masked)

    (found,) = compare(with_key("one"), with_key("two"))
    assert (found.kind, found.id) == ("tool_service", "shop")
    assert [(c.field, c.masked) for c in found.changes] == [("url", True)]
    kind = with_key("one").model_copy(
        update={"service": ToolService(name="shop", kind="mcp", url="http://x/one")}
    )
    assert [(c.field, c.masked) for c in compare(with_key("one"), kind)[0].changes] == [
        ("kind", False)
    ]


def test_masks_of_a_part_hold_for_its_field_alone() -> None:
    masked = {"guidelines/desk.a/condition": Masked(template="${K}", variables=["K"])}
    pieces = pieces_of(desk(masked=masked))
    assert pieces["guideline", "desk.a"].masked == {"condition"}
    assert pieces["guideline", "desk.b"].masked == frozenset()


def test_a_glossary_is_compared_as_a_bot_is() -> None:
    words = Glossary(
        id="w", used_by=UsedBy(all=True), guidelines=[Guideline(id="a", condition="c")]
    )
    more = words.model_copy(update={"used_by": UsedBy(bots=["desk"]), "guidelines": []})
    assert told(words, more) == [
        ("update", "glossary", "w", ["used_by"]),
        ("delete", "guideline", "a", ["condition"]),
    ]


@given(bots(), bots())
@settings(max_examples=examples(100), deadline=None)
def test_laws_of_comparing(one: Bot, other: Bot) -> None:
    assert compare(one, one) == ()
    assert bool(compare(one, other)) == (one.digest() != other.digest())
    made, gone = compare(None, one), compare(one, None)
    assert {c.operation for c in made} == {Operation.CREATE}
    assert {c.operation for c in gone} == {Operation.DELETE}
    assert [(c.kind, c.id) for c in made] == [(c.kind, c.id) for c in gone]
    there, back = compare(one, other), compare(other, one)
    assert {(c.kind, c.id) for c in there} == {(c.kind, c.id) for c in back}
