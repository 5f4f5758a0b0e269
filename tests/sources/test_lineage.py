"""Replicas with other checkouts of one folder: the older reverts nothing, a rollback works."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.sources import folder as folders
from otto_reconcile.sources.folder import Folder
from otto_reconcile.sources.importer import bring_in, import_folder, load
from otto_reconcile.sources.lineage import Lineage
from otto_reconcile.sources.provenance import of_folder
from otto_reconcile.sources.roots import root_of
from otto_reconcile.store.base import Store
from otto_reconcile.store.memory import MemoryStore
from otto_reconcile.store.mongo import MongoStore
from otto_reconcile.store.sqlite import SQLiteStore
from tests.reconcile.fakes import FastClock, Heard
from tests.reconcile.test_loop import until
from tests.sources.test_importer import MANIFEST
from tests.sources.test_provenance import commit, git

pytestmark = pytest.mark.process

NOON = "2030-01-01T12:00:00+0000"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "CHECK", 0.1)


@pytest.fixture
def stores() -> Stores:
    return Stores.over(MemoryStore())


class Replica:
    """A daemon's folder; `start` is what a (re)start does."""

    def __init__(self, path: Path, stores: Stores) -> None:
        self.path, self.stores = path, stores
        self.start()

    def start(self) -> None:
        self.reporter = Reporter(StatusBoard(None), FastClock(speed=1), Heard())
        self.folder = Folder(self.path, self.stores, self.reporter, FastClock(speed=1), "tests")

    async def restart(self) -> str:
        self.start()
        assert await self.folder.import_now()
        return self.state

    @property
    def state(self) -> str:
        return str(self.reporter.board.status.manifests["state"])

    @property
    def problem(self) -> str:
        return " ".join(self.reporter.board.status.manifests["problems"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.folder.import_now()
        stopping = asyncio.Event()
        following = asyncio.create_task(self.folder.follow(stopping))
        try:
            yield
        finally:
            stopping.set()
            await following


def say(folder: Path, text: str, name: str = "desk") -> None:
    (folder / f"{name}.yaml").write_text(MANIFEST.format(name).replace("Helps.", text))


def said(stores: Stores, name: str = "desk") -> str | None:
    return stores.desired.read().bots[name].bot.description


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A checkout at the first commit."""
    repo = tmp_path / "old"
    (repo / "m").mkdir(parents=True)
    git(repo, "init", "-q", "-b", "main")
    say(repo / "m", "One.")
    commit(repo, at=NOON)
    return repo


def newer(old: Path, at: str = NOON, clone: bool = True) -> Path:
    """Another checkout of it, a commit ahead."""
    new = old.parent / "new"
    if clone:
        git(old.parent, "clone", "-q", str(old), str(new))
    else:
        shutil.copytree(old, new)
    say(new / "m", "Two.")
    say(new / "m", "Two.", "depot")
    commit(new, at=at)
    return new


@pytest.mark.parametrize("clone", [True, False])
@pytest.mark.parametrize("at", [NOON, "2029-01-01T12:00:00+0000"])
async def test_older_checkout_reverts_nothing_whatever_the_clock_says(
    stores: Stores, old: Path, at: str, clone: bool
) -> None:
    one, two = Replica(old / "m", stores), Replica(newer(old, at, clone) / "m", stores)
    assert await one.restart() == "Imported"
    assert await two.restart() == "Imported"
    before = stores.desired.marker()
    assert await one.restart() == "Behind"
    assert "nothing older is imported" in one.problem
    assert git(old, "rev-parse", "--short=12", "HEAD") in one.problem
    assert git(two.path, "rev-parse", "--short=12", "HEAD") in one.problem
    assert f"apply -f {old / 'm'} --prune" in one.problem
    assert (stores.desired.marker(), said(stores)) == (before, "Two.")
    git(old, "pull", "-q", str(two.path.parent), "main")
    assert await one.restart() == "Imported"
    assert stores.desired.marker() == before, "the same content adds no revision"


@pytest.mark.parametrize("sort", ["sqlite", "wire"])
async def test_the_record_is_kept_in_every_store(
    request: pytest.FixtureRequest, tmp_path: Path, old: Path, sort: str
) -> None:
    """As two daemons with one database: each has a connection of its own."""
    if sort == "wire":
        uri, name = request.getfixturevalue("wire_uri"), f"otto_{uuid.uuid4().hex[:8]}"
        opened: list[Store] = [MongoStore(uri, name) for _ in range(2)]
    else:
        opened = [SQLiteStore(tmp_path / "otto.db") for _ in range(2)]
    mine, theirs = (Stores.over(store) for store in opened)
    try:
        one, two = Replica(old / "m", mine), Replica(newer(old) / "m", theirs)
        assert await one.restart() == "Imported"
        assert await two.restart() == "Imported"
        assert await one.restart() == "Behind"
        assert (said(mine), said(theirs)) == ("Two.", "Two.")
        git(old, "pull", "-q", str(two.path.parent), "main")
        assert await one.restart() == "Imported"
        (record,) = opened[0].find("folders")
        assert record["state"]["commit"] == git(old, "rev-parse", "HEAD")
        assert str(old) not in str(record["state"])
    finally:
        for store in opened:
            store.close()


async def test_a_first_start_with_an_older_checkout_imports_nothing(
    stores: Stores, old: Path
) -> None:
    two = Replica(newer(old) / "m", stores)
    assert await two.restart() == "Imported"
    assert await Replica(old / "m", stores).restart() == "Behind"
    assert said(stores) == "Two."


async def test_a_running_replica_sees_that_it_is_behind_and_catches_up(
    stores: Stores, old: Path
) -> None:
    one = Replica(old / "m", stores)
    async with one.running():
        two = Replica(newer(old) / "m", stores)
        assert await two.restart() == "Imported"
        await until(lambda: one.state == "Behind")
        assert said(stores) == "Two."
        say(old / "m", "Local.")  # behind with changes is behind
        await asyncio.sleep(0.8)
        assert (one.state, said(stores)) == ("Behind", "Two.")
        git(old, "checkout", "-q", ".")
        git(old, "pull", "-q", str(two.path.parent), "main")
        await until(lambda: one.state == "Imported")
    assert said(stores) == "Two."


@pytest.mark.parametrize("how", ["revert", "reset"])
async def test_a_rollback_in_the_folder_of_a_running_daemon_works(
    stores: Stores, old: Path, how: str
) -> None:
    new, three = newer(old), old.parent / "three"
    shutil.copytree(new, three)
    two = Replica(new / "m", stores)
    async with two.running():
        assert said(stores) == "Two."
        if how == "revert":
            git(new, "revert", "--no-edit", "HEAD")
        else:
            git(new, "reset", "-q", "--hard", "HEAD~1")
        await until(lambda: said(stores) == "One.")
        assert two.state == "Imported"
    assert await two.restart() == "Imported"
    # What was left on purpose does not come back by the restart of one that still has it.
    assert await Replica(three / "m", stores).restart() == "Behind"
    assert said(stores) == "One."
    await Replica(old / "m", stores).restart()
    assert said(stores) == "One."


async def test_an_older_folder_is_imported_on_request(stores: Stores, old: Path) -> None:
    one, two = Replica(old / "m", stores), Replica(newer(old) / "m", stores)
    for replica in (one, two):
        await replica.restart()
    made_from = of_folder(one.path, one.path.iterdir())
    import_folder(
        stores.desired,
        Lineage(stores.store),
        load([one.path], {}).declarations,
        made_from,
        actor="ann",
        root=root_of(one.path),
        by_request=True,
    )
    assert said(stores) == "One."
    assert await one.restart() == "Imported"
    assert await two.restart() == "Behind"
    assert "by ann" in two.problem
    assert said(stores) == "One."


async def test_without_git_a_state_that_the_folder_had_is_older(
    stores: Stores, tmp_path: Path
) -> None:
    """As on two machines with the same path: here the folder takes turns."""
    place, stale = tmp_path / "m", tmp_path / "stale"
    place.mkdir()
    say(place, "One.")
    shutil.copytree(place, stale)
    past = 1_700_000_000
    for path in (stale / "desk.yaml", stale):
        os.utime(path, (past, past))
    replica = Replica(place, stores)
    assert await replica.restart() == "Imported"
    say(place, "Two.")
    assert await replica.restart() == "Imported"
    place.rename(tmp_path / "aside")
    stale.rename(place)
    assert await replica.restart() == "Behind"
    assert said(stores) == "Two."
    say(place, "One.")  # somebody writes it so now
    assert await replica.restart() == "Imported"
    assert said(stores) == "One."


async def test_what_a_person_applies_later_is_no_state_of_the_folder(
    stores: Stores, old: Path
) -> None:
    replica = Replica(old / "m", stores)
    await replica.restart()
    other = old.parent / "other"
    other.mkdir()
    say(other, "By hand.")
    bring_in(stores.desired, load([other / "desk.yaml"], {}).declarations, actor="ann")
    assert said(stores) == "By hand."
    async with replica.running():
        assert replica.state == "Imported"  # the folder wins when it is imported, as ever
    assert said(stores) == "One."


async def test_an_older_state_that_came_in_late_is_put_right(stores: Stores, old: Path) -> None:
    """Two daemons that start at once: the older had asked before the newer wrote."""
    new = newer(old)
    two = Replica(new / "m", stores)
    async with two.running():
        declarations = load([old / "m"], {}).declarations
        bring_in(stores.desired, declarations, actor="late", root=root_of(old / "m"))
        assert said(stores) == "One."
        lineage = Lineage(stores.store)
        made_from = of_folder(old / "m", (old / "m").iterdir())
        assert made_from.state is not None
        record = lineage.find(str(old / "m"), made_from.state)
        assert record is not None
        lineage.disturb(record)
        await until(lambda: said(stores) == "Two.")


async def test_a_damaged_record_of_a_folder_is_made_anew(tmp_path: Path, stores: Stores) -> None:
    replica = Replica(tmp_path / "manifests", stores)
    replica.path.mkdir()
    (replica.path / "desk.yaml").write_text(MANIFEST.format("desk"))
    assert await replica.restart() == "Imported"
    for damaged in ({"names": 7}, {"names": "ab"}, {"version": "x"}, {"state": None}):
        (record,) = stores.store.find("folders")
        assert stores.store.swap("folders", {"folder": record["folder"]}, damaged)
        assert await replica.restart() == "Imported", replica.problem
        (record,) = stores.store.find("folders")
        assert (record["names"], record["version"]) == ([record["folder"]], 1)
