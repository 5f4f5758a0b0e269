"""Single revisions, who changed what last, and which revision was on a target at a moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.desired import DesiredState, Event, Source
from otto_reconcile.errors import NotFound, PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.model.bot import Guideline, Term
from otto_reconcile.model.shared import Glossary, UsedBy
from otto_reconcile.records.answering import Standing, standing
from otto_reconcile.records.audit import Record
from otto_reconcile.records.blame import blame
from otto_reconcile.records.past import Past, told
from otto_reconcile.store.base import Store

MakeBot = Callable[..., Bot]
START = datetime(2030, 1, 1, tzinfo=UTC)
CLI = Source("cli")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def recorded(store: Store, bots: list[Bot | None], every: float = 10.0) -> None:
    """A revision of each, at 0 s, 10 s, ...; None deletes."""
    for number, bot in enumerate(bots):
        desired = DesiredState(store, lambda number=number: at(number * every))
        if bot is None:
            desired.delete("desk", source=CLI, actor="ann")
        else:
            desired.put(bot, source=CLI, actor=f"ann{number + 1}")


def test_a_revision_is_found_by_its_number(store: Store, make_bot: MakeBot) -> None:
    recorded(store, [make_bot(), make_bot(name="Two"), None])
    past = Past(store)
    assert past.names() == {"desk"}
    assert past.numbers("desk") == [1, 2, 3]
    assert past.event("desk", 2).declaration == make_bot(name="Two")
    assert past.newest("desk").declaration is None
    assert [event.actor for event in past.events("desk")] == ["ann1", "ann2", "ann"]
    with pytest.raises(NotFound) as none:
        past.event("desk", 9)
    assert none.value.with_hint == "bot 'desk' has no revision 9 (there are 1 to 3)"
    store.put("events", [{**past.event("desk", 1).to_document(), "type": "odd"}])
    with pytest.raises(PermanentError, match="revision 1 cannot be read: damaged: "):
        past.event("desk", 1)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([], "none"),
        ([1], "1"),
        ([1, 2], "1 and 2"),
        ([1, 2, 3], "1 to 3"),
        ([1, 3, 4], "1, 3 and 4"),
        (list(range(1, 60, 2)), "..., " + ", ".join(map(str, range(21, 58, 2))) + " and 59"),
    ],
)
def test_numbers_are_told(numbers: list[int], said: str) -> None:
    assert told(numbers) == said


def test_shared_documents_are_as_they_were_at_a_time(store: Store) -> None:
    def words(text: str) -> Glossary:
        term = Term(id="t", name="RMA", description=text)
        return Glossary(id="w", used_by=UsedBy(all=True), terms=[term])

    for number, text in enumerate(["one", "two"]):
        DesiredState(store, lambda n=number: at(n * 10)).put(words(text), source=CLI, actor="ann")
    DesiredState(store, lambda: at(20)).delete("glossary/w", source=CLI, actor="ann")
    past = Past(store)
    found = [past.shared_at(at(seconds)) for seconds in (-1, 0, 9, 10, 20)]
    assert found == [[], [words("one")], [words("one")], [words("two")], []]


def test_each_piece_is_from_the_revision_that_changed_it(store: Store, make_bot: MakeBot) -> None:
    first = make_bot()
    greeting = Guideline(id="desk.new", condition="hello")
    second = first.model_copy(update={"guidelines": [*first.guidelines, greeting], "name": "Two"})
    third = second.model_copy(update={"description": "Changed."})
    recorded(store, [first, second, third])
    found = {(b.kind, b.id, b.field): b.event.revision for b in blame(Past(store).events("desk"))}
    assert found["bot", "desk", "name"] == 2
    assert found["bot", "desk", "description"] == 3
    assert found["bot", "desk", "labels"] == 1
    assert found["guideline", "desk.a", None] == 1
    assert found["guideline", "desk.new", None] == 2
    assert found["relationship", "guideline:desk.a priority guideline:desk.b", None] == 1


def test_what_came_back_is_from_the_revision_that_brought_it(
    store: Store, make_bot: MakeBot
) -> None:
    recorded(store, [make_bot(), None, make_bot()])
    assert {b.event.revision for b in blame(Past(store).events("desk"))} == {3}


def call(revision: int, started: float, duration: float = 1.0, **more: Any) -> Record:
    fields: dict[str, Any] = {
        "action_id": f"{revision}-{started}", "run_id": "r", "target": "t", "bot_id": "desk",
        "kind": "guideline", "key": "desk.a", "operation": "update", "cause": "PendingChange",
        "changes": (), "outcome": "succeeded",
    }  # fmt: skip
    return Record(**{**fields, **more}, revision=revision, started=at(started), duration=duration)


@pytest.fixture
def revisions(store: Store, make_bot: MakeBot) -> list[Event]:
    """One at 0 s; two at 10 s; three, of other annotations alone, at 20 s; four at 30 s."""
    bots = [
        make_bot(),
        make_bot(name="Two"),
        make_bot(name="Two", annotations={}),
        make_bot(name="4"),
    ]
    recorded(store, list(bots))
    return Past(store).events("desk")


@pytest.mark.parametrize(
    ("begun", "ended", "expected"),
    [
        (0.5, 0.5, (None, 1)),  # being put there
        (5, 6, (1, 1)),
        (12, 14, (1, 2)),  # meanwhile the second came
        (15, 16, (2, 2)),
        (21, 22, (3, 3)),  # the third needs no call
        (31, 32, (3, 3)),  # the fourth is not there yet
        (36, 40, (3, 4)),  # it is being put there
        (50, 51, (4, 4)),
    ],
)
def test_which_revision_was_in_force(
    revisions: list[Event], begun: float, ended: float, expected: tuple[int | None, int | None]
) -> None:
    calls = [
        call(1, 0.0, 1.0, operation="create"),
        call(2, 12.5),
        call(2, 13.0, outcome="skipped"),
        call(4, 35.0, 2.0),
        call(4, 38.0, 4.0),
        call(1, 48.0, operation="evaluate"),
    ]
    assert standing(calls, revisions, at(begun), at(ended)) == Standing(*expected)


def test_a_bot_that_was_never_called_is_as_it_was_found(revisions: list[Event]) -> None:
    assert standing([], revisions, at(-1), at(-1)) == Standing(None, None)
    assert standing([], revisions, at(5), at(5)) == Standing(1, 1)
    assert standing([], revisions, at(35), at(35)) == Standing(1, 1)
