"""Parts with another id: one change for people; a target has the new one before the old goes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from otto_reconcile.diff import Policy, plan
from otto_reconcile.model import Bot, Guideline, Journey, Ref, Relationship, snapshot_of
from otto_reconcile.model.bot import RENAMED, Masked
from otto_reconcile.model.evaluation import questions_of
from otto_reconcile.model.former import Renamed, as_data, carried, successors
from otto_reconcile.model.states import State, Transition
from otto_reconcile.planning.plan import Operation
from otto_reconcile.planning.revisions import compare
from otto_reconcile.records.blame import blame
from otto_reconcile.records.events import Event, EventType, Source
from tests.diff.bots import bots

OLD, NEW = Ref("guideline", "desk.greet"), Ref("guideline", "desk.hello")


def desk(
    greet: str = "greet",
    journey: str = "return",
    ask: str = "ask",
    renamed: tuple[tuple[str, str, str], ...] = (),
    **more: Any,
) -> Bot:
    """A bot whose parts have these ids; `renamed` has kind, id and former id of some."""
    states = [
        State(id=ask, chat="Which one?", next=[Transition(to="thank")]),
        State(id="thank", chat="Thank you", next=[Transition(to=ask, when="again")]),
    ]
    ends = {"source": f"guideline:desk.{greet}", "target": f"journey:desk.{journey}"}
    told = [{"kind": kind, "id": name, "from": former} for kind, name, former in renamed]
    parts: dict[str, Any] = {
        "guidelines": [
            Guideline(id=f"desk.{greet}", condition="They say hello", action="Greet back"),
            Guideline(id="desk.bye", condition="They leave", action="Say goodbye"),
        ],
        "journeys": [
            Journey(
                id=f"desk.{journey}",
                title="Return",
                description="",
                conditions=["x"],
                states=states,
            )
        ],
        "relationships": [Relationship(kind="dependency", **ends)],
        "annotations": {RENAMED: told} if told else {},
    }
    return Bot(id="desk", name="Desk", **{**parts, **more})


HELLO = ("guideline", "desk.hello", "greet")
BACK = ("guideline", "desk.greet", "hello")
GIVE = ("journey", "desk.give-back", "return")
WHICH = ("state", "desk.return/which", "ask")


def told(*bots: Bot) -> list[tuple[str, str, str | None, list[str]]]:
    first, *between, last = bots
    return [
        (str(piece.operation), piece.id, piece.former, [change.field for change in piece.changes])
        for piece in compare(first, last, between)
    ]


def test_a_renamed_guideline_is_one_change() -> None:
    after = desk("hello", renamed=(HELLO,))
    assert told(desk(), after) == [("update", "desk.hello", "desk.greet", [])]
    assert told(after, desk()) == [("update", "desk.greet", "desk.hello", [])]
    first = after.guidelines[0].model_copy(update={"action": "Wave"})
    changed = after.model_copy(update={"guidelines": [first, after.guidelines[1]]})
    assert told(desk(), changed) == [("update", "desk.hello", "desk.greet", ["action"])]


def test_without_being_said_it_is_a_loss_and_a_new_one() -> None:
    found = [one[:3] for one in told(desk(), desk("hello"))]
    assert ("delete", "desk.greet", None) in found
    assert ("create", "desk.hello", None) in found


def test_journeys_and_states_are_followed() -> None:
    given = desk(journey="give-back", renamed=(GIVE,))
    assert told(desk(), given) == [("update", "desk.give-back", "desk.return", [])]
    asked = desk(ask="which", renamed=(WHICH,))
    assert told(desk(), asked) == [("update", "desk.return/which", "desk.return/ask", [])]
    both = desk(
        journey="give-back", ask="which", renamed=(GIVE, ("state", "desk.give-back/which", "ask"))
    )
    assert told(desk(), both) == [
        ("update", "desk.give-back", "desk.return", []),
        ("update", "desk.give-back/which", "desk.return/ask", []),
    ]
    assert told(asked, both)[0] == ("update", "desk.give-back", "desk.return", [])


def test_a_rename_is_followed_through_the_revisions_between() -> None:
    one, two = (
        desk("hello", renamed=(HELLO,)),
        desk("hi", renamed=(("guideline", "desk.hi", "hello"),)),
    )
    bare = desk("hi")
    assert told(desk(), one, two) == [("update", "desk.hi", "desk.greet", [])]
    assert told(two, one, desk()) == [("update", "desk.greet", "desk.hi", [])]
    assert told(desk(), one, two, bare)[-1] == ("update", "desk.hi", "desk.greet", [])


def test_what_came_back_to_what_it_was_is_no_difference() -> None:
    """Whatever was said of it meanwhile."""
    one, back = (
        desk("hello", renamed=(HELLO,)),
        desk(renamed=(("guideline", "desk.greet", "hello"),)),
    )
    other = desk("bye-bye", renamed=(("guideline", "desk.bye-bye", "greet"),))
    states = desk(ask="which", renamed=(WHICH,))
    for between in ([one], [one, back], [one, back, other], [states], [one, states, back, one]):
        assert told(desk(), *between, desk()) == []
        assert told(back, *reversed(between), back) == []
    assert told(desk(), one, back) == []


def test_a_former_id_is_told_as_the_revisions_say_it() -> None:
    one, back = (
        desk("hello", renamed=(HELLO,)),
        desk(renamed=(("guideline", "desk.greet", "hello"),)),
    )
    merged = desk(
        "bye",
        renamed=(("guideline", "desk.bye", "greet"),),
        guidelines=[Guideline(id="desk.bye", condition="They leave", action="Say goodbye")],
        relationships=[],
    )
    (piece,) = [one for one in compare(desk(), merged, [one, back]) if one.kind == "bot"]
    (change,) = piece.changes
    assert (change.field, change.before) == ("renamedFrom", None)


def test_what_is_said_and_moves_nothing_is_a_difference() -> None:
    """The digest has it, so it must not be silent."""
    unknown = desk(renamed=(("guideline", "desk.greet", "never-was"),))
    assert told(desk(), unknown) == [("update", "desk", None, ["renamedFrom"])]
    assert told(desk("hello", renamed=(HELLO,)), desk("hello")) == [
        ("update", "desk", None, ["renamedFrom"])
    ]


def test_a_secret_stays_masked_under_the_new_id() -> None:
    masked = {"guidelines/desk.greet/action": Masked(template="${KEY}", variables=["KEY"])}
    before = desk(masked=masked)
    after = desk("hello", renamed=(HELLO,), guidelines=[Guideline(id="desk.hello", condition="c")])
    found = [one for one in compare(before, after) if one.id == "desk.hello"]
    assert [(c.field, c.masked) for c in found[0].changes] == [
        ("action", True),
        ("condition", False),
    ]


def test_an_annotation_of_others_breaks_nothing() -> None:
    for odd in ("soon", [1], [{"kind": "guideline"}], {"a": "b"}, [None]):
        after = desk("hello", annotations={RENAMED: odd})
        assert ("delete", "desk.greet") in [(one[0], one[1]) for one in told(desk(), after)]
        assert carried(after, after) == after


def events(*bots: Bot | None) -> list[Event]:
    return [
        Event(
            bot_id="desk",
            revision=number,
            type=EventType.UPDATED,
            time=datetime(2030, 1, number, tzinfo=UTC),
            actor="ann",
            source=Source("cli"),
            declaration=one,
            digest=one.digest() if one else "",
        )
        for number, one in enumerate(bots, 1)
    ]


def blamed(*bots: Bot | None) -> dict[str, int]:
    return {one.id: one.event.revision for one in blame(events(*bots)) if one.field is None}


def test_blame_follows_to_the_text() -> None:
    renamed = desk(
        "hello", "give-back", "which", (HELLO, GIVE, ("state", "desk.give-back/which", "ask"))
    )
    found = blamed(desk(), renamed, renamed)
    assert set(found.values()) == {1}
    assert {"desk.hello", "desk.give-back", "desk.give-back/which"} <= found.keys()
    assert set(blamed(desk(), renamed, desk()).values()) == {1}  # and back, as a rollback does
    fields = {one.field for one in blame(events(desk(), renamed))}
    assert "renamedFrom" not in fields
    other = renamed.guidelines[0].model_copy(update={"action": "Wave"})
    later = renamed.model_copy(update={"guidelines": [other, renamed.guidelines[1]]})
    assert blamed(desk(), renamed, later)["desk.hello"] == 3
    assert blamed(desk(), later)["desk.hello"] == 2
    assert blamed(desk(), desk("hello"))["desk.hello"] == 2
    assert set(blamed(desk(), None, renamed).values()) == {3}


def test_the_new_one_is_made_before_the_former_goes() -> None:
    had, bot = snapshot_of(desk()), desk("hello", "give-back", renamed=(HELLO, GIVE))
    want = snapshot_of(bot)
    moving = successors(bot, had, want)
    assert moving == {
        OLD: NEW,
        Ref("journey", "desk.return"): Ref("journey", "desk.give-back"),
    }
    found = plan(want, had, had, Policy(successors=moving))
    steps = [(action.operation, action.ref) for action in found]
    for old, new in moving.items():
        assert steps.index((Operation.CREATE, new)) < steps.index((Operation.DELETE, old))
        (gone,) = (action for action in found if action.ref == old)
        assert new in gone.needs


def test_it_stays_while_the_new_one_cannot_be_made() -> None:
    had, bot = snapshot_of(desk()), desk("hello", renamed=(HELLO,))
    want = snapshot_of(bot)
    policy = Policy(successors=successors(bot, had, want), unable={NEW: "no such tool"})
    found = plan(want, had, had, policy)
    skipped = {action.ref: action.skipped for action in found}
    assert (skipped[NEW], skipped[OLD]) == ("no such tool", f"it needs {NEW}")


def test_nothing_is_evaluated_again() -> None:
    renamed = desk(
        "hello", "give-back", "which", (HELLO, GIVE, ("state", "desk.give-back/which", "ask"))
    )
    keys = [
        sorted(q.key for resource in snapshot_of(bot).values() for q in questions_of(resource))
        for bot in (desk(), renamed)
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 5


@given(bots(), st.randoms(use_true_random=False))
def test_any_parts_may_be_renamed_and_back(bot: Bot, chance: Random) -> None:
    """As one step: nothing but renames differs; to undo them is the same the other way."""
    names = {p.id: p.id.replace(".", ".new-") for p in (*bot.guidelines, *bot.journeys)}
    names = {old: new for old, new in names.items() if chance.random() < 0.7}
    kinds = {"guideline": bot.guidelines, "journey": bot.journeys}
    annotation = as_data(
        Renamed(kind, names[part.id], part.id)
        for kind, parts in kinds.items()
        for part in parts
        if part.id in names
    )
    text = json.dumps(bot.to_document())
    for old, new in names.items():
        text = re.sub(rf'\b{re.escape(old)}(?=["/])', new, text)
    said = {"annotations": {RENAMED: annotation} if annotation else {}}
    after = Bot.from_document({**json.loads(text), **said})
    for before, later in ((bot, after), (after, bot)):
        found = compare(before, later)
        assert {one.operation for one in found} <= {Operation.UPDATE}
        assert all(one.former and not one.changes for one in found)
        assert len(found) == len(names)
        assert not compare(later, later)
