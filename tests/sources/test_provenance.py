"""Which commit a manifest belongs to: asked of Git without trusting the repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from otto_reconcile.sources.git import is_ancestor
from otto_reconcile.sources.provenance import of_files, of_folder

pytestmark = pytest.mark.process

IDENTITY = {
    "GIT_AUTHOR_NAME": "ann",
    "GIT_AUTHOR_EMAIL": "ann@example.invalid",
    "GIT_COMMITTER_NAME": "ann",
    "GIT_COMMITTER_EMAIL": "ann@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str, at: str | None = None) -> str:
    """`at` is the time of a commit."""
    environ = {n: v for n, v in os.environ.items() if not n.startswith("GIT_")} | IDENTITY
    if at is not None:
        environ |= {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "change", at: str | None = None) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message, at=at)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "m").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "m" / "a.yaml").write_text("a\n")
    (folder / "m" / "b.yaml").write_text("b\n")
    commit(folder)
    return folder


def test_only_what_the_commit_has_belongs_to_it(repo: Path, tmp_path: Path) -> None:
    a, b, new = (repo / "m" / f"{name}.yaml" for name in ("a", "b", "new"))
    head = git(repo, "rev-parse", "--short=12", "HEAD")
    new.write_text("new\n")
    git(repo, "add", "m/new.yaml")  # staged is not committed
    b.write_text("other\n")
    (repo / "m" / "link.yaml").symlink_to(a)
    outside = tmp_path / "outside.yaml"
    outside.write_text("a\n")
    files = [a, b, new, repo / "m" / "link.yaml", outside, repo / "m" / "gone.yaml"]
    assert of_files(map(str, files)) == {
        str(a): head,
        str(b): f"{head}-dirty",
        str(repo / "m" / "link.yaml"): head,
    }


def test_change_elsewhere_in_the_repository_makes_no_file_dirty(repo: Path) -> None:
    (repo / "other.txt").write_text("untracked")
    found = of_folder(repo / "m", sorted((repo / "m").iterdir()))
    assert found.state is not None
    assert found.state.clean
    assert found.state.commit == git(repo, "rev-parse", "HEAD")
    assert found.state.prefix == "m"
    assert found.state.committed is not None
    assert set(found.commits.values()) == {git(repo, "rev-parse", "--short=12", "HEAD")}


@pytest.mark.parametrize("what", ["changed", "untracked", "deleted"])
def test_a_folder_that_is_not_as_committed_is_not_clean(repo: Path, what: str) -> None:
    file = repo / "m" / "a.yaml"
    if what == "deleted":
        file.unlink()
    else:
        (file if what == "changed" else repo / "m" / "c.yaml").write_text("c")
    state = of_folder(repo / "m", sorted((repo / "m").iterdir())).state
    assert state is not None
    assert (state.clean, state.commit) == (False, git(repo, "rev-parse", "HEAD"))


def test_a_manifest_is_dirty_with_the_text_that_it_includes(repo: Path) -> None:
    a, text = repo / "m" / "a.yaml", repo / "m" / "text.md"
    text.write_text("text\n")
    commit(repo)
    head = git(repo, "rev-parse", "--short=12", "HEAD")
    texts = {str(a): frozenset({text})}
    assert of_files([str(a)], texts) == {str(a): head}
    before = of_folder(repo / "m", [a, text], texts)
    assert before.state is not None
    assert (before.state.clean, before.commits[str(a)]) == (True, head)
    text.write_text("other\n")
    assert of_files([str(a)], texts) == {str(a): f"{head}-dirty"}
    after = of_folder(repo / "m", [a, text], texts)
    assert after.state is not None
    assert (after.state.clean, after.commits[str(a)]) == (False, f"{head}-dirty")
    assert after.state.digest != before.state.digest


def test_submodules_and_worktrees_have_their_own_commits(repo: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    git(lib, "init", "-q", "-b", "main")
    (lib / "s.yaml").write_text("s\n")
    commit(lib)
    git(repo, "submodule", "--quiet", "add", str(lib), "m/lib")
    commit(repo)
    tree = tmp_path / "tree"
    git(repo, "worktree", "add", "-q", str(tree), "HEAD~1")
    files = [str(repo / "m/lib/s.yaml"), str(repo / "m/a.yaml"), str(tree / "m/a.yaml")]
    heads = [git(at, "rev-parse", "--short=12", "HEAD") for at in (repo / "m/lib", repo, tree)]
    assert len(set(heads)) == 3
    assert of_files(files) == dict(zip(files, heads, strict=True))


def test_a_hostile_repository_runs_nothing(repo: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    (repo / ".gitattributes").write_text("*.yaml filter=evil diff=evil\n")
    for name, value in {
        "core.fsmonitor": script,
        "core.hooksPath": tmp_path,
        "core.pager": script,
        "core.sshCommand": script,
        "filter.evil.clean": script,
        "filter.evil.smudge": script,
        "diff.evil.textconv": script,
        "diff.external": script,
        "gpg.program": script,
        "log.showSignature": "true",
        "alias.ls-tree": f"!{script}",
        "remote.origin.url": f"ext::{script}",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
    }.items():
        git(repo, "config", name, str(value))
    mark.unlink(missing_ok=True)
    found = of_folder(repo / "m", sorted((repo / "m").iterdir()))
    assert len(found.commits) == 2
    assert is_ancestor(str(repo), "0" * 40, git(repo, "rev-parse", "HEAD")) is None
    assert not mark.exists()


def test_the_lock_of_a_repository_is_not_taken(repo: Path) -> None:
    (repo / ".git" / "index.lock").touch()
    index = (repo / ".git" / "index").stat()
    os.utime(repo / "m" / "a.yaml")
    assert len(of_files([str(repo / "m" / "a.yaml")])) == 1
    assert (repo / ".git" / "index").stat() == index


def test_the_environment_leads_git_nowhere(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = of_files([str(repo / "m" / "a.yaml")])
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    assert expected
    assert of_files([str(repo / "m" / "a.yaml")]) == expected


def test_git_that_fails_or_hangs_is_no_commit(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otto_reconcile.sources import git as asked

    file = str(repo / "m" / "a.yaml")
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setattr(asked, "TIMEOUT", 0.2)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert of_files([file]) == {}
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert of_files([file]) == {}


def test_what_is_no_repository_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text("a")
    os.mkfifo(tmp_path / "pipe.yaml")
    found = of_folder(tmp_path, [tmp_path / "a.yaml", tmp_path / "pipe.yaml"])
    assert (found.commits, found.state is not None and found.state.commit) == ({}, None)
