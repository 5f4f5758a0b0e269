"""Commits of a repository elsewhere: fetched as they come, and kept while it is away."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.runtime.backoff import Backoff
from otto_reconcile.sources import branch as branches
from otto_reconcile.sources import position
from otto_reconcile.sources.mirror import Mirror, Remote
from otto_reconcile.store.memory import MemoryStore
from tests.reconcile.test_loop import until
from tests.sources.branches import Follower, Repo
from tests.sources.git_servers import git_daemon, http_server

pytestmark = pytest.mark.process

SECRET = "hunter-2-secret"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "CHECK", 0.1)
    monkeypatch.setattr(position, "AGAIN", Backoff(first=0.1, most=0.2))


@pytest.fixture
def stores() -> Stores:
    return Stores.over(MemoryStore())


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "served" / "bots")
    made.git("config", "uploadpack.allowFilter", "true")
    made.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return made


@pytest.fixture(params=["file", "http", "daemon"])
def url(request: pytest.FixtureRequest, repo: Repo, tmp_path: Path) -> Iterator[str]:
    served = tmp_path / "served"
    if request.param == "file":
        yield f"file://{repo.folder}"
    elif request.param == "http":
        with http_server(served) as (base, _):
            yield f"{base}/bots/.git"
    else:
        with git_daemon(served) as base:
            yield f"{base}/bots/.git"


async def test_what_is_pushed_is_live(repo: Repo, stores: Stores, tmp_path: Path, url: str) -> None:
    first = repo.put("desk", text="One.")
    follower = Follower(url, stores, tmp_path / "data")
    async with follower.running():
        assert (follower.state, follower.said()) == ("Imported", "One.")
        repo.put("desk", "shop", text="Two.")
        await until(lambda: follower.said("shop") == "Two.")
        repo.git("reset", "-q", "--hard", first)  # a push by force
        repo.put("desk", text="Forced.")
        await until(lambda: follower.said() == "Forced.")
        repo.git("reset", "-q", "--hard", first)
        await until(lambda: follower.said() == "One.")
    repo.put("desk", text="Three.")
    assert await follower.restart() == "Imported"
    repo.git("reset", "-q", "--hard", first)
    assert await follower.restart() == "Imported"
    assert follower.said() == "One."


async def test_only_what_is_needed_is_fetched(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    (repo.folder / "huge.bin").write_bytes(os.urandom(1_000_000))
    repo.put("desk")
    follower = Follower(f"file://{repo.folder}", stores, tmp_path / "data")
    assert await follower.restart() == "Imported"
    size = sum(f.stat().st_size for f in (tmp_path / "data" / "git").rglob("*") if f.is_file())
    assert size < 300_000


async def test_a_server_without_filters_works(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    repo.git("config", "uploadpack.allowFilter", "false")
    repo.put("desk")
    follower = Follower(f"file://{repo.folder}", stores, tmp_path / "data")
    assert await follower.restart() == "Imported"


async def test_replica_without_a_memory_follows_the_remote(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    """The branch was moved back while one was down and had never seen the newer commit."""
    first = repo.put("desk", text="One.")
    url = f"file://{repo.folder}"
    repo.put("desk", text="Two.")
    assert await Follower(url, stores, tmp_path / "one").restart() == "Imported"
    repo.git("reset", "-q", "--hard", first)
    two = Follower(url, stores, tmp_path / "two")
    assert await two.restart() == "Imported"
    assert two.said() == "One."


async def test_remote_that_is_away_and_comes_back(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk", text="One.")
    with http_server(tmp_path / "served") as (base, server):
        follower = Follower(f"{base}/bots/.git", stores, tmp_path / "data")
        async with follower.running():
            for status in (500, 404, 403):
                server.status = status
                await until(lambda: follower.state == "Unreachable")
                assert str(status) in follower.problem or "not found" in follower.problem
                assert follower.told["commit"] is not None
                assert follower.said() == "One."
                server.status = None
                await until(lambda: follower.state == "Imported")
                assert not follower.problem
            server.status = 500
            await until(lambda: follower.state == "Unreachable")
            warned = str(follower.log.warnings).count("500")
            asked = len(server.asked)
            await until(lambda: len(server.asked) > asked + 3)
            assert str(follower.log.warnings).count("500") == warned
            repo.put("desk", text="Two.")
            server.status = None
            await until(lambda: follower.said() == "Two.")


async def test_unreachable_at_the_start_keeps_what_was(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk", text="One.")
    with http_server(tmp_path / "served") as (base, _):
        follower = Follower(f"{base}/bots/.git", stores, tmp_path / "data")
        assert await follower.restart() == "Imported"
    assert await follower.restart() == "Unreachable"
    assert follower.said() == "One."


async def test_a_server_that_says_nothing_delays_no_start(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "START", 0.5)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    follower = Follower(f"http://127.0.0.1:{port}/bots", stores, tmp_path / "data")
    assert await follower.restart() == "Fetching"
    stopping = asyncio.Event()
    following = asyncio.create_task(follower.branch.follow(stopping))
    await asyncio.sleep(0.2)
    following.cancel()  # as a daemon does that ends
    with pytest.raises(asyncio.CancelledError):
        await following
    server.close()
    await until(lambda: not _processes_of(str(tmp_path)))


def _processes_of(word: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            text = (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
        except OSError:
            continue
        if word in text and text.startswith("git"):
            found.append(text)
    return found


@pytest.mark.parametrize("by", ["token", "url", "askpass"])
async def test_credentials_are_used_and_never_told(
    repo: Repo, stores: Stores, tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.put("desk")
    seen: set[str] = set()
    monkeypatch.setenv("HOME", str(tmp_path))
    with http_server(tmp_path / "served", f"ann:{SECRET}") as (base, server):
        url = f"{base}/bots/.git"
        if by == "url":
            url = url.replace("://", f"://ann:{SECRET}@")
        elif by == "token":
            monkeypatch.setenv("OTTO_GIT_TOKEN", SECRET)
            monkeypatch.setenv("OTTO_GIT_USER", "ann")
        else:
            script = tmp_path / "askpass"
            script.write_text(
                f'#!/bin/sh\ncase "$1" in User*) echo ann;; *) echo {SECRET};; esac\n'
            )
            script.chmod(0o755)
            monkeypatch.setenv("GIT_ASKPASS", str(script))
        follower = Follower(url, stores, tmp_path / "data")
        watching = asyncio.create_task(_watch(seen))
        assert await follower.restart() == "Imported"
        server.login = "ann:other"
        follower.start()
        assert await follower.branch.import_now()
        assert follower.state == "Unreachable"
        watching.cancel()
    told = f"{follower.told} {follower.log.warnings} {stores.desired.history('desk')} {seen}"
    assert SECRET not in told
    kept = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert not [file for file in kept if SECRET.encode() in file.read_bytes()]


async def _watch(seen: set[str]) -> None:
    """The command lines of all processes, as `ps` shows them."""
    while True:
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit():
                    seen.add((entry / "cmdline").read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
        await asyncio.sleep(0.005)


async def test_without_credentials_it_says_what_is_missing(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk")
    with http_server(tmp_path / "served", "ann:secret") as (base, _):
        follower = Follower(f"{base}/bots/.git", stores, tmp_path / "data")
        assert await follower.restart() == "Unreachable"
        assert "OTTO_GIT_TOKEN" in follower.problem


async def test_the_default_branch_of_a_remote_is_followed(
    repo: Repo, stores: Stores, tmp_path: Path
) -> None:
    repo.put("desk", text="One.")
    follower = Follower(f"file://{repo.folder}", stores, tmp_path / "data")
    async with follower.running():
        repo.git("branch", "-m", "main", "trunk")
        repo.put("desk", text="Two.")
        await until(lambda: follower.said() == "Two.")
        assert follower.told["branch"] == "trunk"


async def test_a_branch_deleted_at_the_remote(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    repo.put("desk", text="One.")
    repo.git("branch", "live")
    follower = Follower(f"file://{repo.folder}", stores, tmp_path / "data", branch="live")
    async with follower.running():
        repo.git("branch", "-D", "live")
        await until(lambda: follower.state == "Missing")
        assert "there is no branch live; there are: main" in follower.problem
        assert follower.said() == "One."
        repo.git("branch", "live")
        await until(lambda: follower.state == "Imported")


async def test_damaged_and_locked_mirrors_mend(repo: Repo, stores: Stores, tmp_path: Path) -> None:
    repo.put("desk", text="One.")
    follower = Follower(f"file://{repo.folder}", stores, tmp_path / "data")
    assert await follower.restart() == "Imported"
    (mirror,) = (one.parent for one in (tmp_path / "data" / "git").rglob("HEAD"))
    lock = mirror / "refs" / "heads" / "main.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)  # of a process that was killed
    repo.put("desk", text="Two.")
    assert await follower.restart() == "Imported"
    assert follower.said() == "Two."
    for damage in ("packs", "HEAD", "refs"):
        repo.put("desk", text=f"After {damage}.")
        if damage == "packs":
            for file in (mirror / "objects").rglob("*"):
                if file.is_file():
                    file.chmod(0o644)
                    file.write_bytes(b"damaged")
        elif damage == "HEAD":
            (mirror / "HEAD").write_bytes(b"\0\0")
        else:
            shutil.rmtree(mirror / "refs")
        follower.start()
        async with follower.running():
            await until(lambda damage=damage: follower.said() == f"After {damage}.")


def test_what_a_remote_is_called_has_no_credentials() -> None:
    remote = Remote.of(f"https://ann:{SECRET}@git.example:8443/bots.git")
    assert (remote.url, remote.user) == ("https://git.example:8443/bots.git", "ann")
    assert SECRET not in " ".join(remote.options())
    assert SECRET not in repr(remote)


async def test_an_ephemeral_mirror_leaves_nothing(repo: Repo, tmp_path: Path) -> None:
    repo.put("desk")
    mirror = Mirror(Remote.of(f"file://{repo.folder}"), tmp_path / "mirror")
    branch, tip = await mirror.look(None)
    assert (branch, tip) == ("main", repo.git("rev-parse", "HEAD"))
    assert await mirror.fetch("main") == tip
