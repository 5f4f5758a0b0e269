"""What only the process that hosts Parlant can make: of several one is enough, and preambles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import parlant.sdk as p
import pytest

from otto_reconcile import manifest
from otto_reconcile.desired import DesiredState
from otto_reconcile.diff import plan
from otto_reconcile.errors import InvalidInput, TargetRefused
from otto_reconcile.model import Bot, Ref, Resource, Snapshot, snapshot_of
from otto_reconcile.model.from_resources import part_of
from otto_reconcile.observed import known
from otto_reconcile.port.host_process import ELSEWHERE
from otto_reconcile.port.rest import RestPort
from otto_reconcile.server.sdk_relationships import Relating
from otto_reconcile.store.memory import MemoryStore
from tests.desired.test_states import CLI
from tests.port.conftest import Host
from tests.port.test_contract import BOT, converge, seen

MANIFEST = """
apiVersion: otto/v1
kind: Bot
metadata: {id: BOT}
spec:
  name: Desk
  guidelines:
    - {id: upset, condition: They are upset, tags: [case]}
    - {id: vip, condition: They are a vip, tags: [case]}
    - {id: late, condition: It is late}
    - {id: g, condition: They ask, action: Answer}
    - {id: h, condition: They ask again, action: Answer again}
  relationships:
    - {kind: dependency_any, source: g, target: upset}
    - {kind: dependency_any, source: g, target: vip}
    - {kind: dependency_any, source: g, target: late, group: time}
    - {kind: dependency_any, source: g, target: pay, group: time}
    - {kind: dependency, source: h, target: "any:case"}
    - {kind: priority, source: g, target: vip}
  canned_responses:
    - {id: wait, value: One moment, preamble: true}
    - {id: bye, value: Goodbye}
  journeys:
    - id: pay
      title: Pay
      description: d
      conditions: [They pay]
      canned_responses: [bye, {id: hello, value: Hello}]
      states: [{chat: Take the card, canned_responses: [{value: Your card please}]}]
"""
only_inside = pytest.mark.parametrize("host", ["asgi", "bridge"], indirect=True)


def bot(tmp_path: Path, text: str = MANIFEST) -> Bot:
    path = tmp_path / "desk.yaml"
    path.write_text(text.replace("BOT", BOT))
    return manifest.load([path], environ={}).bots[0].bot


async def inside(host: Host) -> dict[tuple[str, str, str], Any]:
    """The relationships of one target that Parlant has, with their groups."""
    from parlant.core.relationships import RelationshipStore

    store = host.port._thread.server.container[RelationshipStore]
    listed = await host.port._thread.within(store.list_relationships(indirect=False))
    return {
        (one.kind.value, one.target.kind.value, str(one.target.id)): one
        for one in listed
        if one.source.id in (f"{BOT}.g", f"{BOT}.h")
    }


async def canned(host: Host) -> dict[str, list[str]]:
    found = await host.rest.get("/canned_responses")
    return {one["value"]: sorted(one["tags"]) for one in found}


@pytest.fixture(autouse=True)
async def tidy(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Parlant lists no relationship, not even to be deleted, as long as there is such a one."""
    yield
    if (
        "parlant_thread" in request.fixturenames
        or "asgi" in request.node.name
        or "bridge" in request.node.name
    ):
        thread = request.getfixturevalue("parlant_thread")
        relating = Relating(thread.server)
        for one in await thread.within(relating.all()):
            await thread.within(relating.delete(one.id))


@only_inside
async def test_one_of_several_is_made_seen_and_healed(host: Host, tmp_path: Path) -> None:
    wanted = snapshot_of(bot(tmp_path))
    await converge(host, wanted)
    made = await inside(host)
    one = {key[2].partition(".")[2] or key[2]: one.group_id for key, one in made.items()}
    assert len(made) == 6
    assert one["upset"] is not None
    assert made["dependency_any", "guideline", f"{BOT}.vip"].group_id == one["upset"]
    assert one["late"] == made["dependency_any", "tag_all", f"journey:{BOT}.pay"].group_id
    assert one["late"] != one["upset"]
    assert any(key[:2] == ("dependency", "tag_any") for key in made)
    assert await converge(host, wanted) == []
    async with host.port.sweep():
        assert not plan(wanted, await seen(host, known(wanted, wanted)), wanted).actions
    for lost in made.values():
        await host.rest.delete(f"/relationships/{lost.id}")
    healed = await converge(host, wanted)
    assert len(healed) == 6
    assert (await inside(host)).keys() == made.keys()
    await regrouped(host, made)
    assert len(await converge(host, wanted)) == 1
    assert await converge(host, wanted) == []
    nothing = snapshot_of(bot(tmp_path).model_copy(update={"relationships": []}))
    await converge(host, nothing, wanted)
    assert await inside(host) == {}


async def regrouped(host: Host, made: Mapping[Any, Any]) -> None:
    """Somebody makes one of a group of its own."""
    from parlant.core.relationships import RelationshipStore

    one = made["dependency_any", "guideline", f"{BOT}.vip"]
    store = host.port._thread.server.container[RelationshipStore]
    call = store.create_relationship(one.source, one.target, one.kind, "other")
    await host.port._thread.within(call)


@only_inside
async def test_a_look_from_elsewhere_sees_no_difference(host: Host, tmp_path: Path) -> None:
    wanted = snapshot_of(bot(tmp_path))
    await converge(host, wanted)
    applied = await seen(host, known(wanted, wanted))
    app = host.port._thread.app
    stranger = RestPort.over_asgi(app, target="another look", host=ELSEWHERE)
    within = host.port._thread.within
    for _ in range(2):
        observed = (await within(stranger.observe(BOT, known(wanted, applied)))).snapshot
        assert not plan(wanted, observed, applied).acting


@only_inside
async def test_preambles_and_words_of_journeys_are_made_and_seen(
    host: Host, tmp_path: Path
) -> None:
    wanted = snapshot_of(bot(tmp_path))
    await converge(host, wanted)
    made = await canned(host)
    assert made["One moment"] == sorted(["__preamble__", f"agent:{BOT}"])
    for value in ("Goodbye", "Hello"):
        assert f"journey:{BOT}.pay" in made[value]
        assert f"agent:{BOT}" not in made[value]
    assert any(tag.startswith("journey_node:") for tag in made["Your card please"])
    assert await converge(host, wanted) == []
    for one in await host.rest.get("/canned_responses"):
        await host.rest.delete(f"/canned_responses/{one['id']}")
    await converge(host, wanted)
    assert await canned(host) == made
    plain = snapshot_of(bot(tmp_path, MANIFEST.replace(", preamble: true", ", preamble: false")))
    key = f"canned_response/{BOT}.wait"
    assert await converge(host, plain, wanted) == [f"replace {key}"]
    assert (await canned(host))["One moment"] == [f"agent:{BOT}"]


@only_inside
async def test_a_preamble_of_another_hand_is_one_in_a_manifest(host: Host, tmp_path: Path) -> None:
    wanted = snapshot_of(bot(tmp_path))
    await converge(host, Snapshot([wanted[Ref("agent", BOT)]]))
    thread = host.port._thread

    async def make() -> None:
        agent = await thread.server.get_agent(id=BOT)
        await agent.create_canned_response("A moment", tags=[p.Tag.preamble()])

    await thread.within(make())
    (found,) = [r for r in (await seen(host, {})).values() if r.kind == "canned_response"]
    assert found.spec["tags"] == []
    assert part_of(found)["preamble"] is True


def test_what_is_held_back_is_told_with_its_line(tmp_path: Path) -> None:
    bot(tmp_path)
    path = tmp_path / "desk.yaml"
    (loaded,) = manifest.load([path], environ={}).bots
    lines = path.read_text().splitlines()
    for resource in snapshot_of(loaded.bot).values():
        if resource.kind == "relationship":
            line, _ = loaded.place_of(resource.ref)
            assert f"kind: {resource.spec['kind']}," in lines[line - 1]
    (preamble,) = [r for r in snapshot_of(loaded.bot) if r.key == f"{BOT}.wait"]
    assert "preamble" in lines[loaded.place_of(preamble)[0] - 1]


@pytest.mark.parametrize("host", ["http"], indirect=True)
async def test_elsewhere_they_are_held_back_with_the_reason(host: Host, tmp_path: Path) -> None:
    found: dict[str, str] = {}
    for ref, resource in snapshot_of(bot(tmp_path)).items():
        if why := await host.port.unable(resource):
            found[str(ref)] = why
    assert {key for key in found if "one of several is enough" in found[key]} == {
        f"relationship/dependency_any:guideline:{BOT}.g->guideline:{BOT}.upset",
        f"relationship/dependency_any:guideline:{BOT}.g->guideline:{BOT}.vip",
        f"relationship/dependency_any:guideline:{BOT}.g->guideline:{BOT}.late",
        f"relationship/dependency_any:guideline:{BOT}.g->journey:{BOT}.pay",
        f"relationship/dependency:guideline:{BOT}.h->any:case",
    }
    assert "preamble" in found[f"canned_response/{BOT}.wait"]
    assert f"canned_response/{BOT}.bye" not in found
    words = [key for key in found if key.startswith("canned_response")]
    assert len(words) == 2  # the other one is that of the state


@pytest.mark.parametrize("host", ["http"], indirect=True)
async def test_words_of_a_journey_are_made_elsewhere_too(host: Host, tmp_path: Path) -> None:
    text = MANIFEST.replace("      states:", "      tags: [x]\n      labels: []\n#")
    wanted = snapshot_of(bot(tmp_path, text))
    able = Snapshot([r for r in wanted.values() if await host.port.unable(r) is None])
    await converge(host, able)
    assert f"journey:{BOT}.pay" in (await canned(host))["Goodbye"]
    assert await converge(host, able) == []


def test_they_are_written_kept_and_read_again(tmp_path: Path) -> None:
    first = bot(tmp_path)
    path = tmp_path / "again.yaml"
    path.write_text(manifest.dump([first]))
    assert manifest.load([path], environ={}).bots[0].bot == first
    store = MemoryStore()
    state = DesiredState(store)
    state.put(first, source=CLI, actor="ann")
    assert DesiredState(store).get(first.id).bot == first
    (row,) = store.find("relationships", {"target": f"guideline:{BOT}.late"})
    store.put("relationships", [{**row, "group": "hour"}])
    state.ingest()
    groups = {r.group for r in DesiredState(store).get(first.id).bot.relationships}
    assert groups == {None, "time", "hour"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("preamble: true", "tags: [__preamble__]", "write `preamble: true` instead"),
        ("{kind: priority, source: g, target: vip}",
         "{kind: priority, source: g, target: 'any:case'}", "only in the target of a dependency"),
        ("{kind: priority, source: g, target: vip}",
         "{kind: priority, source: g, target: vip, group: x}", "only a relationship of kind"),
        ("{kind: priority, source: g, target: vip}",
         "{kind: dependency, source: h, target: 'tag:case'}", "is there twice"),
        ("{kind: priority, source: g, target: vip}",
         "{kind: dependency, source: vip, target: g}", "closes a circle"),
        ("[bye,", "[by,", "has no canned response `by`"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        bot(tmp_path, MANIFEST.replace(before, after))


def test_needs_and_tags_are_those_of_the_ends(tmp_path: Path) -> None:
    wanted = snapshot_of(bot(tmp_path))
    assert Ref("tag", "case") in wanted
    one = wanted[Ref("relationship", f"dependency:guideline:{BOT}.h->any:case")]
    assert isinstance(one, Resource)


MISSING = """
apiVersion: otto/v1
kind: Bot
metadata: {id: BOT}
spec:
  name: Desk
  guidelines: [{id: g, condition: They ask, action: Answer}]
  relationships: [{kind: KIND, source: SOURCE, target: TARGET}]
"""


@only_inside
async def test_an_end_that_is_not_there_is_named(host: Host, tmp_path: Path) -> None:
    for kind in ("dependency_any", "priority"):
        for end in ("guideline", "journey", "agent"):
            for sides in (("g", f"{end}:exact:gone"), (f"{end}:exact:gone", "g")):
                text = MISSING.replace("KIND", kind)
                text = text.replace("SOURCE", sides[0]).replace("TARGET", sides[1])
                want = snapshot_of(bot(tmp_path, text))
                side = "target" if sides[0] == "g" else "source"
                said = f"its {side}, {end} 'gone', is not on the server"
                with pytest.raises(TargetRefused, match=said):
                    await converge(host, want)
                assert await inside(host) == {}
