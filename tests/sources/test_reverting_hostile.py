"""A commit that brings a bot back where something is in its way: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from otto_reconcile.cli.reverting import pushed
from otto_reconcile.errors import OttoError
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.reverting import revert
from otto_reconcile.store.memory import MemoryStore
from tests.sources.branches import Follower, Repo
from tests.sources.test_provenance import git
from tests.sources.test_reverting import wanted

pytestmark = pytest.mark.process


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.git("config", "user.name", "Ann")
    made.git("config", "user.email", "ann@example.com")
    for option in ("allowFilter", "allowAnySHA1InWant"):
        made.git("config", f"uploadpack.{option}", "true")
    return made


@pytest.fixture
async def follower(repo: Repo, tmp_path: Path) -> Follower:
    """Of a bot with two revisions, here."""
    made = Follower(repo.folder, Stores.over(MemoryStore()), tmp_path / "data")
    await two(repo, made)
    return made


@pytest.fixture
async def elsewhere(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Follower, Path]:
    """The same by a mirror, and the bare repository that it mirrors."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.com")
    bare = tmp_path / "bots.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo.folder), str(bare))
    for option in ("allowFilter", "allowAnySHA1InWant"):
        git(bare, "config", f"uploadpack.{option}", "true")
    repo.git("remote", "add", "origin", str(bare))
    made = Follower(f"file://{bare}", Stores.over(MemoryStore()), tmp_path / "data")
    await two(repo, made)
    return made, bare


async def two(repo: Repo, follower: Follower) -> None:
    for text in ("One.", "Two."):
        repo.put("desk", "shop", text=text)
        publish(repo)
        assert await follower.restart() == "Imported"


def publish(repo: Repo) -> None:
    if repo.git("remote"):
        repo.git("push", "-q", "origin", "main")


async def test_a_locked_index_moves_nothing(repo: Repo, follower: Follower) -> None:
    tip = repo.git("rev-parse", "main")
    (repo.folder / ".git" / "index.lock").touch()
    with pytest.raises(OttoError, match=r"index\.lock"):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    (repo.folder / ".git" / "index.lock").unlink()
    assert repo.git("rev-parse", "main") == tip
    assert repo.git("status", "--porcelain") == ""


async def test_a_work_tree_that_cannot_be_written_moves_nothing(
    repo: Repo, follower: Follower
) -> None:
    tip, tree = repo.git("rev-parse", "main"), repo.folder / "m"
    tree.rename(repo.folder / "away")
    tree.write_text("in the way")
    with pytest.raises(OttoError):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    tree.unlink()
    (repo.folder / "away").rename(tree)
    assert repo.git("rev-parse", "main") == tip
    assert repo.git("status", "--porcelain") == ""


async def test_a_hook_that_refuses_moves_nothing(repo: Repo, follower: Follower) -> None:
    tip = repo.git("rev-parse", "main")
    hook = repo.folder / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'not today' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(OttoError, match="not today"):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    hook.unlink()
    assert repo.git("rev-parse", "main") == tip
    assert repo.git("status", "--porcelain") == ""


async def test_without_an_author_it_says_who_is_missing(
    repo: Repo, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("config", "--unset", "user.name")
    repo.git("config", "--unset", "user.email")
    repo.git("config", "user.useConfigOnly", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    with pytest.raises(OttoError, match="Git does not know who makes this commit") as caught:
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert "GIT_AUTHOR_NAME" in str(caught.value.hint)


async def test_a_detached_head_stays_where_it_is(repo: Repo, follower: Follower) -> None:
    repo.git("checkout", "-q", "--detach")
    head = repo.git("rev-parse", "HEAD")
    made = revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert repo.git("rev-parse", "main", "HEAD").split() == [made, head]
    assert repo.git("status", "--porcelain") == ""


async def test_a_linked_work_tree_gets_the_file_too(
    repo: Repo, follower: Follower, tmp_path: Path
) -> None:
    repo.git("checkout", "-q", "-b", "other")
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked), "main")
    (linked / "m" / "desk.yaml").write_text("edited")
    with pytest.raises(OttoError, match="changes that are not committed"):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    git(linked, "checkout", "-q", "--", "m")
    made = revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert git(linked, "rev-parse", "HEAD") == made
    assert git(linked, "status", "--porcelain") == ""
    assert "One." in (linked / "m" / "desk.yaml").read_text()
    assert repo.git("status", "--porcelain") == ""


async def test_a_file_that_is_ignored_is_kept(repo: Repo, follower: Follower) -> None:
    repo.git("mv", "m/desk.yaml", "m/moved.yaml")
    repo.git("commit", "-qm", "move")
    assert await follower.restart() == "Imported"
    (repo.folder / ".git" / "info" / "exclude").write_text("m/desk.yaml\n")
    (repo.folder / "m" / "desk.yaml").write_text("mine")
    with pytest.raises(OttoError, match="not committed"):
        revert(Commits.at(repo.folder), "main", "m", wanted(follower, 1))
    assert (repo.folder / "m" / "desk.yaml").read_text() == "mine"


async def test_comments_come_back_with_the_file(repo: Repo, follower: Follower) -> None:
    file = repo.folder / "m" / "desk.yaml"
    text = "# as Bob wants it\n" + file.read_text().replace("Two.", "Three.")
    file.write_text(text)
    repo.git("commit", "-qam", "three")
    await follower.restart()
    repo.put("desk", text="Four.")
    await follower.restart()
    revert(Commits.at(repo.folder), "main", "m", wanted(follower, 3))
    assert file.read_text() == text


async def test_a_remote_that_moved_meanwhile(repo: Repo, elsewhere: tuple[Follower, Path]) -> None:
    follower, bare = elsewhere
    mirror = Path(follower.told["gitdir"])
    tip = repo.put("shop", text="Three.")
    publish(repo)
    made = await pushed(mirror, "main", "m", wanted(follower, 1))
    assert git(bare, "rev-parse", "main", "main~1").split() == [made, tip]
    assert await follower.restart() == "Imported"
    assert (follower.said(), follower.said("shop")) == ("One.", "Three.")


async def test_a_branch_that_may_not_be_pushed(
    repo: Repo, elsewhere: tuple[Follower, Path]
) -> None:
    follower, bare = elsewhere
    tip = git(bare, "rev-parse", "main")
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    mirror = Path(follower.told["gitdir"])
    with pytest.raises(OttoError, match="main is protected") as caught:
        await pushed(mirror, "main", "m", wanted(follower, 1))
    assert "who may push" in str(caught.value.hint)
    assert git(bare, "rev-parse", "main") == tip
    assert git(mirror, "rev-parse", "main") == tip
    assert await follower.restart() == "Imported"
    assert follower.said() == "Two."


async def test_a_remote_that_is_away_is_said(elsewhere: tuple[Follower, Path]) -> None:
    follower, bare = elsewhere
    bare.rename(bare.with_name("gone"))
    with pytest.raises(OttoError, match="could not be pushed"):
        await pushed(Path(follower.told["gitdir"]), "main", "m", wanted(follower, 1))
