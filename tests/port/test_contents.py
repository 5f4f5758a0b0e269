"""Canned responses, variables, capabilities and customers, on a real Parlant over HTTP and ASGI."""

from __future__ import annotations

from typing import Any

import pytest
from parlant.core.agents import AgentStore
from parlant.core.entity_cq import EntityQueries
from parlant.core.guidelines import GuidelineStore
from parlant.core.journeys import JourneyStore

from otto_reconcile.diff import plan
from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Bot, Ref, Resource, Snapshot, get_kind, snapshot_of
from otto_reconcile.model.from_resources import bot_of
from tests.port.conftest import Host
from tests.port.test_contract import BOT, converge, put, seen

HELLO, OFFER, GREET = f"{BOT}.hello", f"{BOT}.offer", f"{BOT}.greet"


def bot(**changes: Any) -> Bot:
    document: dict[str, Any] = {
        "id": BOT,
        "name": "Order Desk",
        "guidelines": [{"id": GREET, "condition": "Somebody greets"}],
        "canned_responses": [
            {
                "id": HELLO,
                "value": "Hello {{name}} — 你好",
                "fields": [{"name": "name", "description": "Who", "examples": ["Anna"]}],
                "signals": ["hi", "good day"],
                "field_dependencies": ["account"],
                "tags": ["vip"],
                "metadata": {"tone": "warm", "deep": {"x": [1, None]}},
            },
            {"id": OFFER, "value": "May I help?"},
        ],
        "variables": [
            {
                "name": "plan",
                "description": "What they pay for",
                "values": {"default": "basic", "tag:vip": {"gold": [1]}, "customer:an.na": 7},
                "tags": ["vip"],
            },
            {"name": "weather / now", "tool": "look_up", "freshness_rules": "0 8 * * *"},
        ],
        "capabilities": [
            {
                "title": "Lend a phone",
                "description": "While theirs is repaired",
                "signals": ["My phone is broken"],
                "tags": ["vip"],
            }
        ],
        "customers": [
            {"id": "an.na", "name": "Anna", "metadata": {"seat": "12"}, "tags": ["vip"]},
            {"id": "bert"},
        ],
    }
    return Bot.from_document({**document, **changes})


async def held(host: Host) -> dict[str, list[Any]]:
    """All of these kinds that Parlant has, as it tells them."""
    paths = ("canned_responses", "context-variables", "capabilities", "customers")
    found = {path: await host.rest.get(f"/{path}") for path in paths}
    found["customers"] = [one for one in found["customers"] if one["id"] != "guest"]
    return found


def counts(found: dict[str, list[Any]]) -> list[int]:
    return [len(items) for items in found.values()]


async def test_everything_is_there_once_and_nothing_differs(host: Host) -> None:
    wanted = snapshot_of(bot())
    made = await put(host, wanted)
    vip = next(tag["id"] for tag in await host.rest.get("/tags"))
    found = await held(host)
    hello = next(one for one in found["canned_responses"] if "Hello" in one["value"])
    assert hello["fields"] == [{"name": "name", "description": "Who", "examples": ["Anna"]}]
    assert sorted(hello["signals"]) == ["good day", "hi"]
    assert hello["field_dependencies"] == ["account"]
    assert hello["metadata"]["deep"] == {"x": [1, None]}
    assert sorted(hello["tags"]) == sorted([f"agent:{BOT}", vip])
    variables = {one["name"]: one for one in found["context-variables"]}
    weather = variables["weather / now"]
    assert (weather["tool_id"]["tool_name"], weather["freshness_rules"]) == ("look_up", "0 8 * * *")
    pairs = (await host.rest.get(f"/context-variables/{variables['plan']['id']}"))[
        "key_value_pairs"
    ]
    assert {key: pair["data"] for key, pair in pairs.items()} == {
        "DEFAULT": "basic",
        f"tag:{vip}": {"gold": [1]},
        "an.na": 7,
    }
    assert found["capabilities"][0]["signals"] == ["My phone is broken"]
    customers = {one["id"]: one for one in found["customers"]}
    assert customers["an.na"]["tags"] == [vip]
    assert customers["an.na"]["metadata"]["seat"] == "12"
    assert customers["bert"]["name"] == "bert"
    assert all(resource.remote_id for resource in made.values())
    await put(host, wanted)  # as after a crash that lost the answers
    assert counts(await held(host)) == [2, 2, 1, 2]
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    async with host.port.sweep():
        assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_drift_is_seen_and_mended(host: Host) -> None:
    wanted = snapshot_of(bot())
    applied = Snapshot((await put(host, wanted)).values())
    found = await held(host)
    for one in found["canned_responses"]:
        await host.rest.patch(f"/canned_responses/{one['id']}", value="changed")
    for one in found["context-variables"]:
        path = f"/context-variables/{one['id']}"
        await host.rest.patch(path, name=f"{one['name']} 2", description="changed")
        if one["tool_id"] is None:
            await host.rest.put(f"{path}/DEFAULT", data="changed")
            await host.rest.delete(f"{path}/an.na")
    for one in found["capabilities"]:
        body = {"title": "Lend it", "description": "changed", "signals": ["x"]}
        await host.rest.patch(f"/capabilities/{one['id']}", **body)
    metadata = {"set": {"seat": "1", "theirs": "2"}}
    await host.rest.patch("/customers/an.na", name="X", metadata=metadata)
    done = await converge(host, wanted, applied)
    assert len(done) == 6, done
    assert await converge(host, wanted, applied) == []
    assert counts(await held(host)) == [2, 2, 1, 2]
    anna = await host.rest.get("/customers/an.na")
    assert (anna["name"], anna["metadata"]["theirs"]) == ("Anna", "2")
    for path, items in (await held(host)).items():
        for one in items if path != "customers" else ():
            await host.rest.delete(f"/{path}/{one['id']}")
    assert len(await converge(host, wanted, applied)) == 5
    assert counts(await held(host)) == [2, 2, 1, 2]


async def test_a_customer_may_be_called_as_its_id(host: Host) -> None:
    named = snapshot_of(bot(customers=[{"id": "bert", "name": "bert"}, {"id": "carl"}]))
    applied = Snapshot((await put(host, named)).values())
    assert await converge(host, named, applied) == []
    for key in ("bert", "carl"):
        await host.rest.patch(f"/customers/{key}", name="X")
    assert await converge(host, named, applied) == ["update customer/bert"]
    assert (await host.rest.get("/customers/bert"))["name"] == "bert"
    unnamed = snapshot_of(bot(customers=[{"id": "bert"}, {"id": "carl", "name": "carl"}]))
    await converge(host, unnamed, applied)
    assert await converge(host, unnamed) == []
    assert (await host.rest.get("/customers/carl"))["name"] == "carl"


async def test_deleted_customer_comes_back_with_each_tag_once(host: Host) -> None:
    wanted = snapshot_of(bot(customers=[{"id": "bert", "tags": ["vip"]}]))
    applied = Snapshot((await put(host, wanted)).values())
    tags = (await host.rest.get("/customers/bert"))["tags"]
    theirs = (await host.rest.post("/tags", name="theirs"))["id"]
    await host.rest.patch("/customers/bert", tags={"add": [theirs]})
    await host.rest.delete("/customers/bert")
    assert await converge(host, wanted, applied) == ["create customer/bert"]
    assert sorted((await host.rest.get("/customers/bert"))["tags"]) == sorted([*tags, theirs])
    assert await converge(host, wanted, applied) == []


async def test_a_tag_that_a_customer_has_twice_is_seen_and_mended(host: Host) -> None:
    wanted = snapshot_of(bot(customers=[{"id": "bert", "tags": ["vip"]}]))
    applied = Snapshot((await put(host, wanted)).values())
    tags = (await host.rest.get("/customers/bert"))["tags"]
    await host.rest.delete("/customers/bert")
    await host.rest.post("/customers", id="bert", name="bert", tags=tags)  # as Parlant has it then
    assert (await host.rest.get("/customers/bert"))["tags"] == tags * 2
    assert await converge(host, wanted, applied) == ["update customer/bert"]
    assert (await host.rest.get("/customers/bert"))["tags"] == tags
    assert await converge(host, wanted, applied) == []


async def test_what_is_taken_back_goes_and_what_is_not_ours_stays(host: Host) -> None:
    full = bot(guidelines=[])
    applied = Snapshot((await put(host, snapshot_of(full))).values())
    tags = [f"agent:{BOT}"]
    await host.rest.post("/capabilities", title="Theirs", description="d", signals=[], tags=tags)
    theirs = await host.rest.post("/context-variables", name="theirs", tags=tags)
    await host.rest.post("/customers", id="carl", name="Carl")
    document = full.to_document()
    document["canned_responses"] = [{"id": HELLO, "value": "Hello"}]
    document["variables"] = [{"name": "plan", "values": {"default": "basic"}}]
    document["capabilities"] = [{"title": "Lend a phone", "description": "While repaired"}]
    document["customers"] = [{"id": "an.na"}, {"id": "carl", "tags": ["vip"]}]
    less = snapshot_of(Bot.from_document(document))
    planned = plan(less, await seen(host, {**applied, **less}), applied)
    assert {action.ref for action in planned.actions if action.operation == "report"} == {
        Ref("capability", f"{BOT}:Theirs"),
        Ref("variable", f"{BOT}:theirs"),
    }
    await converge(host, less, applied)
    assert not plan(less, await seen(host, less, unmanaged=False), less).actions
    found = await held(host)
    assert counts(found) == [1, 2, 2, 2]
    hello = found["canned_responses"][0]
    assert (hello["fields"], hello["signals"], hello["tags"]) == ([], [], [f"agent:{BOT}"])
    assert {one["id"] for one in found["customers"]} == {"an.na", "carl"}
    assert (await host.rest.get("/customers/an.na"))["tags"] == []
    nothing = snapshot_of(Bot(id=BOT, name="Order Desk"))
    await converge(host, nothing, less)
    found = await held(host)
    assert [one["id"] for one in found["context-variables"]] == [theirs["id"]]
    assert [one["title"] for one in found["capabilities"]] == ["Theirs"]
    assert [one["id"] for one in found["customers"]] == ["carl"]


async def test_what_was_only_begun_is_known_for_ours(host: Host) -> None:
    """Made, the answer lost, and then wanted no longer: its key is all that is known of it."""
    await put(host, snapshot_of(bot()))
    begun = Snapshot(
        Resource(ref.kind, ref.key, BOT, get_kind(ref.kind).told_by_key(ref.key))
        for ref in snapshot_of(bot())
        if ref.kind in ("canned_response", "variable", "capability")
    )
    await converge(host, snapshot_of(Bot(id=BOT, name="Order Desk")), begun)
    assert counts(await held(host)) == [0, 0, 0, 2]


async def considered(thread: Any, guidelines: list[str]) -> set[str]:
    """What Parlant itself chooses among while these guidelines apply."""
    parlant = thread.server.container
    agent = await parlant[AgentStore].read_agent(BOT)
    applying = [await parlant[GuidelineStore].read_guideline(key) for key in guidelines]
    query = parlant[EntityQueries].find_canned_responses_for_context
    return {found.value for found in await query(agent, [], applying)}


async def test_one_for_a_guideline_is_for_nothing_else(
    host: Host, request: pytest.FixtureRequest
) -> None:
    guidelines = [{"id": GREET, "condition": "Somebody greets", "canned_responses": [HELLO]}]
    wanted = snapshot_of(bot(guidelines=guidelines))
    hello = Ref("canned_response", HELLO)
    if await host.port.unable(wanted[hello]):  # a server elsewhere
        await put(host, Snapshot(r for r in wanted.values() if r.ref != hello))
        with pytest.raises(TargetRefused, match="cannot bind a canned response"):
            await host.port.create(wanted[hello])
        assert counts(await held(host))[0] == 1
        return
    await put(host, wanted)
    await put(host, wanted)
    found = await host.rest.get("/canned_responses", tags=[f"guideline:{GREET}"])
    assert [one["fields"][0]["name"] for one in found] == ["name"]
    assert f"agent:{BOT}" not in found[0]["tags"]
    assert not plan(wanted, await seen(host, wanted), wanted).actions
    thread = request.getfixturevalue("parlant_thread")
    assert await thread.within(considered(thread, [])) == {"May I help?"}
    assert len(await thread.within(considered(thread, [GREET]))) == 2
    changes = {"tags": {"remove": [f"guideline:{GREET}"]}}
    await host.rest.patch(f"/canned_responses/{found[0]['id']}", **changes)
    assert await converge(host, wanted) == [f"replace {hello}"]
    assert len(await host.rest.get("/canned_responses", tags=[f"guideline:{GREET}"])) == 1
    unbound = snapshot_of(bot())
    assert await converge(host, unbound, wanted) == [f"replace {hello}"]
    assert counts(await held(host))[0] == 2


async def test_what_others_made_can_be_taken_over_as_it_is(host: Host) -> None:
    agent = snapshot_of(Bot(id=BOT, name="Order Desk"))
    await put(host, agent)
    tags = [f"agent:{BOT}"]
    await host.rest.post("/canned_responses", value="Hi", fields=[], metadata={"a": 1}, tags=tags)
    await host.rest.post("/capabilities", title="Lend", description="d", signals=["s"], tags=tags)
    variable = await host.rest.post("/context-variables", name="plan", tags=tags)
    for whose in ("DEFAULT", "anna"):
        await host.rest.put(f"/context-variables/{variable['id']}/{whose}", data=whose)
    adopted = bot_of(BOT, await seen(host, agent))
    assert adopted.canned_responses[0].metadata == {"a": 1}
    assert adopted.variables[0].values == {"default": "DEFAULT"}
    assert adopted.capabilities[0].signals == ["s"]
    wanted = snapshot_of(adopted)
    assert not plan(wanted, await seen(host, wanted), wanted).actions


async def test_one_for_a_state_is_bound_to_that_state(
    host: Host, request: pytest.FixtureRequest
) -> None:
    states = [
        {"id": "ask", "chat": "Ask what is wrong", "next": [{"to": "offer"}]},
        {"id": "offer", "chat": "Offer help", "canned_responses": [OFFER]},
    ]
    journey = {"id": f"{BOT}.help", "title": "Help", "description": "Help them"}
    wanted = snapshot_of(bot(journeys=[{**journey, "conditions": ["Lost"], "states": states}]))
    offer = wanted[Ref("canned_response", OFFER)]
    if await host.port.unable(offer):  # a server elsewhere
        return
    await put(host, wanted)
    thread = request.getfixturevalue("parlant_thread")
    nodes = await thread.within(thread.server.container[JourneyStore].list_nodes(f"{BOT}.help"))
    (node,) = [node.id for node in nodes if node.action == "Offer help"]
    (found,) = await host.rest.get("/canned_responses", tags=[f"journey_node:{node}"])
    assert found["value"] == "May I help?"
    assert f"agent:{BOT}" not in found["tags"]
    assert not plan(wanted, await seen(host, wanted), wanted).acting


async def test_a_tool_that_is_not_there_is_named(host: Host) -> None:
    variables = [{"name": "plan", "tool": "crm:plan"}]
    wanted = snapshot_of(bot(variables=variables))
    variable = wanted[Ref("variable", f"{BOT}:plan")]
    await put(host, Snapshot(r for r in wanted.values() if r is not variable))
    with pytest.raises(TargetRefused, match="crm:plan"):
        await host.port.create(variable)
    assert counts(await held(host))[:2] == [2, 0]
