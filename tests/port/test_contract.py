"""What the port promises for every kind, on a real Parlant over HTTP and over ASGI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.errors import NotApplied, TargetRefused
from otto_reconcile.model import Bot, Ref, Resource, Snapshot, make, snapshot_of
from otto_reconcile.observed import known
from otto_reconcile.planning.plan import Change, Operation
from tests.port.conftest import INSTALLED, Host, holds

BOT = "order-desk"
G1, G2, J1, T1 = f"{BOT}.status", f"{BOT}.talk", f"{BOT}.return", f"{BOT}.rma"
PRIORITIES = holds("guideline", "priority")


def bot(**changes: Any) -> Bot:
    document: dict[str, Any] = {
        "id": BOT,
        "name": "Order Desk",
        "description": "Finds orders {with braces} and ünïcode 订单 🚚",
        "composition_mode": "composited",
        "max_engine_iterations": 4,
        "message_output_mode": "stream",
        "tags": ["retail"],
        "guidelines": [
            {
                "id": G1,
                "condition": "The customer asks where {order} is — 订单",
                "action": "Ask for the number\nand give {{its}} state",
                "description": "Why",
                "criticality": "high",
                "composition_mode": "strict",
                "enabled": False,
                "priority": 3 if PRIORITIES else 0,
                "track": False,
                "labels": ["b", "a"],
                "tags": ["vip"],
                "metadata": {"owner": "retail", "deep": {"x": [1, None]}},
                "tools": ["look_up"],
            },
            {"id": G2, "condition": "Small talk"},
        ],
        "journeys": [
            {
                "id": J1,
                "title": "Return an item",
                "description": "Find it {here}.",
                "conditions": ["The customer returns", "It is broken — 坏"],
                "labels": ["l"],
                "priority": 2 if PRIORITIES else 0,
                "composition_mode": "fluid",
                "tags": ["vip"],
            }
        ],
        "terms": [
            {
                "id": T1,
                "name": "RMA",
                "description": "A number {x}",
                "synonyms": ["return number", "retour"],
                "tags": ["vip"],
            }
        ],
        "relationships": [
            {"kind": "priority", "source": f"guideline:{G1}", "target": f"guideline:{G2}"},
            {"kind": "dependency", "source": f"guideline:{G2}", "target": "tag:vip"},
            {"kind": "priority", "source": f"journey:{J1}", "target": f"guideline:{G2}"},
            {"kind": "overlap", "source": "tool:built-in:look_up", "target": "tool:built-in:weigh"},
        ],
    }
    return Bot.from_document({**document, **changes})


def plain() -> Bot:
    """Without the relationship to a journey: that keeps Parlant from showing the guideline."""
    relationships = bot().to_document()["relationships"]
    return bot(relationships=[r for r in relationships if "journey:" not in r["source"]])


async def put(host: Host, wanted: Snapshot, *, fresh: bool = False) -> dict[Ref, Resource]:
    return {ref: await host.port.create(r, fresh=fresh) for ref, r in wanted.items()}


async def seen(host: Host, known: Mapping[Ref, Resource], **options: Any) -> Snapshot:
    return (await host.port.observe(BOT, known, **options)).snapshot


async def converge(host: Host, wanted: Snapshot, applied: Snapshot | None = None) -> list[str]:
    """Does what the diff says, as the loop would, and gives the operations."""
    applied = applied if applied is not None else wanted
    done = []
    for action in plan(wanted, await seen(host, known(wanted, applied)), applied).acting:
        done.append(f"{action.operation} {action.ref}")
        if action.operation in (Operation.DELETE, Operation.REPLACE):
            await host.port.delete(action.observed)
        if action.operation in (Operation.CREATE, Operation.REPLACE):
            await host.port.create(action.desired)
        if action.operation is Operation.UPDATE:
            await host.port.update(action.desired, action.changes, action.observed)
    return done


@pytest.mark.parametrize("fresh", [True, False])
async def test_everything_that_is_created_is_there_and_nothing_differs(
    host: Host, fresh: bool
) -> None:
    wanted = snapshot_of(bot())
    made = await put(host, wanted, fresh=fresh)
    agent = await host.rest.get(f"/agents/{BOT}")
    tags = {tag["name"]: tag["id"] for tag in await host.rest.get("/tags")}
    assert agent["composition_mode"] == "composited_canned"
    assert agent["message_output_mode"] == "stream"
    assert agent["max_engine_iterations"] == 4
    assert agent["tags"] == [tags["retail"]]
    guideline = await host.rest.get(f"/guidelines/{G1}")
    inner = guideline["guideline"]
    assert inner["enabled"] is False
    assert inner["composition_mode"] == "strict_canned"
    assert inner["track"] is False
    assert inner.get("priority", 0) == (3 if PRIORITIES else 0)
    assert inner["criticality"] == "high"
    assert sorted(inner["tags"]) == sorted([f"agent:{BOT}", tags["vip"]])
    assert inner["metadata"] == {"owner": "retail", "deep": {"x": [1, None]}}
    assert [t["tool_id"]["tool_name"] for t in guideline["tool_associations"]] == ["look_up"]
    journey = await host.rest.get(f"/journeys/{J1}")
    texts = await host.rest.get("/guidelines", tag_id=f"journey:{J1}")
    assert sorted(g["condition"] for g in texts) == ["It is broken — 坏", "The customer returns"]
    assert sorted(journey["tags"]) == sorted([f"agent:{BOT}", tags["vip"]])
    assert sorted((await host.rest.get(f"/terms/{T1}"))["synonyms"]) == ["retour", "return number"]
    assert len(await host.rest.get("/relationships", indirect=False)) == 4
    assert all(resource.remote_id for resource in made.values())
    for unmanaged in (True, False):
        assert not plan(wanted, await seen(host, wanted, unmanaged=unmanaged), wanted).actions
    async with host.port.sweep():
        assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_to_create_twice_is_to_create_once(host: Host) -> None:
    wanted = snapshot_of(bot())
    await put(host, wanted, fresh=True)
    before = len(await host.rest.get("/guidelines"))
    await put(host, wanted)
    assert len(await host.rest.get("/guidelines")) == before
    assert len(await host.rest.get("/relationships", indirect=False)) == 4
    assert [t["name"] for t in await host.rest.get("/tags")].count("vip") == 1
    assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_creation_that_was_not_fresh_leaves_no_global_guideline(host: Host) -> None:
    wanted = snapshot_of(bot())
    await put(host, wanted, fresh=True)
    await put(host, wanted, fresh=True)
    assert [g for g in await host.rest.get("/guidelines") if not g["tags"]] == []
    assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_what_exists_otherwise_is_brought_to_what_is_created(host: Host) -> None:
    await host.rest.post("/agents", id=BOT, name="Other")
    await host.rest.post("/guidelines", id=G1, condition="other", action="other")
    await host.rest.post("/journeys", id=J1, title="o", description="o", conditions=["o"])
    await host.rest.post("/terms", id=T1, name="other", description="other")
    wanted = snapshot_of(bot())
    await put(host, wanted)
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    assert [g for g in await host.rest.get("/guidelines") if not g["tags"]] == []


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("agent", {"name": "New"}),
    ("agent", {"description": "New {d}"}),
    ("agent", {"description": None}),
    ("agent", {"composition_mode": "fluid"}),
    ("agent", {"composition_mode": "core_fluid"}),
    ("agent", {"max_engine_iterations": 9}),
    ("agent", {"message_output_mode": "block"}),
    ("agent", {"tags": ["other", "third"]}),
    ("agent", {"tags": []}),
    *(
        ("guidelines", change)
        for change in (
            {"condition": "New"},
            {"action": "New"},
            {"action": None},
            {"description": "New"},
            {"description": None},
            {"criticality": "low"},
            {"criticality": None},
            {"composition_mode": "fluid"},
            {"composition_mode": None},
            {"enabled": True},
            *([{"priority": 0}] if PRIORITIES else []),
            {"track": True},
            {"labels": ["c", "a"]},
            {"labels": []},
            {"tags": ["other"]},
            {"tags": []},
            {"metadata": {"owner": "other", "new": 1}},
            {"metadata": {}},
            {"tools": ["weigh"]},
            {"tools": []},
            {"tools": ["look_up", "weigh"]},
        )
    ),
    *(
        ("journeys", change)
        for change in (
            {"title": "New"},
            {"description": "New"},
            {"description": ""},
            {"conditions": ["New", "The customer returns"]},
            {"conditions": []},
            {"labels": ["m"]},
            {"labels": []},
            *([{"priority": None}] if PRIORITIES else []),
            {"composition_mode": "strict"},
            {"composition_mode": None},
            {"tags": ["other"]},
            {"tags": []},
        )
    ),
    *(
        ("terms", change)
        for change in (
            {"name": "New"},
            {"description": "New"},
            {"synonyms": ["one"]},
            {"synonyms": []},
            {"tags": ["other"]},
            {"tags": []},
        )
    ),
    ("agent", {"relationships": []}),
]


@pytest.mark.parametrize(("part", "change"), CHANGES, ids=lambda value: str(value))
async def test_every_change_of_every_field_is_made_and_made_once(
    host: Host, part: str, change: dict[str, Any]
) -> None:
    before = bot()
    applied = snapshot_of(before)
    await put(host, applied, fresh=True)
    document = before.to_document()
    place = document if part == "agent" else document[part][0]
    for name, value in change.items():
        place.pop(name, None) if value is None else place.update({name: value})
    wanted = snapshot_of(Bot.from_document(document))
    done = await converge(host, wanted, applied)
    assert done
    assert not plan(wanted, await seen(host, {**applied, **wanted}), wanted).actions
    assert [g for g in await host.rest.get("/guidelines") if not g["tags"]] == []


async def test_to_delete_is_to_delete_all_and_twice_is_no_error(host: Host) -> None:
    wanted = snapshot_of(bot())
    await put(host, wanted, fresh=True)
    found = await seen(host, wanted)
    for _ in range(2):
        for resource in reversed(list(found.values())):
            await host.port.delete(resource)
    for path in ("agents", "guidelines", "journeys", "terms", "tags", "relationships"):
        assert await host.rest.get(f"/{path}") == [], path
    assert not await seen(host, wanted)


async def test_drift_of_each_kind_is_seen_and_healed(host: Host) -> None:
    wanted = snapshot_of(plain())
    await put(host, wanted, fresh=True)
    rest = host.rest
    await rest.patch(f"/agents/{BOT}", name="Hijacked", composition_mode="fluid")
    await rest.patch(f"/guidelines/{G1}", condition="Hijacked", priority=7)
    await rest.patch(f"/terms/{T1}", description="Hijacked")
    await rest.patch(f"/journeys/{J1}", labels={"upsert": ["hijacked"]})
    condition = (await rest.get("/guidelines", tag_id=f"journey:{J1}"))[0]
    await rest.patch(f"/guidelines/{condition['id']}", condition="Hijacked")
    await rest.delete(f"/guidelines/{G2}")
    observed = await seen(host, wanted)
    assert observed[Ref("agent", BOT)].spec["composition_mode"] == "core_fluid"
    assert "Hijacked" in observed[Ref("journey", J1)].spec["conditions"]
    done = await converge(host, wanted)
    assert f"replace journey/{J1}" in done
    await converge(host, wanted)
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    assert (await rest.get(f"/agents/{BOT}"))["composition_mode"] == "composited_canned"


@pytest.mark.parametrize(
    ("path", "ref"),
    [
        (f"/guidelines/{G2}", Ref("guideline", G2)),
        (f"/journeys/{J1}", Ref("journey", J1)),
        (f"/terms/{T1}", Ref("term", T1)),
    ],
)
async def test_a_part_that_lost_its_bot_gets_it_back(host: Host, path: str, ref: Ref) -> None:
    wanted = snapshot_of(bot(relationships=[]))
    await put(host, wanted, fresh=True)
    await host.rest.patch(path, tags={"remove": [f"agent:{BOT}"]})
    assert await converge(host, wanted) == [f"update {ref}"]
    part = await host.rest.get(path)
    assert f"agent:{BOT}" in part.get("guideline", part)["tags"]
    assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_a_foreign_tag_is_taken_off_a_part(host: Host) -> None:
    wanted = snapshot_of(plain())
    await put(host, wanted, fresh=True)
    await host.rest.post("/agents", id="stranger", name="Stranger")
    await host.rest.patch(f"/guidelines/{G2}", tags={"add": ["agent:stranger"]})
    assert await converge(host, wanted) == [f"update guideline/{G2}"]
    assert await host.rest.get("/guidelines", tag_id="agent:stranger") == []


async def test_what_others_made_is_reported_and_conditions_are_not(host: Host) -> None:
    wanted = snapshot_of(plain())
    await put(host, wanted, fresh=True)
    tag = f"agent:{BOT}"
    await host.rest.post("/guidelines", id="theirs", condition="c", tags=[tag])
    await host.rest.post("/terms", id="their-term", name="n", description="d", tags=[tag])
    await host.rest.post(
        "/journeys", id="their-journey", title="t", description="d", conditions=["x"], tags=[tag]
    )
    await host.rest.post(
        "/relationships", kind="entailment", source_guideline="theirs", target_guideline=G1
    )
    strange = {
        "guideline/theirs",
        "term/their-term",
        "journey/their-journey",
        f"relationship/entailment:guideline:theirs->guideline:{G1}",
    }
    for sweeping in (False, True):
        if sweeping:
            async with host.port.sweep():
                found = await seen(host, wanted)
        else:
            found = await seen(host, wanted)
        assert {str(ref) for ref in found.keys() - wanted.keys()} == strange
    assert not (await seen(host, wanted, unmanaged=False)).keys() - wanted.keys()


async def test_changed_condition_loses_the_evaluation_of_the_old_one(host: Host) -> None:
    before = snapshot_of(plain())
    await put(host, before, fresh=True)
    evaluated = {"continuous": True, "agent_intention_condition": "old", "theirs": 1}
    await host.rest.patch(f"/guidelines/{G2}", metadata={"set": evaluated})
    assert not plan(before, await seen(host, before), before).actions
    document = plain().to_document()
    document["guidelines"][1]["condition"] = "Other talk"
    await converge(host, snapshot_of(Bot.from_document(document)), before)
    assert (await host.rest.get(f"/guidelines/{G2}"))["guideline"]["metadata"] == {"theirs": 1}


async def test_a_doubled_tool_is_taken_off_wholly(host: Host) -> None:
    before = snapshot_of(plain())
    await put(host, before, fresh=True)
    tool = {"service_name": "built-in", "tool_name": "look_up"}
    await host.rest.patch(f"/guidelines/{G1}", tool_associations={"add": [tool]})
    document = plain().to_document()
    document["guidelines"][0]["tools"] = []
    await converge(host, snapshot_of(Bot.from_document(document)), before)
    assert (await host.rest.get(f"/guidelines/{G1}"))["tool_associations"] == []


async def test_guideline_parlant_cannot_show_is_read_and_changed(
    host: Host,
) -> None:
    ends = {"source": f"guideline:{G1}", "target": f"journey:{J1}"}
    wanted = snapshot_of(bot(relationships=[{"kind": "dependency", **ends}]))
    await put(host, wanted, fresh=True)
    assert not await host.rest.exists(f"/guidelines/{G1}")
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    document = bot(relationships=[{"kind": "dependency", **ends}]).to_document()
    document["guidelines"][0].update(labels=["x"], condition="Changed")
    changed = snapshot_of(Bot.from_document(document))
    assert await converge(host, changed, wanted) == [f"update guideline/{G1}"]
    listed = await host.rest.get("/guidelines", tag_id=f"agent:{BOT}")
    assert {g["id"]: g["labels"] for g in listed}[G1] == ["x"]


async def test_a_guideline_bound_to_one_that_is_gone_can_be_deleted(host: Host) -> None:
    wanted = snapshot_of(bot(relationships=[bot().to_document()["relationships"][0]]))
    await put(host, wanted, fresh=True)
    await host.rest.delete(f"/guidelines/{G2}")  # same tag: Parlant keeps the relationship
    assert not await host.rest.exists(f"/guidelines/{G1}")
    found = await seen(host, wanted)
    await host.port.delete(found[Ref("guideline", G1)])
    assert await host.rest.get("/guidelines", tag_id=f"agent:{BOT}") == []
    assert await host.rest.get("/relationships") == []


async def test_a_guideline_bound_to_a_journey_can_be_deleted(host: Host) -> None:
    wanted = snapshot_of(bot())
    await put(host, wanted, fresh=True)
    assert not await host.rest.exists(f"/guidelines/{G2}")
    found = await seen(host, wanted)
    await host.port.delete(found[Ref("guideline", G2)])
    listed = await host.rest.get("/guidelines", tag_id=f"agent:{BOT}")
    assert [guideline["id"] for guideline in listed] == [G1]
    assert len(await host.rest.get("/relationships", indirect=False)) == 1


async def test_a_synonym_with_a_comma_is_two(host: Host) -> None:
    document = plain().to_document()
    document["terms"][0]["synonyms"] = ["one, two"]
    wanted = snapshot_of(Bot.from_document(document))
    await put(host, wanted, fresh=True)
    assert (await host.rest.get(f"/terms/{T1}"))["synonyms"] == ["one", "two"]
    assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_a_ring_of_relationships_is_refused_and_says_so(host: Host) -> None:
    wanted = snapshot_of(plain())
    await put(host, wanted, fresh=True)
    ends = {"source": f"guideline:{G2}", "target": f"guideline:{G1}"}
    ring = make("relationship", "back", BOT, {"kind": "priority", **ends})
    with pytest.raises(TargetRefused, match="ring"):
        await host.port.create(ring)


async def test_a_relationship_to_nothing_is_refused_and_names_it(host: Host) -> None:
    await put(host, snapshot_of(plain()), fresh=True)
    ends = {"source": f"guideline:{G2}", "target": "guideline:nowhere"}
    with pytest.raises(TargetRefused, match="nowhere"):
        await host.port.create(make("relationship", "k", BOT, {"kind": "priority", **ends}))


async def test_an_unknown_tool_is_refused_and_names_it(host: Host) -> None:
    document = bot(relationships=[]).to_document()
    document["guidelines"][0]["tools"] = ["no_such_tool"]
    with pytest.raises(TargetRefused, match="no_such_tool"):
        await put(host, snapshot_of(Bot.from_document(document)))


async def test_what_does_not_stick_is_an_error_and_names_the_field(host: Host) -> None:
    wanted = snapshot_of(plain())
    made = await put(host, wanted, fresh=True)
    agent = made[Ref("agent", BOT)]
    bare = make("agent", BOT, BOT, {"name": "Order Desk", "description": ""})
    cleared = [Change("description", agent.spec["description"], "")]
    with pytest.raises(NotApplied, match="description"):
        await host.port.update(bare, cleared, agent)


async def test_the_canary_is_there_until_it_is_not(host: Host) -> None:
    assert not await host.port.has_canary("canary-1")
    await host.port.set_canary("canary-1")
    assert await host.port.has_canary("canary-1")
    assert not await host.port.has_canary("canary-2")


async def test_health_and_agents(host: Host) -> None:
    health = await host.port.health()
    assert health.version == INSTALLED
    assert 0 <= health.latency < 600
    await put(host, snapshot_of(plain()), fresh=True)
    await host.rest.post("/agents", id="another", name="Another")
    agents = await host.port.list_agents()
    assert [agent.key for agent in agents] == ["another", BOT]
    assert [agent.bot_id for agent in agents] == ["another", BOT]


async def test_an_absent_bot_is_observed_as_nothing(host: Host) -> None:
    assert not await seen(host, snapshot_of(plain()))
    async with host.port.sweep():
        assert not await seen(host, snapshot_of(plain()))


async def test_what_is_written_in_a_sweep_is_seen_in_it(host: Host) -> None:
    wanted = snapshot_of(plain())
    async with host.port.sweep():
        assert not await seen(host, wanted)
        await put(host, wanted)
        assert not plan(wanted, await seen(host, wanted), wanted).actions
