"""Plans of imports: exactly the reviewed declarations become the desired state, or nothing does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.cli.pinned import Overtaken, PinnedStore
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import load
from otto_reconcile.model import Bot
from otto_reconcile.store.memory import MemoryStore
from tests.cli.command import Done, manifest
from tests.cli.desk import Desk
from tests.cli.test_plan_files import apply, edit, plan_of, planned, refused

FOLDER = ("-f", "manifests")


@pytest.fixture
async def folder(desk: Desk) -> Desk:
    """`manifests/` is imported and on the server."""
    desk.otto.write("manifests/desk.yaml", manifest())
    for number in range(4):
        desk.otto.write(f"manifests/b{number}.yaml", manifest(f"b{number}", f"Bot {number}"))
    done = await asyncio.to_thread(desk.otto, "apply", "-f", "manifests", "--prune")
    assert done.code == 0, done.err
    await desk.converge()
    return desk


async def get(desk: Desk) -> dict[str, Any]:
    found = await asyncio.to_thread(desk.otto, "get", "-o", "json")
    return {one["bot"]: one for one in found.json()["bots"]}


async def test_exactly_what_was_planned_is_imported(folder: Desk) -> None:
    folder.otto.write("manifests/desk.yaml", manifest(action="Say hello"))
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    (folder.otto.folder / "manifests/b0.yaml").unlink()
    plan = await planned(folder, *FOLDER)
    assert plan["plan"]["import"] == {"create": ["depot"], "update": ["desk"], "delete": ["b0"]}
    assert plan["imported"]["base"] == {
        "b0": 1,
        "b1": 1,
        "b2": 1,
        "b3": 1,
        "depot": 0,
        "desk": (await get(folder))["desk"]["revision"],
    }
    assert plan["imported"]["declared"]["desk"]["file"] == "manifests/desk.yaml"
    done = await apply(folder, "-o", "json")
    assert done.code == 0, done.err
    results = {one["bot"]: one["result"] for one in done.json()["bots"]}
    assert results.pop("b0") == "deleted"
    assert results == {
        "b1": "unchanged",
        "b2": "unchanged",
        "b3": "unchanged",
        "depot": "created",
        "desk": "updated",
    }
    found = await get(folder)
    assert sorted(found) == ["b1", "b2", "b3", "depot", "desk"]
    assert found["desk"]["source"]["path"] == "manifests/desk.yaml"
    assert (await folder.diff(*FOLDER)).out.count("create agent depot") == 1  # for the daemon to do
    await folder.converge()
    assert (await folder.diff(*FOLDER)).code == 0


async def test_a_second_apply_is_stale(folder: Desk) -> None:
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    await planned(folder, *FOLDER)
    assert (await apply(folder)).code == 0
    lines = await refused(folder)
    assert lines == ["depot: its desired state is at revision 1, the plan was made at 0"]


async def test_files_that_changed_since_are_refused(folder: Desk) -> None:
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    await planned(folder, *FOLDER)
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot", action="Other"))
    (folder.otto.folder / "manifests/b1.yaml").unlink()
    folder.otto.write("manifests/new.yaml", manifest("new", "New"))
    assert await refused(folder) == [
        "b1: its manifest is no longer there (manifests/b1.yaml)",
        "depot: its manifest says something else (manifests/depot.yaml)",
        "new: it has a manifest now (manifests/new.yaml)",
    ]


async def test_comments_and_layout_make_no_plan_stale(folder: Desk) -> None:
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    await planned(folder, *FOLDER)
    folder.otto.write("manifests/depot.yaml", f"# Reviewed.\n{manifest('depot', 'Depot')}")
    assert (await apply(folder)).code == 0
    assert "depot" in await get(folder)


async def test_a_base_that_moved_is_refused(folder: Desk) -> None:
    folder.otto.write("manifests/desk.yaml", manifest(action="Say hello"))
    plan = await planned(folder, *FOLDER)
    base = plan["imported"]["base"]["desk"]
    await folder.apply(manifest(action="Say something else"))
    told = f"desk: its desired state is at revision {base + 1}, the plan was made at {base}"
    assert await refused(folder) == [told]


async def test_drift_and_shared_documents_count_too(folder: Desk) -> None:
    glossary = (
        "apiVersion: otto/v1\nkind: Glossary\nmetadata: {id: words}\nspec:\n"
        "  used_by: {all: true}\n  terms:\n    - {name: RMA, description: A number}\n"
    )
    shared = folder.otto.write("manifests/words.yaml", glossary)
    plan = await planned(folder, *FOLDER)
    assert plan["plan"]["import"]["create"] == ["glossary/words"]
    await folder.rest.patch("/guidelines/desk.status", action="Say nothing")
    assert await refused(folder) == [
        "desk: to be done on the target now: update guideline desk.status"
    ]
    await folder.rest.patch("/guidelines/desk.status", action="Ask for its number")
    assert (await apply(folder)).code == 0
    shared.write_text(glossary.replace("A number", "Another number"), "utf-8")
    await planned(folder, *FOLDER)
    shared.write_text(glossary.replace("A number", "A third number"), "utf-8")
    assert (await refused(folder))[0].startswith("glossary/words: its manifest says something")


async def test_a_secret_that_changed_is_refused(folder: Desk) -> None:
    folder.otto.write("manifests/desk.yaml", manifest(action='"Use ${SHOP_TOKEN}"'))
    environ = {"OTTO_ALLOW_ENV": "SHOP_*", "SHOP_TOKEN": "s3cret-one"}
    folder.otto.environ.update(environ)
    await planned(folder, *FOLDER)
    assert "s3cret" not in plan_of(folder).read_text("utf-8")
    lines = await refused(folder, SHOP_TOKEN="s3cret-two")
    assert lines == ["desk: its manifest says something else (manifests/desk.yaml)"]
    done: Done = await apply(folder)
    assert (done.code, "s3cret" in done.out + done.err) == (0, False)


async def test_an_import_without_a_target_is_refused(folder: Desk) -> None:
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    await planned(folder, *FOLDER)
    done = await asyncio.to_thread(folder.otto, "apply", "plan.json")
    assert done.code == 1
    assert f"the plan was made for {folder.url}" in done.err
    assert "depot" not in await get(folder)


async def test_the_guard_holds_in_a_plan_too(folder: Desk) -> None:
    for path in (folder.otto.folder / "manifests").iterdir():
        path.unlink()
    plan = await planned(folder, *FOLDER)
    assert "import" not in plan["plan"]
    done = await apply(folder)
    assert (done.code, done.out) == (0, "nothing to do\n")
    assert len(await get(folder)) == 5


async def test_a_plan_inside_the_folder_is_left_out(folder: Desk) -> None:
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    place = folder.otto.folder / "manifests/plan.json"
    assert (await folder.diff(*FOLDER, "--out", place)).code == 2
    given = ("apply", place, "--parlant-url", folder.url)
    done = await asyncio.to_thread(folder.otto, *given)
    assert done.code == 0, done.err
    assert "depot" in await get(folder)


async def test_an_edited_plan_imports_nothing_else(folder: Desk) -> None:
    folder.otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    other = folder.otto.write("other/evil.yaml", manifest("evil", "Evil"))
    await planned(folder, *FOLDER)
    edit(folder, lambda plan: plan["imported"].update(paths=[str(other)]))
    lines = await refused(folder)
    assert f"evil: it has a manifest now ({other})" in lines
    assert "desk: its manifest is no longer there (manifests/desk.yaml)" in lines


def bots(folder: Path, *names: str) -> list[tuple[Bot, Source]]:
    for name in names:
        (folder / f"{name}.yaml").write_text(manifest(name, name.title()), "utf-8")
    loaded = load([folder], environ={})
    return [(one.bot, Source("manifest")) for one in loaded.bots]


def test_a_pinned_store_takes_only_the_next_revision(tmp_path: Path) -> None:
    store = MemoryStore()
    first, second = bots(tmp_path, "a", "b")
    DesiredState(store).put(*first[:1], source=first[1], actor="else")
    pinned = DesiredState(PinnedStore(store, {"a": 0, "b": 0}))
    changed = first[0].model_copy(update={"name": "Other"})
    with pytest.raises(Overtaken, match="a was changed just now: it is no longer at revision 0"):
        pinned.put_many([(changed, first[1]), second], actor="plan")
    found = DesiredState(store).read().bots
    assert {name: (one.revision, one.actor) for name, one in found.items()} == {"a": (1, "else")}
    DesiredState(PinnedStore(store, {"a": 1, "b": 0})).put_many(
        [(changed, first[1]), second], actor="plan"
    )
    found = DesiredState(store).read().bots
    assert {name: one.revision for name, one in found.items()} == {"a": 2, "b": 1}


class Racing(MemoryStore):
    """Another writer is first, just before the events are inserted."""

    def __init__(self, other: tuple[Bot, Source]) -> None:
        super().__init__()
        self.other: tuple[Bot, Source] | None = other

    def batch(self, writes: Any) -> None:
        other, self.other = self.other, None
        if other is not None:
            DesiredState(self).put(other[0], source=other[1], actor="else")
        super().batch(writes)


def test_a_writer_in_between_stops_all_of_it(tmp_path: Path) -> None:
    pairs = bots(tmp_path, "a", "b")
    store = Racing((pairs[1][0].model_copy(update={"name": "Other"}), pairs[1][1]))
    pinned = DesiredState(PinnedStore(store, {"a": 0, "b": 0}))
    with pytest.raises(OttoError, match="nothing was imported"):
        pinned.put_many(pairs, actor="plan")
    found = DesiredState(store).read().bots
    assert {name: one.actor for name, one in found.items()} == {"b": "else"}


OVERLAY = """\
apiVersion: otto/v1
kind: Overlay
metadata: {environment: prod}
spec:
  patches:
    - target: desk
      spec: {name: Desk of production}
"""


async def test_a_plan_is_for_its_environment(folder: Desk) -> None:
    folder.otto.write("manifests/prod.yaml", OVERLAY)
    plan = await planned(folder, *FOLDER, "--env", "prod")
    assert plan["options"]["env"] == "prod"
    done = await apply(folder, "--env", "test")
    assert (done.code, "the plan is for prod, and --env names test" in done.err) == (1, True)
    assert (await get(folder))["desk"]["name"] == "Desk"
    done = await apply(folder)
    assert done.code == 0, done.err
    assert (await get(folder))["desk"]["name"] == "Desk of production"
