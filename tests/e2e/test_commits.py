"""A daemon that follows the commits of a repository, as a person at the terminal sees it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.sources.test_provenance import commit, git

SMALL = (
    "apiVersion: otto/v1\nkind: Bot\nmetadata: {{id: {0}}}\nspec: {{name: {0}, description: {1}}}\n"
)
SECRET = "whose-secret-is-it"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "manifests").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def put(repo: Path, text: str, message: str = "change", name: str = "order-desk") -> str:
    (repo / "manifests" / f"{name}.yaml").write_text(text)
    return commit(repo, message)


def source(daemon: Daemon) -> dict[str, Any]:
    (told,) = daemon.status.get("git", {}).values() or ({},)
    return dict(told)


def action_of(daemon: Daemon) -> str:
    return str(daemon.guideline("order-desk.order-status")["action"])


def test_from_a_commit_to_parlant_and_back(place: Place, repo: Path) -> None:
    first = put(repo, bot(), "Add the order desk")
    place.write("edited.yaml", bot("edited"))  # the folder of the working directory counts not
    with place.forked("--port", "0", "--git", str(repo)) as daemon:
        daemon.wait_synced("order-desk")
        assert "edited" not in {agent["id"] for agent in daemon.get("/agents")}
        done = place.command("status")
        assert f"in force {first[:12]}" in done.stdout
        assert "Add the order desk" in done.stdout
        assert done.returncode == 0, done.stdout
        second = put(repo, bot(action="Ask for the name"), "Ask for the name instead")
        wait_for("the second commit", lambda: action_of(daemon) == "Ask for the name")
        newest = json.loads(place.command("history", "order-desk", "-o", "json").stdout)[0]
        assert newest["source"]["commit"] == second[:12]
        assert newest["source"]["subject"] == "Ask for the name instead"
        bad = put(repo, bot().replace("condition", "conditon"), "Break it")
        wait_for("the refusal", lambda: source(daemon).get("state") == "Refused")
        done = place.command("status")
        assert done.returncode == 2
        assert "manifests/order-desk.yaml:" in done.stdout
        assert f"refused  {bad[:12]}" in done.stdout
        assert f"in force {second[:12]}" in done.stdout
        git(repo, "reset", "-q", "--hard", first)
        wait_for("the first commit again", lambda: action_of(daemon) == "Ask for the number")
        wait_for("no problem", lambda: place.command("status").returncode == 0)


def test_a_signed_call_has_the_remote_looked_at(place: Place, repo: Path) -> None:
    put(repo, bot())
    options = ("--git", f"file://{repo}", "--git-interval", "3600", "--webhook-port", "0")
    with place.forked("--port", "0", *options, OTTO_WEBHOOK_SECRET=SECRET) as daemon:
        daemon.wait_synced("order-desk")
        url = daemon.status["webhook"]
        put(repo, bot(action="Ask for the name"))
        body = b'{"ref": "refs/heads/main"}'
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        wrong = [
            {},
            {"X-Hub-Signature-256": "sha256=" + "0" * 64},
            {"X-Hub-Signature-256": "sha256=" + signature.upper()},
            {"X-Hub-Signature-256": signature},
            {"X-Gitlab-Token": "wrong"},
            {"X-Gitlab-Token": ""},
        ]
        for headers in wrong:
            assert httpx.post(url, content=body, headers=headers).status_code == 401
        assert httpx.get(url).status_code == 405
        assert httpx.post(url, content=body + b" ", headers=wrong[0]).status_code == 401
        assert action_of(daemon) == "Ask for the number"
        headers = {"X-Hub-Signature-256": f"sha256={signature}"}
        assert httpx.post(url, content=body, headers=headers).status_code == 202
        wait_for("what was pushed", lambda: action_of(daemon) == "Ask for the name")
        put(repo, bot(action="Ask for the street"))
        assert httpx.post(url, content=body, headers={"X-Gitlab-Token": SECRET}).status_code == 202
        wait_for("what was pushed", lambda: action_of(daemon) == "Ask for the street")
        assert SECRET not in daemon.output


def test_a_webhook_without_a_secret_is_refused(place: Place, repo: Path) -> None:
    done = place.command("run", "--git", str(repo), "--webhook-port", "0")
    assert done.returncode == 1
    assert "--webhook-port needs OTTO_WEBHOOK_SECRET" in done.stderr


def many(repo: Path, text: str, count: int = 300) -> str:
    for number in range(count):
        name = f"bot-{number:03}"
        (repo / "manifests" / f"{name}.yaml").write_text(SMALL.format(name, text))
    return commit(repo, text)


def test_killed_in_the_middle_of_a_large_commit(place: Place, repo: Path) -> None:
    many(repo, "One", 5)
    for number, wait in enumerate((0.0, 0.25, 0.5, 1.0, 2.0)):
        with place.forked("--port", "0", "--git", str(repo)) as daemon:
            wait_for("the daemon", lambda: source(daemon).get("state") == "Imported")
            tip = many(repo, f"Text {number}")
            time.sleep(wait)  # wherever that meets it
            daemon.kill()
    with place.forked("--port", "0", "--git", str(repo)) as daemon:
        wait_for("the last commit", lambda: (source(daemon).get("commit") or {}).get("id") == tip)
        wait_for("all bots", lambda: len(synced(daemon)) == 300, seconds=120)
        said = {agent["description"] for agent in daemon.get("/agents") if agent["id"] != "otto"}
        assert said == {"Text 4"}


def synced(daemon: Daemon) -> list[str]:
    return [one["bot_id"] for one in daemon.status["bots"] if one["sync"] == "Synced"]


def test_moved_by_force_in_the_middle_of_a_commit(place: Place, repo: Path) -> None:
    first = many(repo, "One", 50)
    with place.forked("--port", "0", "--git", str(repo)) as daemon:
        wait_for("the daemon", lambda: len(synced(daemon)) == 50)
        for number in range(5):
            many(repo, f"Large {number}")
            git(repo, "reset", "-q", "--hard", first)
            last = many(repo, f"Other {number}", 50)
        wait_for("the last commit", lambda: (source(daemon).get("commit") or {}).get("id") == last)
        told = {f"bot-{number:03}": "Other 4" for number in range(50)}
        guarded = source(daemon)["problems"]

        def there() -> dict[str, str]:
            agents = daemon.get("/agents")
            return {one["id"]: one["description"] for one in agents if one["id"] != "otto"}

        wait_for("what it has", lambda: there().items() >= told.items())
        others = there().keys() - told.keys()
        assert not others or guarded, "what is there beside it is what the guard keeps, and says"


def test_a_rollback_as_a_commit(place: Place, repo: Path) -> None:
    git(repo, "config", "user.name", "Ann")
    git(repo, "config", "user.email", "ann@example.com")
    put(repo, bot())
    with place.forked("--port", "0", "--git", str(repo)) as daemon:
        daemon.wait_synced("order-desk")
        put(repo, bot(action="Promise a discount"))
        wait_for("the second commit", lambda: action_of(daemon) == "Promise a discount")
        done = place.command("rollback", "order-desk", "--to", "1", "--commit", "--yes")
        assert done.returncode == 0, done.stderr
        tip = git(repo, "rev-parse", "HEAD")
        assert f"commit {tip[:12]} on main brings order-desk back" in done.stdout
        wait_for("what it was", lambda: action_of(daemon) == "Ask for the number")
        assert source(daemon)["commit"]["id"] == tip
        newest = json.loads(place.command("history", "order-desk", "-o", "json").stdout)[0]
        assert newest["source"]["commit"] == tip[:12]
    done = place.command("rollback", "order-desk", "--to", "2", "--commit", "--yes")
    assert done.returncode == 1
    assert "from no repository that a running daemon follows" in done.stderr


def test_a_rollback_as_a_commit_of_a_remote(place: Place, repo: Path, tmp_path: Path) -> None:
    put(repo, bot())
    bare = tmp_path / "bots.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo), str(bare))
    git(bare, "config", "uploadpack.allowFilter", "true")
    git(repo, "remote", "add", "origin", str(bare))
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
    }
    with place.forked("--port", "0", "--git", f"file://{bare}", "--git-interval", "0.3") as daemon:
        daemon.wait_synced("order-desk")
        put(repo, bot(action="Promise a discount"))
        git(repo, "push", "-q", "origin", "main")
        wait_for("the second commit", lambda: action_of(daemon) == "Promise a discount")
        words = ("rollback", "order-desk", "--to", "1", "--commit", "--yes")
        done = place.command(*words, **who)
        assert done.returncode == 0, done.stderr
        wait_for("what it was", lambda: action_of(daemon) == "Ask for the number")
        assert git(bare, "log", "-1", "--format=%an %s", "main").startswith("Ann Bring bot")
        (bare / "hooks" / "update").write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
        (bare / "hooks" / "update").chmod(0o755)
        tip = git(bare, "rev-parse", "main")
        done = place.command(*words[:3], "2", *words[4:], **who)
        assert done.returncode == 1
        assert "the commit could not be pushed" in done.stderr
        assert git(bare, "rev-parse", "main") == tip
        assert action_of(daemon) == "Ask for the number"
