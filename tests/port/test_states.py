"""Journeys with states on a real Parlant in this process: made, seen again, healed, taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from httpx import HTTPStatusError

from otto_reconcile.diff import plan
from otto_reconcile.errors import TargetRefused, TargetUnavailable
from otto_reconcile.model import Bot, Ref, Resource, Snapshot, snapshot_of
from otto_reconcile.observed import known
from otto_reconcile.planning.plan import Operation
from otto_reconcile.port.rest import RestPort
from otto_reconcile.server.sdk_journeys import JourneyMaker
from tests.port.conftest import Host
from tests.port.test_contract import BOT, converge, seen

VISIT, PAYING = f"{BOT}.visit", f"{BOT}.paying"
URGENT = f"{BOT}.urgent"
NASTY = 'Say "hello" & <b>it\'s</b> #39; 订单 {x} {{y}}\nN0 --> N1: no\nstyle N0 fill:#ffeeaa'


def bot(*, slots: str = "look_up", **changes: Any) -> Bot:
    visit: list[dict[str, Any]] = [
        {
            "id": "ask",
            "chat": NASTY,
            "metadata": {"owner": "desk"},
            "next": [
                {"to": "slots", "when": "They know\n    N0 and  N1: why"},
                {"to": "end", "when": "They do not, it's over"},
            ],
        },
        {"id": "slots", "tools": [slots], "instruction": "Look", "next": [{"to": "offer"}]},
        {"id": "offer", "chat": "Offer", "next": [{"to": "choose"}], "labels": ["l"]},
        {
            "id": "choose",
            "next": [
                {"to": "pay", "when": "One suits"},
                {"to": "weigh", "when": "None suits"},
                {"to": "ask", "when": "They want another visit"},
            ],
        },
        {"id": "weigh", "tools": ["built-in:weigh"], "next": [{"to": "offer"}]},
        {"id": "pay", "journey": PAYING, "next": [{"to": "thank"}]},
        {"id": "thank", "chat": "Thank", "composition_mode": "strict", "next": [{"to": "ask"}]},
    ]
    paying: list[dict[str, Any]] = [
        {"id": "card", "chat": "Take the card", "next": []},
    ]
    journey = {"description": "d", "conditions": ["They come — 坏"]}
    document: dict[str, Any] = {
        "id": BOT,
        "name": "Clinic",
        "guidelines": [{"id": URGENT, "condition": "It is urgent", "action": "Call"}],
        "journeys": [
            {"id": VISIT, "title": "Visit", "tags": ["vip"], "states": visit, **journey},
            {"id": PAYING, "title": "Paying", "labels": ["l"], "states": paying, **journey},
        ],
        "relationships": [
            {
                "kind": "dependency",
                "source": f"guideline:{URGENT}",
                "target": f"journey:{VISIT}",
            }
        ],
    }
    return Bot.from_document({**document, **changes})


@pytest.fixture
async def inside(host: Host, request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    request.getfixturevalue("parlant_thread")
    yield host
    for action in plan(Snapshot(), await seen(host, snapshot_of(bot())), Snapshot()):
        if action.observed is not None and action.ref.kind in ("relationship", "journey"):
            await host.port.delete(action.observed)
    await host.rest.get("/relationships")  # nothing dangles


def making_journeys_by(host: Host, maker: Any) -> None:
    wire = host.port.inner._wire
    wire.host = replace(wire.host, journey=maker)


only_inside = pytest.mark.parametrize("host", ["asgi", "bridge"], indirect=True)


async def chart(host: Host, journey: str = VISIT) -> str:
    return str(await host.rest.text(f"/journeys/{journey}/mermaid"))


async def bound(host: Host) -> list[str]:
    """The states that Parlant has bound to tools."""
    found = await host.rest.get("/relationships", indirect="false")
    return sorted(r["source_tag"]["id"] for r in found if r["kind"] == "reevaluation")


@only_inside
async def test_what_is_made_is_seen_as_it_was_wanted(inside: Host) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, wanted)
    shown = await chart(inside)
    assert shown.count("[*] --> N") == 1
    assert shown.count("\n    state ") == 6
    assert await converge(inside, wanted) == []
    async with inside.port.sweep():
        assert not plan(wanted, await seen(inside, wanted), wanted).actions
    stranger = RestPort.over_asgi(inside.port._thread.app, target="another look")
    observed = (await inside.port._thread.within(stranger.observe(BOT, wanted))).snapshot
    visit = Ref("journey", VISIT)
    assert observed[visit].spec["states"] == wanted[visit].spec["states"]
    journey = await inside.rest.get(f"/journeys/{VISIT}")
    texts = await inside.rest.get("/guidelines", tag_id=f"journey:{VISIT}")
    assert [text["id"] for text in texts] == journey["conditions"]
    assert len(journey["tags"]) == 2


@only_inside
async def test_change_no_chart_shows_replaces_and_leaves_nothing(inside: Host) -> None:
    before = snapshot_of(bot())
    await converge(inside, before)
    guidelines = len(await inside.rest.get("/guidelines"))
    first = await bound(inside)
    after = snapshot_of(bot(slots="weigh"))
    dependency = f"dependency:guideline:{URGENT}->journey:{VISIT}"
    assert await converge(inside, after, before) == [
        f"delete relationship/{dependency}",
        f"replace journey/{VISIT}",
        f"create relationship/{dependency}",
    ]
    assert await converge(inside, after) == []
    second = await bound(inside)
    assert len(first) == len(second) == 2
    assert len(set(first) & set(second)) == 1
    assert len(await inside.rest.get("/guidelines")) == guidelines


@only_inside
async def test_states_of_another_hand_are_replaced(inside: Host) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, wanted)
    thread = inside.port._thread
    await inside.rest.delete(f"/journeys/{PAYING}")

    async def make_otherwise() -> None:
        agent = await thread.server.get_agent(id=BOT)
        journey = await agent.create_journey("Paying", "d", ["They come — 坏"], id=PAYING)
        await journey.initial_state.transition_to(chat_state="Take the cash")

    await thread.within(make_otherwise())
    assert await converge(inside, wanted) == [f"replace journey/{PAYING}"]
    assert "Take the card" in await chart(inside, PAYING)
    assert await converge(inside, wanted) == []


@only_inside
@pytest.mark.parametrize("sweeping", [False, True])
async def test_what_binds_a_state_to_its_tool_is_missed_and_made_again(
    inside: Host, sweeping: bool
) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, wanted)
    before = await bound(inside)
    found = await inside.rest.get("/relationships", indirect="false")
    lost = next(r["id"] for r in found if r["kind"] == "reevaluation")
    await inside.rest.delete(f"/relationships/{lost}")
    if sweeping:
        async with inside.port.sweep():
            actions = plan(wanted, await seen(inside, wanted), wanted).actions
            assert Ref("journey", VISIT) in {action.ref for action in actions}
    assert f"replace journey/{VISIT}" in await converge(inside, wanted)
    assert await bound(inside) == before
    assert await converge(inside, wanted) == []


@only_inside
async def test_states_that_are_wanted_no_more_go(inside: Host) -> None:
    before = snapshot_of(bot())
    await converge(inside, before)
    journeys = bot().to_document()["journeys"]
    without = bot(journeys=[{**journey, "states": None} for journey in journeys])
    await converge(inside, snapshot_of(without), before)
    assert "state " not in await chart(inside)
    assert await bound(inside) == []
    assert await converge(inside, snapshot_of(without)) == []


@only_inside
async def test_a_tool_that_is_not_there_is_named_and_nothing_is_left(inside: Host) -> None:
    wanted = snapshot_of(bot(slots="elsewhere:slots"))
    visit = wanted[Ref("journey", VISIT)]
    await converge(inside, Snapshot([wanted[Ref("agent", BOT)], wanted[Ref("tag", "vip")]]))
    with pytest.raises(TargetRefused, match="elsewhere:slots"):
        await inside.port.create(visit)
    assert not await inside.rest.exists(f"/journeys/{VISIT}")
    assert await inside.port.unable(visit) is None  # it is tried
    await converge(inside, snapshot_of(bot()))
    why = await inside.port.unable(visit)  # but not where there is one already
    assert why is not None
    assert "elsewhere:slots" in why


@only_inside
async def test_half_a_journey_is_taken_away_again(inside: Host) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, Snapshot([wanted[Ref("agent", BOT)], wanted[Ref("tag", "vip")]]))
    guidelines = len(await inside.rest.get("/guidelines"))
    maker = JourneyMaker(inside.port._thread.server)

    async def stumbling(journey: Resource, places: Any, metadata: Any) -> Any:
        await maker(journey, {"look_up": places["look_up"]}, metadata)

    making_journeys_by(inside, stumbling)
    with pytest.raises(TargetUnavailable, match="weigh"):
        await inside.port.create(wanted[Ref("journey", VISIT)])
    assert not await inside.rest.exists(f"/journeys/{VISIT}")
    assert len(await inside.rest.get("/guidelines")) == guidelines
    assert await bound(inside) == []
    making_journeys_by(inside, maker)
    await inside.port.create(wanted[Ref("journey", VISIT)])
    assert len(await bound(inside)) == 2


@only_inside
@pytest.mark.parametrize("title", ["", "x" * 101])
async def test_a_title_that_parlant_could_not_show_is_not_even_tried(
    inside: Host, title: str
) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, Snapshot([wanted[Ref("agent", BOT)], wanted[Ref("tag", "vip")]]))
    visit = wanted[Ref("journey", VISIT)]
    with pytest.raises(TargetRefused, match="1 to 100 characters"):
        await inside.port.create(replace(visit, spec={**visit.spec, "title": title}))
    assert await inside.rest.get("/journeys") == []


@only_inside
async def test_a_journey_that_cannot_be_read_back_is_taken_away_unread(inside: Host) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, Snapshot([wanted[Ref("agent", BOT)], wanted[Ref("tag", "vip")]]))
    guidelines = len(await inside.rest.get("/guidelines"))
    maker = JourneyMaker(inside.port._thread.server)

    async def untitled(journey: Resource, places: Any, metadata: Any) -> Any:
        await maker(replace(journey, spec={**journey.spec, "title": ""}), places, metadata)

    making_journeys_by(inside, untitled)
    with pytest.raises(TargetUnavailable, match="500"):
        await inside.port.create(wanted[Ref("journey", VISIT)])
    assert await inside.rest.get("/journeys") == []
    assert await bound(inside) == []
    assert len(await inside.rest.get("/guidelines")) == guidelines
    making_journeys_by(inside, maker)
    await inside.port.create(wanted[Ref("journey", VISIT)])


@only_inside
async def test_foreign_journey_that_cannot_be_shown_can_be_deleted(
    inside: Host,
) -> None:
    wanted = snapshot_of(bot())
    await converge(inside, Snapshot([wanted[Ref("agent", BOT)]]))
    paying = wanted[Ref("journey", PAYING)]
    maker = JourneyMaker(inside.port._thread.server)
    untitled = replace(paying, spec={**paying.spec, "title": ""})
    await inside.port._thread.within(maker(untitled, {}, {}))
    with pytest.raises(HTTPStatusError, match="500"):
        await inside.rest.get("/journeys")
    await inside.port.delete(paying)
    assert await inside.rest.get("/journeys") == []


@pytest.mark.parametrize("host", ["http"], indirect=True)
async def test_a_server_elsewhere_is_not_even_tried(host: Host) -> None:
    wanted = snapshot_of(bot())
    journey = wanted[Ref("journey", VISIT)]
    why = await host.port.unable(journey)
    assert why is not None
    assert "states of a journey" in why
    plain = Resource(journey.kind, journey.key, BOT, {**journey.spec, "states": []})
    assert await host.port.unable(plain) is None
    await host.port.create(wanted[Ref("agent", BOT)])
    await host.port.create(wanted[Ref("tag", "vip")])
    with pytest.raises(TargetRefused, match="states of a journey"):
        await host.port.create(journey)
    assert not await host.rest.exists(f"/journeys/{VISIT}")
    found = known(wanted, wanted)
    assert Operation.CREATE in {a.operation for a in plan(wanted, await seen(host, found), wanted)}
    assert isinstance(host.port, RestPort)
