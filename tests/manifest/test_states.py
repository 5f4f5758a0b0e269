"""Journeys as graphs: what a person may leave out, and what a target gets of it."""

from __future__ import annotations

from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile.model import JSON, Bot, Ref, Relationship, Snapshot, snapshot_of
from otto_reconcile.model.journey_graph import identity
from tests.manifest.test_dump import reload, same

PAYING = """
apiVersion: otto/v1
kind: Bot
metadata: {id: clinic}
spec:
  name: Clinic
  guidelines: [{id: greet, condition: They greet, action: Greet}]
  journeys:
    - id: schedule
      title: Schedule
      description: Book a visit.
      conditions: [They want a visit]
      guidelines: [{id: urgent, condition: It is urgent, action: Call}]
      states:
        - chat: Ask what for
        - tool: get_slots
        - chat: Ask what for
        - id: offer
          chat: Offer them
          next:
            - {when: one suits, to: pay}
            - {when: none suits, to: other}
        - id: other
          fork:
            - {when: they have time, to: offer}
            - {when: they have none, to: end}
        - {id: pay, journey: paying, next: [{when: paid, to: thank}, {when: not paid, to: offer}]}
        - {id: thank, chat: Thank them}
    - id: paying
      title: Paying
      description: Pay.
      conditions: [They want to pay]
      states:
        - {chat: Ask how, next: how}
        - {id: how, fork: [{when: by card, to: card}, {when: in cash, to: end}]}
        - {id: card, chat: Take the card}
"""


def load(tmp_path: Path, text: str = PAYING) -> Bot:
    path = tmp_path / "clinic.yaml"
    path.write_text(text)
    return manifest.load([path], environ={}).bots[0].bot


def graph(bot: Bot, journey: str) -> dict[str, dict[str, JSON]]:
    found: Snapshot = snapshot_of(bot)
    return {state["id"]: state for state in found[Ref("journey", journey)].spec["states"]}


def ways(bot: Bot, journey: str, state: str) -> list[tuple[str | None, str]]:
    return [(way.get("when"), way["to"]) for way in graph(bot, journey)[state]["next"]]


def test_a_line_needs_no_ids_and_the_last_state_ends_it(tmp_path: Path) -> None:
    bot = load(tmp_path)
    assert ways(bot, "clinic.schedule", "ask-what-for") == [(None, "get-slots")]
    assert ways(bot, "clinic.schedule", "get-slots") == [(None, "ask-what-for-2")]
    assert ways(bot, "clinic.schedule", "thank") == [(None, "end")]
    same(reload(manifest.dump([bot])), [bot])
    assert manifest.dump([bot]).count("id: ask") == 0


def test_what_parlant_cannot_make_becomes_what_it_can(tmp_path: Path) -> None:
    """A way under a condition never leads to a fork, and no journey goes through another."""
    bot = load(tmp_path)
    assert ways(bot, "clinic.schedule", "offer") == [
        ("one suits", "pay.ask-how"),
        ("none suits; and they have time", "offer"),
        ("none suits; and they have none", "end"),
    ]
    assert ways(bot, "clinic.schedule", "pay.how") == [
        ("by card", "pay.card"),
        ("in cash; and paid", "thank"),
        ("in cash; and not paid", "offer"),
    ]
    assert ways(bot, "clinic.schedule", "pay.card") == [(None, "pay")]
    assert ways(bot, "clinic.schedule", "pay") == [("paid", "thank"), ("not paid", "offer")]
    assert "other" not in graph(bot, "clinic.schedule")


def test_guidelines_of_a_journey_depend_on_it(tmp_path: Path) -> None:
    bot = load(tmp_path)
    assert [guideline.id for guideline in bot.guidelines] == ["clinic.greet", "clinic.urgent"]
    bound = Relationship(
        kind="dependency", source="guideline:clinic.urgent", target="journey:clinic.schedule"
    )
    assert bot.relationships == [bound]
    dumped = manifest.dump([bot])
    assert "relationships" not in dumped
    same(reload(dumped), [bot])


def test_the_id_on_a_target_follows_the_content(tmp_path: Path) -> None:
    def ids(bot: Bot) -> dict[str, str]:
        journey = next(one for one in bot.journeys if one.id == "clinic.paying")
        return {state.id: identity(journey.id, state) for state in journey.states or ()}

    before, again = ids(load(tmp_path)), ids(load(tmp_path))
    after = ids(load(tmp_path, PAYING.replace("Take the card", "Take the card kindly")))
    assert before == again
    assert before["card"] != after["card"]
    assert before["ask-how"] == after["ask-how"]
