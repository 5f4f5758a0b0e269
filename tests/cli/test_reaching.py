"""What reaches every agent and nobody declared, on a real Parlant; ours is never among it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otto_reconcile.port.reaching import Reaching
from otto_reconcile.port.rest import RestPort
from otto_reconcile.resources import snapshot_of
from tests.cli.command import Otto, manifest
from tests.e2e.harness import Place, wait_for
from tests.parlant_server.fixtures import parlant_process, parlant_rest, parlant_url
from tests.parlant_server.rest import Rest
from tests.port.test_contract import bot

__all__ = ["parlant_process", "parlant_rest", "parlant_url"]


async def make_global(rest: Rest) -> dict[str, str]:
    """One of each kind without a tag; their ids."""
    made = {
        "guideline": await rest.post("/guidelines", id="all.g", condition="For everybody"),
        "journey": await rest.post(
            "/journeys", id="all.j", title="J", description="d", conditions=["c"]
        ),
        "term": await rest.post("/terms", id="all.t", name="T", description="d"),
        "canned response": await rest.post("/canned_responses", value="v", fields=[]),
        "variable": await rest.post("/context-variables", name="v"),
        "capability": await rest.post("/capabilities", title="c", description="d", signals=[]),
    }
    return {kind: one["id"] for kind, one in made.items()}


async def found(url: str) -> list[Reaching]:
    port = RestPort.over_http(url)
    try:
        return list(await port.reaching())
    finally:
        await port.close()


async def test_each_kind_without_a_tag_reaches_every_agent(
    parlant_rest: Rest, parlant_url: str
) -> None:
    made = await make_global(parlant_rest)
    told = await found(parlant_url)
    assert {one.kind: one.id for one in told} == made
    assert all(one.tag == "" for one in told)
    said = str(next(one for one in told if one.kind == "guideline"))
    assert said.startswith("guideline all.g (For everybody) reaches every agent, and nobody")
    assert "DELETE /guidelines/all.g" in said


async def test_a_shared_tag_reaches_those_that_carry_it(
    parlant_rest: Rest, parlant_url: str
) -> None:
    rest = parlant_rest
    vip, idle = [(await rest.post("/tags", name=name))["id"] for name in ("vip", "idle")]
    for key in ("a", "b"):
        await rest.post("/agents", id=key, name=key, tags=[vip])
    await rest.post("/guidelines", id="shared", condition="c", tags=[vip])
    await rest.post("/guidelines", id="of-nobody", condition="c", tags=[idle])
    await rest.post("/guidelines", id="own", condition="c", tags=["agent:a", vip])
    (one,) = await found(parlant_url)
    assert (one.id, one.tag, one.agents) == ("shared", "vip", ("a", "b"))


async def test_nothing_of_ours_is_taken_for_reaching_every_agent(
    parlant_rest: Rest, parlant_url: str
) -> None:
    rest, port = parlant_rest, RestPort.over_http(parlant_url)
    made: Any = [r for r in snapshot_of(bot()).values() if r.kind != "tool_service"]
    for resource in made:
        await port.create(resource, fresh=True)
    await port.close()
    journey = next(r.key for r in made if r.kind == "journey")
    await rest.post("/guidelines", id="scoped", condition="As an SDK makes it")
    ends = {"source_guideline": "scoped", "target_tag": f"journey:{journey}"}
    await rest.post("/relationships", kind="dependency", **ends)
    await rest.post("/agents", id="gone", name="Gone")
    await rest.post("/guidelines", id="orphan", condition="c", tags=["agent:gone"])
    await rest.delete("/agents/gone")
    await rest.post("/guidelines", id="off", condition="c")
    await rest.patch("/guidelines/off", enabled=False)
    assert await found(parlant_url) == []


async def test_diff_names_it_first_and_exits_with_two(
    parlant_rest: Rest, parlant_url: str, otto: Otto
) -> None:
    await parlant_rest.post("/guidelines", id="all.g", condition="For everybody")
    otto("apply", "-f", "-", stdin=manifest())
    done = otto("diff", "--parlant-url", parlant_url)
    assert done.code == 2
    assert done.out.startswith("! guideline all.g (For everybody) reaches every agent, and nobody")
    assert "1 reaching every agent" in done.out.splitlines()[-1]


def test_the_daemon_tells_it_at_once_and_that_it_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write("desk.yaml", manifest())
    with place.forked("--port", "0", "--interval", "5") as daemon:
        daemon.wait_synced("desk")
        assert place.command("status").returncode == 0
        daemon.call("POST", "/guidelines", {"id": "all.g", "condition": "For everybody"})
        said = "undeclared guideline all.g"
        wait_for("it is told", lambda: said in place.command("status").stdout)
        assert place.command("status").returncode == 2
        daemon.call("DELETE", "/guidelines/all.g")
        wait_for("all is well", lambda: place.command("status").returncode == 0)
