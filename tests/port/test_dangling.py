"""Relationships of others that dangle hide ours from Parlant's lists: ours settle all the same."""

from __future__ import annotations

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Bot, Resource, Snapshot, snapshot_of
from tests.port.conftest import Host
from tests.port.test_contract import BOT, converge, put, seen

ONE, THEIRS = f"{BOT}.one", "other.one"


def bound(target: str) -> Snapshot:
    document = {
        "id": BOT,
        "name": "Order Desk",
        "tags": ["vip"],
        "guidelines": [{"id": ONE, "condition": "1"}],
        "relationships": [{"kind": "priority", "source": f"guideline:{ONE}", "target": target}],
    }
    return snapshot_of(Bot.from_document(document))


def relationship_of(wanted: Snapshot) -> Resource:
    return next(resource for ref, resource in wanted.items() if ref.kind == "relationship")


async def put_another_bot(host: Host) -> None:
    await host.rest.post("/agents", id="other", name="Other")
    await host.rest.post("/guidelines", id=THEIRS, condition="t", tags=["agent:other"])


async def dangle(host: Host, guideline: str, bot: str) -> None:
    """A person binds a guideline to one that is deleted then. Parlant keeps what shares a tag."""
    gone = f"gone-{bot}"
    await host.rest.post("/guidelines", id=gone, condition="g", tags=[f"agent:{bot}"])
    ends = {"source_guideline": guideline, "target_guideline": gone}
    await host.rest.post("/relationships", kind="entailment", **ends)
    await host.rest.delete(f"/guidelines/{gone}")
    with pytest.raises(Exception, match="404"):
        await host.rest.get("/relationships", guideline_id=guideline, indirect=False)


@pytest.mark.parametrize("target", ["tag:vip", f"guideline:{THEIRS}"])
async def test_ours_is_seen_by_its_other_end(host: Host, target: str) -> None:
    await put_another_bot(host)
    wanted = bound(target)
    await put(host, wanted, fresh=True)
    await dangle(host, ONE, BOT)
    for unmanaged in (True, False):
        assert not plan(wanted, await seen(host, wanted, unmanaged=unmanaged), wanted).acting
    async with host.port.sweep():
        assert not plan(wanted, await seen(host, wanted), wanted).acting


async def test_where_both_ends_are_hidden_one_look_mends_it(host: Host) -> None:
    await put_another_bot(host)
    wanted = bound(f"guideline:{THEIRS}")
    made = await put(host, wanted, fresh=True)
    await dangle(host, ONE, BOT)
    await dangle(host, THEIRS, "other")
    ours = relationship_of(wanted)
    assert await converge(host, wanted) == [f"create {ours.ref}"]
    assert await converge(host, wanted) == []
    listed = await host.rest.get("/relationships", guideline_id=ONE, indirect=False)
    assert [found["id"] for found in listed] == [made[ours.ref].remote_id]  # not made again
    guidelines = {guideline["id"] for guideline in await host.rest.get("/guidelines")}
    assert guidelines == {ONE, THEIRS}


async def test_unreadable_thing_is_refused_by_name_and_not_recreated(host: Host) -> None:
    await put_another_bot(host)
    wanted = bound(f"guideline:{THEIRS}")
    await put(host, wanted, fresh=True)
    await host.rest.post("/agents", id="leaver", name="Leaver")
    for guideline in (ONE, THEIRS):
        ends = {"source_guideline": guideline, "target_tag": "agent:leaver"}
        await host.rest.post("/relationships", kind="dependency", **ends)
    await host.rest.delete("/agents/leaver")
    try:
        with pytest.raises(TargetRefused, match="leaver is gone"):
            await host.port.create(relationship_of(wanted))
    finally:  # what dangles from an agent would outlive the test
        await host.rest.post("/agents", id="leaver", name="Leaver")
    assert not plan(wanted, await seen(host, wanted), wanted).acting
