"""What is touched of a bot is read alone: the same that a look at the whole bot finds of it."""

from __future__ import annotations

from typing import Any

import pytest

from otto_reconcile.model import (
    Bot,
    Guideline,
    Journey,
    Ref,
    Relationship,
    Resource,
    Term,
    make,
    snapshot_of,
)
from tests.port.conftest import Host

BOT = "desk"
PARTS = (
    Ref("agent", "desk"),
    Ref("guideline", "desk.ask"),
    Ref("journey", "desk.way"),
    Ref("term", "desk.rma"),
    Ref("tag", "shop"),
)


def wanted() -> Bot:
    return Bot(
        id=BOT,
        name="Desk",
        tags=["shop"],
        guidelines=[
            Guideline(id="desk.ask", condition="Asks", action="Say"),
            Guideline(id="desk.chat", condition="Chats", action="Answer"),
        ],
        journeys=[Journey(id="desk.way", title="W", description="d", conditions=["a", "b"])],
        terms=[Term(id="desk.rma", name="RMA", description="A number")],
        relationships=[
            Relationship(kind="priority", source="guideline:desk.ask", target="guideline:desk.chat")
        ],
    )


@pytest.fixture
async def known(host: Host) -> dict[Ref, Resource]:
    """On the target as they are wanted."""
    snapshot = snapshot_of(wanted())
    for resource in snapshot.values():
        await host.port.create(resource)
    return dict(snapshot.items())


def without_ids(resource: Resource) -> Any:
    return resource.kind, resource.key, resource.spec


async def test_a_part_alone_is_as_it_is_in_the_whole(
    host: Host, known: dict[Ref, Resource]
) -> None:
    whole = (await host.port.observe(BOT, known)).snapshot
    for ref in known:
        alone = (await host.port.observe_parts(BOT, known, [ref])).snapshot
        assert without_ids(alone[ref]) == without_ids(whole[ref])


async def test_no_list_of_guidelines_or_journeys_is_read(
    host: Host, known: dict[Ref, Resource]
) -> None:
    paths: list[str] = []

    async def count(request: Any) -> None:
        paths.append(request.url.path)

    port = getattr(host.port, "inner", host.port)
    port._wire.http.event_hooks["request"].append(count)
    try:
        await host.port.observe_parts(BOT, known, PARTS)
    finally:
        port._wire.http.event_hooks["request"].remove(count)
    assert not {"/guidelines", "/journeys", "/terms", "/relationships"} & set(paths)
    # Agent, guideline, journey with two conditions, term, and the names of tags.
    assert len(paths) <= 8


async def test_a_part_that_is_gone_is_not_found(host: Host, known: dict[Ref, Resource]) -> None:
    for path, ref in (("guidelines", PARTS[1]), ("journeys", PARTS[2]), ("terms", PARTS[3])):
        await host.rest.delete(f"/{path}/{ref.key}")
        assert ref not in (await host.port.observe_parts(BOT, known, [ref])).snapshot


async def test_a_part_without_its_tag_is_found(host: Host, known: dict[Ref, Resource]) -> None:
    await host.rest.patch("/guidelines/desk.ask", tags={"remove": [f"agent:{BOT}"]})
    found = (await host.port.observe_parts(BOT, known, [PARTS[1]])).snapshot[PARTS[1]]
    assert found.spec["tags"] == [f"(missing) agent:{BOT}"]


async def test_what_nobody_wants_is_read_by_its_id(host: Host, known: dict[Ref, Resource]) -> None:
    mine, other = Ref("guideline", "theirs"), Ref("guideline", "elsewhere")
    await host.rest.post("/guidelines", id="theirs", condition="x", tags=[f"agent:{BOT}"])
    await host.rest.post("/guidelines", id="elsewhere", condition="x")
    found = (await host.port.observe_parts(BOT, known, [mine, other])).snapshot
    assert [*found] == [mine]


async def test_a_condition_is_known_to_be_its_journeys(
    host: Host, known: dict[Ref, Resource]
) -> None:
    port = getattr(host.port, "inner", host.port)
    listed = await host.rest.get("/guidelines", tag_id="journey:desk.way")
    assert {port.part_of("guideline", one["id"]) for one in listed} == {PARTS[2]}
    assert port.part_of("guideline", "desk.ask") is None


async def test_a_relationship_that_a_stranger_made_is_found(
    host: Host, known: dict[Ref, Resource]
) -> None:
    await host.rest.post(
        "/relationships",
        kind="entailment",
        source_guideline="desk.chat",
        target_guideline="desk.ask",
    )
    parts = [make("relationship", "x", BOT, {}).ref]
    found = (await host.port.observe_parts(BOT, known, parts)).snapshot
    assert {str(r.spec["kind"]) for r in found.values()} == {"priority", "entailment"}


async def test_only_what_is_asked_for_reaches_everybody(host: Host) -> None:
    for name in ("one", "two"):
        await host.rest.post("/guidelines", id=name, condition=name)
    among = {Ref("guideline", "two"), Ref("guideline", "gone"), Ref("term", "gone")}
    assert [found.id for found in await host.port.reaching(among)] == ["two"]
    assert await host.port.reaching(set()) == []
