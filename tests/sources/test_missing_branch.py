"""What is said of a branch that is not there, and of a server that leads to a login page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.memory import MemoryStore
from tests.sources.branches import Follower, Repo
from tests.sources.git_servers import http_server

pytestmark = pytest.mark.process


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "served" / "bots")
    made.put("desk")
    return made


@pytest.fixture(params=["here", "elsewhere"])
def url(request: pytest.FixtureRequest, repo: Repo) -> str:
    return f"file://{repo.folder}" if request.param == "elsewhere" else str(repo.folder)


@pytest.mark.parametrize(
    ("branch", "said"),
    [
        ("v1", "v1 is a tag, which does not move, and no branch; there are: live, main (name"),
        ("Main", "there is no branch Main, but main, in other letters (name it with --branch)"),
        ("mian", "there is no branch mian; did you mean `main`? There are: live, main (name"),
        ("origin/main", "there is no branch origin/main, but main, as the repository itself calls"),
        ("refs/heads/main", "there is no branch refs/heads/main, but main, as the repository"),
        ("zzz", "there is no branch zzz; there are: live, main (name one with --branch)"),
    ],
)
async def test_what_a_name_is_that_is_no_branch(
    repo: Repo, url: str, tmp_path: Path, branch: str, said: str
) -> None:
    repo.git("tag", "-a", "v1", "-m", "one")
    repo.git("branch", "live")
    stores = Stores.over(MemoryStore())
    follower = Follower(url, stores, tmp_path / "data", branch=branch)
    assert await follower.restart() == "Missing"
    assert said in follower.problem
    assert not stores.desired.read().bots


@pytest.mark.parametrize("known", [False, True])
async def test_the_default_branch_of_a_remote_is_gone(
    repo: Repo, tmp_path: Path, known: bool
) -> None:
    repo.git("branch", "live")
    follower = Follower(f"file://{repo.folder}", Stores.over(MemoryStore()), tmp_path / "data")
    if known:
        assert await follower.restart() == "Imported"
    repo.git("update-ref", "-d", "refs/heads/main")  # HEAD still names it
    assert await follower.branch.import_now()
    assert follower.state == "Missing"
    which = "there is no branch main" if known else "the repository says of no branch"
    assert follower.problem.startswith(which)
    assert follower.problem.endswith("; there are: live (name one with --branch)")
    assert (follower.said() == "Helps.") is known
    repo.git("update-ref", "refs/heads/main", "live")
    assert await follower.branch.import_now()
    assert follower.state == "Imported"


async def test_a_remote_that_has_a_commit_checked_out(repo: Repo, tmp_path: Path) -> None:
    follower = Follower(f"file://{repo.folder}", Stores.over(MemoryStore()), tmp_path / "data")
    repo.git("checkout", "-q", "--detach")
    assert await follower.restart() == "Missing"
    assert "which" not in follower.problem
    assert "; there are: main (name one with --branch)" in follower.problem


@pytest.mark.parametrize("branch", [None, "main"])
async def test_a_repository_without_a_commit_waits_for_one(
    tmp_path: Path, branch: str | None
) -> None:
    empty = Repo(tmp_path / "empty")
    for url in (str(empty.folder), f"file://{empty.folder}"):
        follower = Follower(url, Stores.over(MemoryStore()), tmp_path / "data", branch=branch)
        await follower.restart()
        assert follower.problem in (
            "there is no branch main yet, nor any other (make the first commit)",
            "the repository has no branch yet (push one)",
        )


@contextmanager
def redirecting(to: str) -> Iterator[str]:
    """A server that sends everybody to another one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", to.format(path=self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/bots/.git"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("to", ["/login?next={path}", "{path}", "/bots/.git/info/refs"])
@pytest.mark.parametrize("token", [None, "hunter-2-secret"])
async def test_a_redirect_to_a_login_is_said(
    repo: Repo, tmp_path: Path, to: str, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token is not None:
        monkeypatch.setenv("OTTO_GIT_TOKEN", token)
    with http_server(tmp_path / "served", "ann:other") as (base, handler):
        handler.login = "ann:other"
        host = base.partition("://")[2]
        with redirecting(base + to) as url:
            follower = Follower(url, Stores.over(MemoryStore()), tmp_path / "data")
            assert await follower.restart() == "Unreachable"
    assert f"{url} redirects to {host}" in follower.problem
    assert "a login page" in follower.problem
    assert "hunter" not in follower.problem


async def test_a_redirect_that_works_is_followed(repo: Repo, tmp_path: Path) -> None:
    with http_server(tmp_path / "served") as (base, _), redirecting(base + "{path}") as url:
        follower = Follower(url, Stores.over(MemoryStore()), tmp_path / "data")
        assert await follower.restart() == "Imported"
