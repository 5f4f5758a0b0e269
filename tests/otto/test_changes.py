"""A change to a bot in a chat: what it leaves out stays, whatever the chat was shown of the bot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otto_reconcile.errors import InvalidInput
from otto_reconcile.model import Bot, Guideline, Journey, Relationship, Term
from otto_reconcile.model.states import State
from otto_reconcile.otto import spec_codec
from otto_reconcile.otto.paging import PAGE, paged
from otto_reconcile.otto.patch import changed, told
from tests.otto.shop import spec


@pytest.fixture
def known() -> Bot:
    """With much that no specification can say."""
    bot = spec_codec.read(spec())
    greet = bot.guidelines[0].model_copy(update={"labels": ["first"], "priority": 7})
    term = Term(id="order-helper.rma", name="RMA", description="A number")
    update = {"guidelines": [greet, *bot.guidelines[1:]], "terms": [term], "tags": ["shop"]}
    return bot.model_copy(update=update)


def faults(known: Bot, change: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        changed(known, change)
    return {p["where"]: p["problem"] for p in spec_codec.problems(caught.value)}


def test_what_is_left_out_stays(known: Bot) -> None:
    assert changed(known, {}) == known
    assert changed(known, {"name": None, "guidelines": [], "relationships": []}) == known
    greet = {"key": "greet", "action": "Bow"}
    wave = {"condition": "The customer leaves", "action": "Wave"}
    bot = changed(known, {"tone": ["grave"], "guidelines": [greet, wave]})
    assert bot.description == (known.description or "").replace("Tone: friendly", "Tone: grave")
    assert [g.action for g in bot.guidelines] == ["Bow", "Give the telephone number", "Wave"]
    assert bot.guidelines[0] == known.guidelines[0].model_copy(update={"action": "Bow"})
    for name in ("journeys", "relationships", "terms", "tags", "name"):
        assert getattr(bot, name) == getattr(known, name)
    assert told(known, bot) == [
        'tone: ["friendly"] becomes ["grave"]',
        "changes the guideline: The customer greets",
        "adds the guideline: The customer leaves",
    ]


def test_only_what_is_named_is_taken_away(known: Bot) -> None:
    bot = changed(known, {"remove": ["person", "find an  order"]})
    assert [g.id for g in bot.guidelines] == ["order-helper.greet"]
    assert bot.journeys == []
    assert bot.relationships == []  # its other end is gone
    relationship = "guideline:order-helper.person priority guideline:order-helper.greet"
    assert sorted(told(known, bot)) == [
        "removes the guideline: The customer asks for a person",
        "removes the journey: Find an order",
        f"removes the relationship: {relationship}",
    ]
    tie = {"type": "priority", "source": "person", "target": "The customer greets"}
    bot = changed(known, {"remove_relationships": [tie]})
    assert bot == known.model_copy(update={"relationships": []})
    assert changed(bot, {"relationships": [tie]}) == known


def test_what_another_program_named_keeps_its_ids(known: Bot) -> None:
    ours = known.guidelines[0]
    theirs = Guideline(id="g-5", condition="Always", action="Smile", priority=3)
    journey = Journey(id="J_7", title="Elsewhere", description="Go", conditions=["They ask"])
    tie = Relationship(kind="overlap", source="guideline:g-5", target=f"guideline:{ours.id}")
    bot = known.model_copy(
        update={"guidelines": [ours, theirs], "journeys": [journey], "relationships": [tie]}
    )
    change: dict[str, Any] = {
        "guidelines": [{"condition": "always", "action": "Grin"}],
        "relationships": [{"type": "priority", "source": "always", "target": "Elsewhere"}],
    }
    after = changed(bot, change)
    assert after.guidelines == [
        ours, theirs.model_copy(update={"condition": "always", "action": "Grin"})
    ]  # fmt: skip
    assert after.journeys == [journey]
    added = Relationship(kind="priority", source="guideline:g-5", target="journey:J_7")
    assert after.relationships == [tie, added]
    assert changed(bot, spec_codec.written(bot)) == bot


def test_a_description_of_another_kind_stays_as_it_is(known: Bot) -> None:
    bot = known.model_copy(update={"description": "Free words.\n\nTwo paragraphs."})
    assert changed(bot, {"name": "New"}).description == bot.description


def test_faults_point_into_the_change(known: Bot) -> None:
    assert set(faults(known, {"guidelines": [{"key": "person", "criticality": "LOUD"}]})) == {
        "/guidelines/0/criticality"
    }
    for key in (7, ["greet"], {"greet": 1}):
        assert "/guidelines/0/key" in faults(known, {"guidelines": [{"key": key}]})
    assert "no guideline or journey 'persn'" in faults(known, {"remove": ["persn"]})["/remove/0"]
    both = {"remove": ["greet"], "guidelines": [{"key": "greet", "action": "Bow"}]}
    assert "given as well" in faults(known, both)["/remove/0"]
    tie = {"type": "PRIORITY", "source": "greet", "target": "person"}
    assert set(faults(known, {"remove_relationships": [tie]})) == {"/remove_relationships"}
    assert "circle" in faults(known, {"relationships": [tie]})["/relationships"]
    unknown = {"remove_relationships": [{**tie, "target": "nobody"}]}
    assert set(faults(known, unknown)) == {"/remove_relationships/0/target"}
    assert set(faults(known, {"id": "other"})) == {"/id"}
    assert set(faults(known, {"remove": "greet"})) == {"/remove"}
    assert set(faults(known, "[]")) == {"/"}
    assert set(faults(known, {"colour": "red"})) == {"/colour"}


def test_a_journey_that_another_goes_through_stays(known: Bot) -> None:
    sub = Journey(id="order-helper.sub", title="Sub", description="Ask", conditions=["They ask"])
    through = known.journeys[0].model_copy(update={"states": [State(id="on", journey=sub.id)]})
    bot = known.model_copy(update={"journeys": [through, sub]})
    assert "'Find an order' goes through it" in faults(bot, {"remove": ["Sub"]})["/remove/0"]
    assert changed(bot, {"journeys": [{"key": "find", "title": "Find it"}]}).journeys == [
        through.model_copy(update={"title": "Find it"}), sub
    ]  # fmt: skip


def test_a_cut_text_that_comes_back_is_refused(known: Bot) -> None:
    cut = f"The customer {spec_codec.cut_mark(120)}"
    assert set(faults(known, {"guidelines": [{"key": "greet", "action": cut}]})) == {
        "/guidelines/0/action"
    }
    with pytest.raises(InvalidInput, match="/purpose/1"):
        spec_codec.read(spec(purpose=["One", spec_codec.cut_mark(3)]))


def test_pages_have_everything_once_and_can_be_given_back() -> None:
    guidelines = [
        {"key": f"g{n}", "condition": f"The customer says {n} {'é' * 300}", "action": "Nod"}
        for n in range(40)
    ]
    bot = spec_codec.read(spec(guidelines=guidelines, relationships=[]))
    whole = spec_codec.written(bot)
    pages = paged(whole)
    assert len(pages) > 3
    assert paged(spec_codec.written(spec_codec.read(spec()))) == [
        spec_codec.written(spec_codec.read(spec()))
    ]
    for page in pages:
        assert len(json.dumps(page)) < PAGE + 500
        assert changed(bot, page) == bot
    shown = [g for page in pages for g in page.get("guidelines", [])]
    assert shown == whole["guidelines"]
    assert {name for page in pages for name in page} == whole.keys()


def test_a_bot_that_another_program_made_can_be_changed() -> None:
    """Its id, and those of its parts, are Parlant's own."""
    greet = Guideline(id="gq7Rt2_x", condition="The customer greets", action="Nod")
    bye = Guideline(id="Xy12AbC_d.bye", condition="The customer leaves", action="Wave")
    bot = Bot(id="Xy12AbC_d", name="Hexon", description="Tracks", guidelines=[greet, bye])
    assert changed(bot, spec_codec.written(bot)) == bot
    change = {
        "guidelines": [
            {"condition": "the customer greets", "action": "Bow"},
            {"key": "new", "condition": "They ask", "action": "Answer"},
        ],
        "relationships": [{"type": "PRIORITY", "source": "new", "target": "bye"}],
    }
    after = changed(bot, change)
    assert after.id == bot.id
    assert [(g.id, g.action) for g in after.guidelines] == [
        ("gq7Rt2_x", "Bow"),
        ("Xy12AbC_d.bye", "Wave"),
        ("Xy12AbC_d.new", "Answer"),
    ]
    assert after.relationships == [
        Relationship(
            kind="priority",
            source="guideline:Xy12AbC_d.new",
            target="guideline:Xy12AbC_d.bye",
        )
    ]
    assert [g.id for g in changed(after, {"remove": ["bye"]}).guidelines] == [
        "gq7Rt2_x", "Xy12AbC_d.new"
    ]  # fmt: skip
