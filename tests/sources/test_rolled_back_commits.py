"""A rollback stands over the commits of a branch until one changes the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.desired import Event
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.neighbours import taken_back
from otto_reconcile.records.past import Past
from otto_reconcile.records.rollbacks import advice, commands, rollback_source
from otto_reconcile.store.memory import MemoryStore
from tests.sources.branches import Follower, Repo
from tests.sources.test_importer import MANIFEST
from tests.sources.test_provenance import commit

pytestmark = pytest.mark.process


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def follower(repo: Repo, tmp_path: Path) -> Follower:
    return Follower(repo.folder, Stores.over(MemoryStore()), tmp_path / "data")


def roll_back(follower: Follower, number: int) -> Event:
    past = Past(follower.stores.store)
    to, events = past.event("desk", number), past.events("desk")
    assert to.declaration is not None
    source = rollback_source(events, to)
    event = follower.stores.desired.put(to.declaration, source=source, actor="ann")
    assert event is not None
    return event


async def test_a_rollback_stands_until_a_commit_changes_it(repo: Repo, follower: Follower) -> None:
    commits = []
    for text in ("One.", "Two.", "Three."):
        commits.append(repo.put("desk", text=text, message=text)[:12])
        await follower.restart()
    past = Past(follower.stores.store)
    said = commands(past.event("desk", 1), past.event("desk", 3))
    message = "'Bring desk back to revision 1'"
    assert said == f"git checkout {commits[0]} -- m/desk.yaml && git commit -m {message}"
    event = roll_back(follower, 1)
    assert (event.source.commit, event.source.subject) == (commits[0], "One.")
    told = advice(event.source)
    assert told is not None
    assert "m/desk.yaml says otherwise" in told
    assert told.endswith("until it changes: commit it")
    repo.put("other")
    assert await follower.restart() == "Imported"
    assert (follower.said(), follower.said("other")) == ("One.", "Helps.")
    assert [said for said, _ in follower.log.warnings] == [told]
    async with follower.running():
        pass
    assert [said for said, _ in follower.log.warnings] == [told]
    repo.put("desk", text="Four.")
    await follower.restart()
    assert follower.said() == "Four."


async def test_the_commands_say_what_else_they_take_back(repo: Repo, follower: Follower) -> None:
    def put(**texts: str) -> None:
        parts = [MANIFEST.format(n).replace("Helps.", text) for n, text in texts.items()]
        (repo.folder / "m" / "both.yaml").write_text("---\n".join(parts))
        commit(repo.folder)

    def beside(number: int) -> list[str]:
        past = Past(follower.stores.store)
        return taken_back(past, past.event("desk", number), past.newest("desk"))

    repo.put("other")
    put(desk="One.", shop="One.", depot="One.", kept="One.")
    await follower.restart()
    assert beside(1) == []
    put(desk="Two.", shop="Two.", new="One.", kept="One.")
    repo.put("other", text="Two.")
    await follower.restart()
    assert follower.said("depot") is None
    assert beside(1) == ["depot", "new", "shop"]
    assert beside(2) == []
    repo.git("mv", "m/both.yaml", "m/moved.yaml")
    commit(repo.folder)
    await follower.restart()
    assert beside(1) == ["depot", "new", "shop"], "git rm of where it is now is one of them"


async def test_a_rollback_names_where_its_manifest_is_now(repo: Repo, follower: Follower) -> None:
    for text in ("One.", "Two."):
        repo.put("desk", "shop", text=text)
        await follower.restart()
    roll_back(follower, 1)
    repo.git("mv", "m/desk.yaml", "m/two.yaml")
    commit(repo.folder)
    await follower.restart()
    found = follower.stores.desired.get("desk")
    assert (follower.said(), found.source.path, found.source.kind) == (
        "One.",
        "m/two.yaml",
        "rollback",
    )
    assert "m/two.yaml says otherwise" in str(advice(found.source))
    revision = found.revision
    await follower.restart()
    assert follower.stores.desired.get("desk").revision == revision, "once"
    assert follower.said() == "One."
    repo.git("mv", "m/two.yaml", "m/three.yaml")
    text = (repo.folder / "m" / "three.yaml").read_text()
    (repo.folder / "m" / "three.yaml").write_text(text.replace("Two.", "Three."))
    commit(repo.folder)
    await follower.restart()
    assert follower.said() == "Three."


async def test_a_branch_that_is_moved_back_takes_over(repo: Repo, follower: Follower) -> None:
    first = repo.put("desk", text="One.")
    await follower.restart()
    repo.put("desk", text="Two.")
    async with follower.running():
        roll_back(follower, 1)
    repo.git("reset", "-q", "--hard", first)
    await follower.restart()
    assert follower.said() == "One."
    assert follower.stores.desired.get("desk").source.kind == "manifest"
    repo.put("desk", text="Two.")
    await follower.restart()
    assert follower.said() == "Two."
