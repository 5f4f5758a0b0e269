"""`diff --git-ref`: commits with each other, and one with what is live."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Otto, manifest
from tests.cli.desk import Desk
from tests.sources.test_provenance import commit, git

pytestmark = pytest.mark.process


@pytest.fixture
def repo(otto: Otto) -> Path:
    """The working directory is a repository with two bots in its first commit."""
    git(otto.folder, "init", "-q", "-b", "main")
    otto.write(".gitignore", ".otto/\n.parlant*\n")
    otto.write("manifests/desk.yaml", manifest())
    otto.write("manifests/depot.yaml", manifest("depot", "Depot"))
    commit(otto.folder, "first")
    return otto.folder


def put(otto: Otto, action: str, bot_id: str = "desk") -> str:
    otto.write(f"manifests/{bot_id}.yaml", manifest(bot_id, bot_id.title(), action))
    return commit(otto.folder, action)


def test_two_commits_without_a_daemon(otto: Otto, repo: Path) -> None:
    put(otto, "Say hello")
    (repo / "manifests" / "depot.yaml").unlink()
    put(otto, "Ask", "shop")
    otto.write("manifests/desk.yaml", "not what is committed")
    done = otto("diff", "--git-ref", "main~2..main")
    assert done.code == 2, done.err
    assert 'action: "Ask for its number" -> "Say hello"' in done.out
    assert "create agent shop" in done.out
    assert "delete agent depot" in done.out
    assert otto("diff", "--git-ref", "main..main").code == 0
    assert not (repo / ".otto" / "otto.db").exists(), "nothing was kept"
    found = otto("diff", "desk", "--git-ref", "HEAD~2..", "-o", "json").json()
    assert found["import"] == {"update": ["desk"]}
    comment = otto("diff", "--git-ref", "HEAD~2..HEAD", "-o", "markdown").out
    assert "Say hello" in comment


def test_three_dots_count_from_where_the_branch_left(otto: Otto, repo: Path) -> None:
    git(repo, "checkout", "-q", "-b", "feature")
    put(otto, "Say hello")
    git(repo, "checkout", "-q", "main")
    put(otto, "Ask", "shop")
    done = otto("diff", "--git-ref", "main...feature")
    assert "Say hello" in done.out
    assert "shop" not in done.out
    assert "delete agent shop" in otto("diff", "--git-ref", "main..feature").out


def test_faults_of_the_new_commit_are_told_with_their_place(otto: Otto, repo: Path) -> None:
    text = manifest().replace("condition:", "conditon:")
    otto.write("manifests/desk.yaml", text)
    commit(repo)
    done = otto("diff", "--git-ref", "HEAD~1..HEAD")
    assert done.code == 1
    assert "manifests/desk.yaml:8:" in done.err
    assert "Traceback" not in done.err
    otto.write("manifests/desk.yaml", manifest())
    commit(repo)
    done = otto("diff", "--git-ref", "HEAD~1..HEAD")
    assert done.code == 2
    assert "such as manifests/desk.yaml:8:" in done.out


def test_a_manifest_that_became_too_large_is_a_fault(otto: Otto, repo: Path) -> None:
    (repo / "manifests" / "desk.yaml").unlink()
    otto.write("manifests/desk2.yaml", manifest() + "#" * 1_100_000)
    commit(repo)
    for refs in ("HEAD~1..HEAD", "HEAD"):
        done = otto("diff", "--git-ref", refs)
        assert done.code == 1
        assert "manifests/desk2.yaml:1:1: the file is larger than 1 MB" in done.err
    assert otto("validate", "manifests").code == 1


def test_the_first_commit_creates_all(otto: Otto) -> None:
    git(otto.folder, "init", "-q", "-b", "main")
    commit(otto.folder, "empty")
    otto.write("manifests/desk.yaml", manifest())
    commit(otto.folder, "first")
    done = otto("diff", "--git-ref", "HEAD~1..HEAD")
    assert (done.code, "create agent desk" in done.out) == (2, True)
    done = otto("diff", "--git-ref", "HEAD..HEAD~1")
    assert done.code == 1
    assert "manifests:1:1: it is gone in commit" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--git-ref", "nowhere..HEAD"), "'nowhere' names no commit"),
        (("--git-ref", "HEAD..--output=x"), "'--output=x' names no commit"),
        (("--git-ref", "HEAD..HEAD", "--git", "/nowhere"), "there is no such folder"),
        (("--git-ref", "HEAD..HEAD", "--path", "bots"), "nothing of this name"),
        (("--git-ref", "HEAD..HEAD", "--path", "../bots"), "no path inside a repository"),
        (("--git-ref", "HEAD..HEAD", "-f", "manifests"), "cannot be given together"),
        (("--git-ref", "HEAD", "--out", "plan.json"), "cannot be given together"),
        (("nobody", "--git-ref", "HEAD..HEAD"), "nobody"),
    ],
)
def test_what_cannot_be_compared_is_told(
    otto: Otto, repo: Path, words: tuple[str, ...], said: str
) -> None:
    done = otto("diff", *words)
    assert done.code == 1, done.out
    assert said in done.err
    assert "Traceback" not in done.err


def test_outside_of_a_repository(otto: Otto) -> None:
    done = otto("diff", "--git-ref", "main..HEAD")
    assert (done.code, "is no Git repository" in done.err) == (1, True)


async def test_a_commit_with_what_is_live(converged: Desk) -> None:
    otto = converged.otto
    git(otto.folder, "init", "-q", "-b", "main")
    otto.write("manifests/desk.yaml", manifest(action="Say hello"))
    commit(otto.folder)
    url = ("--parlant-url", converged.url)
    done = otto("diff", "--git-ref", "HEAD", *url)
    assert done.code == 2, done.err
    assert 'action: "Ask for its number" -> "Say hello"' in done.out
    otto.write("manifests/desk.yaml", manifest())
    commit(otto.folder)
    done = otto("diff", "--git-ref", "HEAD", *url)
    assert (done.code, done.out) == (0, "no difference\n")
