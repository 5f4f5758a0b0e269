"""Daemons that share targets: each target has one that acts, and none is left when one ends."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.fleet import Fleet, parlants, whole
from tests.e2e.harness import TLS, Daemon, wait_for
from tests.parlant_server.process import ParlantProcess
from tests.support.stores import dropped

NAMES = ("eu", "us", "asia")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, ParlantProcess]]:
    with parlants(*NAMES) as servers:
        yield servers


@pytest.fixture
def database(wire_uri: str) -> Iterator[dict[str, str]]:
    with dropped(wire_uri) as name:
        yield {"mongodb-uri": wire_uri, "database": name}


def led_by(daemon: Daemon) -> set[str]:
    """The targets on which a daemon says that it acts."""
    targets = daemon.status.get("fleet", {}).get("targets", {})
    return {n for n, one in targets.items() if not one["led_by"] and one["state"] == "Connected"}


def shared_out(*daemons: Daemon) -> bool:
    parts = [led_by(daemon) for daemon in daemons]
    return sorted(name for part in parts for name in part) == sorted(NAMES)


def creations(fleet: Fleet) -> Counter[tuple[str, str]]:
    """How often each part of each bot was created, by the record."""
    shown = fleet.place.command("actions", "--limit", "0", "-o", "json")
    assert shown.returncode == 0, shown.stderr
    actions: list[dict[str, Any]] = json.loads(shown.stdout)
    made = (a for a in actions if a["operation"] == "create" and a["outcome"] == "succeeded")
    return Counter((action["target"], action["key"]) for action in made)


@pytest.mark.timeout(240)  # beats and leases run out in it
def test_a_daemon_is_killed_and_another_takes_over(
    servers: dict[str, ParlantProcess], database: dict[str, str], tmp_path: Path
) -> None:
    one, two = Fleet(tmp_path / "one", servers), Fleet(tmp_path / "two", servers)
    for fleet in (one, two):
        targets = [{"name": name, "selector": f"region={name}"} for name in NAMES]
        fleet.configure(targets, **database)
    one.write({f"{name}-{number}": name for name in NAMES for number in range(2)})
    one.write({"eu-moving": "eu"})
    bots = {f"{name}-{number}" for name in NAMES for number in range(2)} | {"eu-moving"}
    (two.place.manifests).rmdir()
    two.place.manifests.symlink_to(one.place.manifests)
    with one.daemon() as first, two.daemon() as second:
        wait_for("each target has one daemon", lambda: shared_out(first, second), 90)
        wait_for("all bots are there", lambda: set().union(*map(one.on, NAMES)) == bots)
        assert {bot["bot_id"] for d in (first, second) for bot in d.status["bots"]} == bots
        killed, left = sorted((first, second), key=lambda d: len(led_by(d)), reverse=True)
        taken = led_by(killed)
        assert taken
        killed.kill()
        name = sorted(taken)[0]
        url = servers[name].url
        httpx.delete(f"{url}/guidelines/{name}-0.small-talk", timeout=30, verify=TLS)
        wait_for("the other has all", lambda: led_by(left) == set(NAMES), 90)
        wait_for("the drift is healed", lambda: whole(url, f"{name}-0"))
        one.write({"eu-moving": "us"})
        wait_for("it has moved", lambda: "eu-moving" in one.on("us") - one.on("eu"))
        left.wait_synced(*bots)
    twice = {made: n for made, n in creations(two).items() if n > 1}
    assert [key for _, key in twice if f"{name}-0.small-talk" not in key] == []
    assert all(whole(servers[bot.partition("-")[0]].url, bot) for bot in bots - {"eu-moving"})


@pytest.mark.timeout(240)  # beats and leases run out in it
def test_a_stopped_daemon_that_goes_on_changes_nothing(
    servers: dict[str, ParlantProcess], database: dict[str, str], tmp_path: Path
) -> None:
    """Nothing moves either while the two disagree about the targets."""
    for server in servers.values():
        server.restart()
    one, two = Fleet(tmp_path / "one", servers), Fleet(tmp_path / "two", servers)
    for fleet in (one, two):
        fleet.configure([{"name": name} for name in NAMES], **database)
    names = [f"bot-{number}" for number in range(8)]
    one.write(dict.fromkeys(names, "any"))
    with one.daemon() as first:
        first.wait_synced(*names)
        places = {name: one.on(name) for name in NAMES}
        two.configure([{"name": name} for name in NAMES[:2]], **database)
        with two.place.forked("--interval", "1", "--manifests", "../one/manifests") as second:
            wait_for("both tell", lambda: not first.status["fleet"]["agreed"])
            assert two.place.command("status").returncode == 2
            assert {name: one.on(name) for name in NAMES} == places
            assert second.running
        wait_for("it is alone again", lambda: first.status["fleet"]["agreed"])
        two.configure([{"name": name} for name in NAMES], **database)
        with two.place.forked("--interval", "1", "--manifests", "../one/manifests") as second:
            wait_for("they share", lambda: shared_out(first, second), 90)
            stopped, other = (first, second) if led_by(first) else (second, first)
            assert stopped.process is not None
            stopped.process.send_signal(signal.SIGSTOP)
            wait_for("the other has all", lambda: led_by(other) == set(NAMES), 90)
            stopped.process.send_signal(signal.SIGCONT)
            wait_for("they share again", lambda: shared_out(first, second), 90)
            assert {name: one.on(name) for name in NAMES} == places
    assert not [made for made, n in creations(one).items() if n > 1]
