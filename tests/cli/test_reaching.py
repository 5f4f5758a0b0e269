"""What reaches every agent and nobody declared, on a real Parlant; ours is never among it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from otto_reconcile.model import snapshot_of
from otto_reconcile.port.reaching import Reaching
from otto_reconcile.port.rest import RestPort
from tests.cli.command import Otto, manifest
from tests.e2e.harness import Place, wait_for
from tests.parlant_server.rest import Rest
from tests.port.test_contract import bot

PATHS = (
    "/guidelines",
    "/journeys",
    "/terms",
    "/canned_responses",
    "/context-variables",
    "/capabilities",
)
VALUES: tuple[dict[str, Any], ...] = (
    {"id": "all.g", "condition": "For everybody"},
    {"id": "all.j", "title": "J", "description": "d", "conditions": ["c"]},
    {"id": "all.t", "name": "T", "description": "d"},
    {"value": "v", "fields": []},
    {"name": "v"},
    {"title": "c", "description": "d", "signals": []},
)


async def make_global(rest: Rest) -> dict[str, str]:
    """One of each kind without a tag; their ids."""
    kinds = ("guideline", "journey", "term", "canned response", "variable", "capability")
    made = zip(kinds, PATHS, VALUES, strict=True)
    return {kind: (await rest.post(path, **values))["id"] for kind, path, values in made}


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


async def test_diff_shows_what_pruning_would_delete(
    parlant_rest: Rest, parlant_url: str, otto: Otto
) -> None:
    await make_global(parlant_rest)
    done = otto("diff", "--parlant-url", parlant_url, "--prune-unmanaged")
    assert done.code == 2
    assert "- delete guideline all.g (it reaches every agent)" in done.out
    assert "6 to delete" in done.out.splitlines()[-1]
    assert len(await found(parlant_url)) == 6


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


def test_pruning_deletes_each_kind_and_nothing_of_ours(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write("desk.yaml", manifest())
    with place.forked("--port", "0", "--interval", "2", "--prune-unmanaged") as daemon:
        daemon.wait_synced("desk")
        before = {path: daemon.call("GET", path) for path in PATHS}
        made = {
            path: daemon.call("POST", path, values)["id"]
            for path, values in zip(PATHS, VALUES, strict=True)
        }

        def gone() -> bool:
            return all(daemon.call("GET", path) == before[path] for path in PATHS)

        wait_for("all of it is gone", gone)
        wait_for("all is well", lambda: place.command("status").returncode == 0)
        daemon.wait_synced("desk")
        said = place.command("actions", "-o", "json", "--outcome", "succeeded").stdout
        done = [one for one in json.loads(said) if one["bot_id"] == ""]
        assert {one["key"] for one in done} == set(made.values())
        assert {(one["operation"], one["cause"]) for one in done} == {("delete", "Unmanaged")}
        assert "for every agent, run" in place.command("actions").stdout
