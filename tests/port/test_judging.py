"""What a model has evaluated goes where Parlant looks for it, and never shows as a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from otto_reconcile.diff import Policy, plan
from otto_reconcile.errors import TemporaryError
from otto_reconcile.model import Bot, Ref, Resource, Snapshot, State, snapshot_of
from otto_reconcile.model.evaluation import EvaluationCache, Question, conditions_of, questions_of
from otto_reconcile.model.journey_graph import identity
from otto_reconcile.reconcile.executor import apply
from tests.port.conftest import Host

BOT = "order-desk"
ASKS, TALKS, RETURNS = f"{BOT}.asks", f"{BOT}.talks", f"{BOT}.returns"
SENDS_BACK = "The customer sends something back"
JUDGED = {
    "continuous": True,
    "agent_intention_condition": "You are likely to",
    "internal_action": None,
}


def wanted(condition: str = "The customer asks", **metadata: Any) -> Snapshot:
    document = {
        "id": BOT,
        "name": "Order Desk",
        "guidelines": [
            {"id": ASKS, "condition": condition, "action": "Answer", "metadata": metadata},
            {"id": TALKS, "condition": "The customer talks"},
        ],
        "journeys": [
            {"id": RETURNS, "title": "Return", "description": "", "conditions": [SENDS_BACK]}
        ],
        "relationships": [
            {"kind": "dependency", "source": f"guideline:{TALKS}", "target": f"journey:{RETURNS}"}
        ],
    }
    return snapshot_of(Bot.from_document(document))


def evaluation_cache(host: Host) -> EvaluationCache:
    held: EvaluationCache = getattr(host.port, "inner", host.port)._wire.evaluation_cache
    return held


def learn(host: Host, snapshot: Snapshot) -> None:
    asked = [question for resource in snapshot.values() for question in questions_of(resource)]
    evaluation_cache(host).known.update({question.key: JUDGED for question in asked})


async def see(host: Host, known: Mapping[Ref, Resource]) -> Snapshot:
    """What is there; what was seen of evaluations is noted, as the loop does."""
    seen = await host.port.observe(BOT, known)
    evaluation_cache(host).note(seen.checks)
    return seen.snapshot


async def place(host: Host, parts: Sequence[Resource]) -> None:
    checks = await host.port.checked(BOT, parts)
    evaluation_cache(host).note(checks)
    for check in checks:
        if check.gap is not None:
            await host.port.place(check.gap)


async def converge(
    host: Host, want: Snapshot, last: Snapshot, again: frozenset[Ref] = frozenset()
) -> None:
    """One round of the loop; what follows plans nothing."""
    seen = await see(host, {**last, **want})
    outcomes = await apply(plan(want, seen, last, Policy(again=again)), host.port)
    assert [outcome.error for outcome in outcomes if outcome.error is not None] == []
    assert plan(want, await see(host, dict(want)), want).in_sync


async def metadata(host: Host, key: str) -> dict[str, Any]:
    found = {g["id"]: g for g in await host.rest.get("/guidelines", tag_id=f"agent:{BOT}")}
    held: dict[str, Any] = found[key]["metadata"]
    return held


async def of_condition(host: Host) -> dict[str, Any]:
    (found,) = await host.rest.get("/guidelines", tag_id=f"journey:{RETURNS}")
    held: dict[str, Any] = found["metadata"]
    return held


async def test_what_is_known_comes_along_and_follows_every_change(host: Host) -> None:
    first = wanted(continuous=False, owner="retail")
    learn(host, first)
    await converge(host, first, Snapshot())
    assert await metadata(host, TALKS) == JUDGED
    assert await of_condition(host) == JUDGED
    # What a person declares wins.
    assert await metadata(host, ASKS) == {**JUDGED, "continuous": False, "owner": "retail"}
    # What nobody has evaluated yet has nothing of the old evaluation.
    second = wanted("The customer complains", owner="retail")
    await converge(host, second, first)
    assert await metadata(host, ASKS) == {"owner": "retail"}
    # Back to what is known; and a key that is declared no longer is the evaluation's again.
    third = wanted(continuous=False)
    await converge(host, third, second)
    assert (await metadata(host, ASKS))["continuous"] is False
    await converge(host, wanted(), third)
    assert await metadata(host, ASKS) == JUDGED


async def test_what_is_there_already_gets_it_later(host: Host) -> None:
    there = wanted(owner="retail")
    await converge(host, there, Snapshot())
    assert await metadata(host, TALKS) == {}
    learn(host, there)
    parts = [r for r in there.values() if evaluation_cache(host).unplaced(r)]
    assert {r.key for r in parts} == {ASKS, TALKS, RETURNS}
    # Somebody changed this one meanwhile: the evaluation is not of what it says now.
    await host.rest.patch(f"/guidelines/{ASKS}", condition="Anything")
    await place(host, parts)
    assert await metadata(host, TALKS) == JUDGED
    assert await of_condition(host) == JUDGED
    assert await metadata(host, ASKS) == {"owner": "retail"}
    assert [r.key for r in parts if evaluation_cache(host).unplaced(r)] == [ASKS]
    await converge(host, there, there)
    assert await metadata(host, ASKS) == {**JUDGED, "owner": "retail"}
    assert not evaluation_cache(host).unplaced(there[Ref("guideline", ASKS)])


async def test_foreign_change_is_seen_at_the_next_look_and_mended(
    host: Host,
) -> None:
    there = wanted(owner="retail")
    learn(host, there)
    await converge(host, there, Snapshot())
    parts = [there[Ref("guideline", ASKS)], there[Ref("journey", RETURNS)]]
    assert not any(map(evaluation_cache(host).unplaced, parts))
    (condition,) = await host.rest.get("/guidelines", tag_id=f"journey:{RETURNS}")
    changes = {"set": {"continuous": "no", "tool_running_only": True}, "unset": ["internal_action"]}
    for key in (ASKS, condition["id"]):
        await host.rest.patch(f"/guidelines/{key}", metadata=changes)
    seen = await see(host, dict(there))
    assert plan(there, seen, there).in_sync
    assert all(map(evaluation_cache(host).unplaced, parts))
    mended = [check.gap for check in await host.port.checked(BOT, parts) if check.gap]
    assert [(one.before, one.after) for one in mended] == 2 * [
        (
            {"continuous": "no", "tool_running_only": True},
            {"continuous": True, "internal_action": None},
        )
    ]
    await place(host, parts)
    assert await metadata(host, ASKS) == {**JUDGED, "owner": "retail"}
    assert await of_condition(host) == JUDGED
    await see(host, dict(there))
    assert not any(map(evaluation_cache(host).unplaced, parts))


async def test_a_model_that_says_nothing_is_told_of(host: Host) -> None:
    with pytest.raises(TemporaryError, match=r"no evaluation: .*no language model"):
        await host.port.evaluate(Question("The customer asks", "Answer"))


@pytest.mark.parametrize("host", ["asgi", "bridge"], indirect=True)
async def test_states_take_evaluations_when_their_journey_is_recreated(
    host: Host, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("parlant_thread").server
    states = [
        {"id": "ask", "chat": "Ask for the number", "next": [{"to": "say"}]},
        {"id": "say", "chat": "Say it", "metadata": {"continuous": False}},
    ]
    document = {
        "id": BOT,
        "name": "Order Desk",
        "guidelines": [{"id": TALKS, "condition": "The customer talks"}],
        "journeys": [
            {
                "id": RETURNS,
                "title": "R",
                "description": "",
                "conditions": list("dacfbehg"),
                "states": states,
            }
        ],
        "relationships": [
            {"kind": "dependency", "source": f"guideline:{TALKS}", "target": f"journey:{RETURNS}"}
        ],
    }
    wanted_ones = snapshot_of(Bot.from_document(document))
    journey = wanted_ones[Ref("journey", RETURNS)]
    await converge(host, wanted_ones, Snapshot())
    told = await _nodes(server, request, journey)
    assert told["ask"]["journey_node"]["reachable_follow_ups"][0]["path"] == ["3"]
    learn(host, wanted_ones)
    evaluation_cache(host).known.update(
        {q.key: {"of": q.condition} for q in conditions_of(journey)}
    )
    assert evaluation_cache(host).unplaced_states(journey)
    await converge(host, wanted_ones, wanted_ones, frozenset({journey.ref}))
    found = await host.rest.get("/guidelines", tag_id=f"journey:{RETURNS}")
    assert {g["condition"]: g["metadata"] for g in found} == {c: {"of": c} for c in "dacfbehg"}
    assert not evaluation_cache(host).unplaced(journey)
    await converge(host, wanted_ones, wanted_ones)
    told = await _nodes(server, request, journey)
    assert (told["ask"]["continuous"], told["say"]["continuous"]) == (True, False)
    assert told["say"]["agent_intention_condition"] == "You are likely to"
    assert told["ask"]["journey_node"]["kind"] == "chat"
    for action in plan(Snapshot(), await see(host, dict(wanted_ones)), wanted_ones).acting:
        await host.port.delete(action.observed)


async def _nodes(server: Any, request: pytest.FixtureRequest, journey: Any) -> dict[str, Any]:
    """The metadata of the states that are there, by our ids; nothing public shows it."""
    from parlant.core.journeys import JourneyStore

    thread = request.getfixturevalue("parlant_thread")
    nodes = await thread.within(server.container[JourneyStore].list_nodes(journey.key))
    ids = {identity(journey.key, State.model_validate(s)): s["id"] for s in journey.spec["states"]}
    return {ids[node.id]: dict(node.metadata) for node in nodes if node.id in ids}
