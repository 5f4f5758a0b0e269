"""Plan files over a real Parlant server: exactly what was shown is done, or nothing is."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.port.rest import RestPort
from tests.cli.command import Done, Otto, manifest
from tests.cli.desk import Desk

Announce = Callable[..., dict[str, Any]]
STATUS = "/guidelines/desk.status"


async def planned(desk: Desk, *words: object) -> dict[str, Any]:
    """The plan file `plan.json` of a `diff`."""
    done = await desk.diff(*words, "--out", "plan.json")
    assert done.code in (0, 2), done.err
    assert "otto-reconcile apply plan.json" in done.err
    found: dict[str, Any] = json.loads(plan_of(desk).read_text("utf-8"))
    return found


def plan_of(desk: Desk) -> Path:
    return desk.otto.folder / "plan.json"


async def apply(desk: Desk, *words: object, **environ: str) -> Done:
    given = ("apply", "plan.json", "--parlant-url", desk.url, *words)
    return await asyncio.to_thread(desk.otto, *given, **environ)


async def action_of(desk: Desk) -> str:
    """What the guideline says on the server."""
    return str((await desk.rest.get(STATUS))["guideline"]["action"])


def target_of(desk: Desk) -> str:
    return RestPort.over_http(desk.url).target


def edit(desk: Desk, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the file as somebody would who makes the digest anew."""
    document = json.loads(plan_of(desk).read_text("utf-8"))
    document.pop("digest")
    change(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document["digest"] = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    plan_of(desk).write_text(json.dumps(document), "utf-8")


async def refused(desk: Desk, *words: object, **environ: str) -> list[str]:
    """What changed, as a refusal says it; nothing is written anywhere."""
    before = await desk.everything()
    done = await apply(desk, *words, **environ)
    assert (done.code, done.out) == (1, ""), done.out
    *lines, error, hint = done.err.splitlines()
    assert error.startswith("error: plan.json is stale: not all is as it was when the plan was")
    assert error.endswith("by ann); nothing was done")
    assert hint.startswith("hint: look again, and make it anew: otto-reconcile diff ")
    assert await desk.everything() == before
    return [line.removeprefix("changed: ") for line in lines]


async def test_a_plan_shows_what_diff_shows(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    told = (await converged.diff("-o", "json")).json()
    plan = await planned(converged)
    assert plan["plan"] == told
    assert (plan["format"], plan["made"]["by"]) == (1, "ann")
    assert plan["decided"]["desk"]["revision"] == 1
    text = plan_of(converged).read_text("utf-8")
    assert text == json.dumps(plan, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert plan_of(converged).stat().st_mode & 0o777 == 0o600


async def test_exactly_its_calls_are_made(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await converged.rest.delete("/journeys/desk.return")
    plan = await planned(converged)
    done = await apply(converged, "-o", "json")
    assert done.code == 0, done.err
    listed = [e for entries in plan["plan"]["changes"].values() for e in entries]
    words = ("operation", "kind", "key")
    assert sorted([one[w] for w in words] for one in done.json()) == sorted(
        [one[w] for w in words] for one in listed
    )
    assert {one["result"] for one in done.json()} == {"succeeded"}
    assert await action_of(converged) == "Ask for its number"
    assert (await converged.diff()).out == "no difference\n"
    recorded = (
        await asyncio.to_thread(converged.otto, "actions", "-o", "json", "--limit", "2")
    ).json()
    assert {(one["operation"], one["key"]) for one in recorded} == {
        ("update", "desk.status"),
        ("create", "desk.return"),
    }
    async with converged.stores() as stores:
        assert stores.leases.current(target_of(converged)) is None
    tags = [tag["name"] for tag in await converged.rest.get("/tags")]
    assert not [name for name in tags if name.startswith("otto-manager")]


async def test_a_plan_may_begin_with_a_byte_order_mark(desk: Desk) -> None:
    await planned(desk)
    plan_of(desk).write_bytes(b"\xef\xbb\xbf" + plan_of(desk).read_bytes())
    done = await apply(desk)
    assert done.code == 0, done.err


async def test_a_first_plan_creates_all_and_a_second_is_stale(desk: Desk) -> None:
    await planned(desk)
    assert (await apply(desk)).code == 0
    assert (await desk.diff()).out == "no difference\n"
    lines = await refused(desk)
    assert "desk: no longer to be done on the target: create agent desk" in lines


async def test_a_plan_without_a_difference_does_nothing(converged: Desk) -> None:
    await planned(converged)
    before = await converged.everything()
    done = await apply(converged)
    assert (done.code, done.out) == (0, "nothing to do\n")
    assert await converged.everything() == before


async def test_a_dry_run_only_says_whether_it_could_be(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    before = await converged.everything()
    done = await apply(converged, "--dry-run")
    assert (done.code, done.out) == (2, "the plan can be applied as it is\n")
    assert await converged.everything() == before
    await converged.rest.patch(STATUS, action="Say something")
    assert await refused(converged, "--dry-run")


async def test_drift_after_the_plan_is_refused(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    await converged.rest.patch(STATUS, action="Say something")
    assert await refused(converged) == [
        "desk: otherwise on the target than in the plan: update guideline desk.status"
    ]
    await converged.rest.patch("/agents/desk", name="Oops")
    await converged.rest.patch(STATUS, action="Ask for its number")
    assert await refused(converged) == [
        "desk: to be done on the target now: update agent desk",
        "desk: no longer to be done on the target: update guideline desk.status",
    ]


async def test_what_is_unmanaged_makes_no_plan_stale(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    await converged.rest.post("/agents", name="Stranger", id="stranger")
    assert (await apply(converged)).code == 0
    assert await converged.rest.exists("/agents/stranger")


async def test_a_moved_desired_state_is_refused(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    await converged.apply(manifest(action="Say hello") + "---\n" + manifest("depot", "Depot"))
    assert await refused(converged) == [
        "depot: it is new",
        "desk: its desired state is at revision 2, the plan was made at 1",
    ]


async def test_rows_that_others_wrote_since_are_refused(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    async with converged.stores() as stores:
        where = {"guideline_id": "desk.status"}
        assert stores.store.swap("guidelines", where, {"action": "Said by a row"})
    assert await refused(converged) == [
        "desk: its desired state is at revision 2, the plan was made at 1"
    ]


async def test_another_version_of_the_tool_is_refused(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    edit(converged, lambda plan: plan["made"].update(tool="0.0.9"))
    (line,) = await refused(converged)
    assert line.startswith("the tool is another version: ")
    assert line.endswith(" instead of 0.0.9")


async def test_another_target_or_store_is_refused(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    edit(converged, lambda plan: plan["target"].update(id="http://other.example"))
    (line,) = await refused(converged)
    assert line.startswith("the target is another one: ")
    await planned(converged)
    edit(converged, lambda plan: plan["made"].update(store="MongoDB elsewhere"))
    (line,) = await refused(converged)
    assert line.startswith("the store is another one: SQLite ")


async def spoilt(desk: Desk, text: str) -> str:
    plan_of(desk).write_text(text, "utf-8")
    before = await desk.everything()
    done = await apply(desk)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 2, done.err
    assert await desk.everything() == before
    return done.err


async def test_files_that_are_no_whole_plan_are_refused(converged: Desk) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    text = plan_of(converged).read_text("utf-8")
    edited = await spoilt(converged, text.replace("Ask for its number", "Ask for all"))
    assert "error: plan.json was changed after it was made" in edited
    cut = await spoilt(converged, text[: len(text) // 2])
    assert "error: plan.json is not whole, or was edited" in cut
    twice = await spoilt(converged, text.replace('"format": 1', '"format": 2,\n  "format": 1'))
    assert "a key stands twice" in twice
    newer = await spoilt(converged, text.replace('"format": 1', '"format": 2'))
    assert "error: plan.json has format 2, and this version reads 1" in newer
    for strange in ("", "[]", '{"a": 1}', manifest(), "\x00"):
        told = await spoilt(converged, strange)
        assert "error: plan.json is no plan file" in told
        assert "otto-reconcile apply -f plan.json" in told


async def test_a_form_that_is_none_of_ours_is_refused(converged: Desk) -> None:
    await planned(converged)
    edit(converged, lambda plan: plan.update(surprise=1))
    done = await apply(converged)
    assert (done.code, "plan.json is no plan of this version" in done.err) == (1, True)


async def test_no_plan_is_put_over_another_file(converged: Desk) -> None:
    path = converged.otto.write("bot.yaml", manifest())
    for name in (path, converged.otto.folder):
        done = await converged.diff("--out", name)
        assert (done.code, "is no plan file" in done.err) == (1, True)
    assert path.read_text("utf-8") == manifest()
    await planned(converged)
    await planned(converged)
    done = await converged.diff("--out", "none/there/plan.json")
    assert (done.code, "cannot write none/there/plan.json" in done.err) == (1, True)


async def test_secrets_are_in_no_plan_and_reach_the_target(converged: Desk) -> None:
    path = converged.otto.write("desk.yaml", manifest(action='"Use ${SHOP_TOKEN}"'))
    words = ("apply", "-f", path, "--allow-env", "SHOP_*")
    done = await asyncio.to_thread(converged.otto, *words, SHOP_TOKEN="s3cret-value")
    assert done.code == 0
    await planned(converged)
    text = plan_of(converged).read_text("utf-8")
    assert "(masked, changed)" in text
    assert "s3cret" not in text
    done = await apply(converged)
    assert (done.code, "s3cret" in done.out + done.err) == (0, False)
    assert await action_of(converged) == "Use s3cret-value"


async def test_a_masked_value_that_drifted_is_seen(converged: Desk) -> None:
    path = converged.otto.write("desk.yaml", manifest(action='"Use ${SHOP_TOKEN}"'))
    words = ("apply", "-f", path, "--allow-env", "SHOP_*")
    await asyncio.to_thread(converged.otto, *words, SHOP_TOKEN="s3cret-value")
    await planned(converged)
    await converged.rest.patch(STATUS, action="Use another")
    assert await refused(converged) == ["desk: a masked value on the target is another one"]


async def test_a_daemon_makes_its_calls_by_itself(converged: Desk, daemon: Announce) -> None:
    await converged.rest.patch(STATUS, action="Say nothing")
    await planned(converged)
    daemon(url=converged.url, target_id=target_of(converged))
    done = await apply(converged)
    assert done.code == 1
    assert "makes the calls to its target by itself" in done.err
    assert await action_of(converged) == "Say nothing"


async def test_only_what_the_plan_names(converged: Desk) -> None:
    await converged.apply(manifest("depot", "Depot"))
    await converged.rest.patch(STATUS, action="Say nothing")
    plan = await planned(converged, "desk")
    assert plan["options"]["bots"] == ["desk"]
    assert (await apply(converged)).code == 0
    assert not await converged.rest.exists("/agents/depot")


async def test_unmanaged_parts_are_pruned_if_the_plan_says_so(converged: Desk) -> None:
    by_hand = {"condition": "It rains", "id": "rain", "tags": ["agent:desk"]}
    await converged.rest.post("/guidelines", **by_hand)
    await planned(converged, "--prune-unmanaged")
    assert (await apply(converged)).code == 0
    assert not await converged.rest.exists("/guidelines/rain")


async def test_what_cannot_be_planned_is_refused(converged: Desk) -> None:
    otto = converged.otto
    otto.write("desk.yaml", manifest())
    cases = {
        ("-f", "-"): "not standard input",
        ("-f", "desk.yaml", "desk"): "all that is in the files",
        ("-f", "desk.yaml", "--prune-unmanaged"): "prunes nothing that is unmanaged",
    }
    for words, told in cases.items():
        done = await converged.diff(*words, "--out", "plan.json", stdin=manifest())
        assert (done.code, told in done.err) == (1, True), done.err
    assert not plan_of(converged).exists()
    await converged.rest.post("/guidelines", condition="For all")
    done = await converged.diff("--prune-unmanaged", "--out", "plan.json")
    assert (done.code, "what reaches every agent is in no plan file" in done.err) == (1, True)


def test_a_plan_needs_nothing_else(otto: Otto) -> None:
    for words in (("-f", "x.yaml"), ("--prune",)):
        done = otto("apply", "plan.json", *words)
        assert (done.code, "leave out -f, -l, --prune" in done.err) == (1, True)
    done = otto("apply", "plan.json")
    assert done.err == (
        "error: cannot read plan.json: No such file or directory\n"
        "hint: make a new one: otto-reconcile diff --out plan.json\n"
    )
    assert not (otto.folder / ".otto").exists()


@pytest.mark.parametrize("name", ["bot.yaml", "bot.json"])
def test_a_manifest_in_place_of_a_plan_says_so(otto: Otto, name: str) -> None:
    otto.write(name, manifest() if name.endswith("yaml") else "{}")
    done = otto("apply", name)
    assert done.err.splitlines() == [
        f"error: {name} is no plan file",
        f"hint: a file is named with -f: otto-reconcile apply -f {name}",
    ]
