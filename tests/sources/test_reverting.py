"""A commit that brings one bot back, and touches nothing else."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from otto_reconcile.errors import OttoError
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.reverting import Revert, revert
from otto_reconcile.store.memory import MemoryStore
from tests.sources.branches import Follower, Repo
from tests.sources.test_importer import MANIFEST
from tests.sources.test_provenance import commit, git

pytestmark = pytest.mark.process


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.git("config", "user.name", "Ann")
    made.git("config", "user.email", "ann@example.com")
    return made


@pytest.fixture
def follower(repo: Repo, tmp_path: Path) -> Follower:
    return Follower(repo.folder, Stores.over(MemoryStore()), tmp_path / "data")


def wanted(follower: Follower, revision: int, name: str = "desk") -> Revert:
    events = {event.revision: event for event in follower.stores.desired.history(name)}
    to, newest = events[revision], events[max(events)]
    assert to.declaration is not None
    assert to.source.commit is not None
    assert to.source.path is not None
    path = newest.source.path if newest.declaration is not None else None
    return Revert(to.declaration, to.source.commit, to.source.path, path, "Bring it back")


async def test_one_bot_comes_back_and_no_other(repo: Repo, follower: Follower) -> None:
    repo.put("desk", "shop", text="One.")
    await follower.restart()
    tip = repo.put("desk", "shop", text="Two.")
    await follower.restart()
    made = revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert repo.git("rev-parse", "main", "main~1").split() == [made, tip]
    assert repo.git("log", "-1", "--format=%an: %s") == "Ann: Bring it back"
    assert repo.git("status", "--porcelain") == "", "the work tree has it too"
    assert "One." in (repo.folder / "m" / "desk.yaml").read_text()
    assert await follower.restart() == "Imported"
    assert (follower.said(), follower.said("shop")) == ("One.", "Two.")


@pytest.mark.parametrize("signing", [None, "another", "key"])
async def test_a_commit_that_would_not_be_imported_is_not_made(
    repo: Repo, follower: Follower, tmp_path: Path, signing: str | None
) -> None:
    for name in ("key", "another"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"ann@example.com {(tmp_path / 'key.pub').read_text()}")
    repo.put("desk", text="One.")
    await follower.restart()
    tip = repo.put("desk", text="Two.")
    await follower.restart()
    if signing is not None:
        repo.git("config", "gpg.format", "ssh")
        repo.git("config", "user.signingkey", str(tmp_path / signing))
        repo.git("config", "commit.gpgsign", "true")
    asked = replace(wanted(follower, 1), signers=signers)
    if signing == "key":
        made = revert(Commits.at(repo.folder), "main", "m", asked)
        assert repo.git("rev-parse", "main~1", "main").split() == [tip, made]
        return
    with pytest.raises(OttoError, match="would not be signed by a key of") as caught:
        revert(Commits.at(repo.folder), "main", "m", asked)
    assert "commit.gpgsign" in str(caught.value.hint)
    assert repo.git("rev-parse", "main") == tip
    assert "Two." in (repo.folder / "m" / "desk.yaml").read_text()


async def test_the_status_says_who_may_sign(repo: Repo, follower: Follower, tmp_path: Path) -> None:
    follower.options["signers"] = tmp_path / "signers"
    repo.put("desk")
    await follower.restart()
    assert follower.told["signers"] == str(tmp_path / "signers"), "rollback --commit reads it"


OVERLAY = """\
apiVersion: otto/v1
kind: Overlay
metadata: {environment: prod}
spec: {patches: [{target: desk, metadata: {labels: {tier: gold}}}]}
"""


async def test_a_bot_of_an_environment_comes_back(repo: Repo, follower: Follower) -> None:
    (repo.folder / "m" / "prod.yaml").write_text(OVERLAY)
    follower.options["env"] = "prod"
    for text in ("One.", "Two."):
        repo.put("desk", text=text)
        await follower.restart()
    revert(Commits.at(repo.folder), "main", "m", replace(wanted(follower, 1), env="prod"))
    await follower.restart()
    assert follower.said() == "One."


async def test_another_branch_that_is_checked_out_is_left(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    await follower.restart()
    repo.put("desk", text="Two.")
    await follower.restart()
    repo.git("checkout", "-q", "-b", "other")
    repo.write("desk", "Edited.")
    made = revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert repo.git("rev-parse", "main") == made
    assert "Edited." in (repo.folder / "m" / "desk.yaml").read_text()


async def test_changes_that_are_not_committed_are_kept(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    await follower.restart()
    tip = repo.put("desk", text="Two.")
    await follower.restart()
    repo.write("desk", "Edited.")
    with pytest.raises(OttoError, match="changes that are not committed"):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert repo.git("rev-parse", "main") == tip
    assert "Edited." in (repo.folder / "m" / "desk.yaml").read_text()


async def test_a_file_with_two_bots_is_refused(repo: Repo, follower: Follower) -> None:
    def both(text: str) -> None:
        parts = [MANIFEST.format(name).replace("Helps.", text) for name in ("desk", "shop")]
        (repo.folder / "m" / "both.yaml").write_text("---\n".join(parts))
        commit(repo.folder)

    both("One.")
    await follower.restart()
    both("Two.")
    await follower.restart()
    tip = repo.git("rev-parse", "main")
    with pytest.raises(OttoError, match="also holds shop, which would be taken back too"):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert repo.git("rev-parse", "main") == tip


async def test_file_that_was_moved_comes_back_to_its_place(repo: Repo, follower: Follower) -> None:
    repo.put("desk", text="One.")
    await follower.restart()
    repo.git("mv", "m/desk.yaml", "m/moved.yaml")
    (repo.folder / "m" / "moved.yaml").write_text(MANIFEST.format("desk").replace("Helps.", "Two."))
    commit(repo.folder)
    await follower.restart()
    revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert sorted(file.name for file in (repo.folder / "m").iterdir()) == ["desk.yaml"]
    assert repo.git("status", "--porcelain") == ""
    assert await follower.restart() == "Imported"
    assert follower.said() == "One."


async def test_a_deleted_bot_comes_back(repo: Repo, follower: Follower) -> None:
    repo.put("desk", "shop", text="One.")
    await follower.restart()
    (repo.folder / "m" / "desk.yaml").unlink()
    commit(repo.folder)
    await follower.restart()
    assert follower.said() is None
    revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    await follower.restart()
    assert follower.said() == "One."


async def test_a_bare_repository(repo: Repo, follower: Follower, tmp_path: Path) -> None:
    repo.put("desk", text="One.")
    await follower.restart()
    repo.put("desk", text="Two.")
    await follower.restart()
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo.folder), str(bare))
    git(bare, "config", "user.name", "Ann")
    git(bare, "config", "user.email", "ann@example.com")
    made = revert(Commits.at(bare), "main", "m", wanted(follower, 1))
    assert git(bare, "rev-parse", "main") == made
    with pytest.raises(OttoError, match="as it was in commit"):
        revert(Commits.at(bare), "main", "m", wanted(follower, 1))
