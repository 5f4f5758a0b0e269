"""Several targets: each bot on one of them, whatever becomes of targets, daemons and labels."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from otto_reconcile.fleet.shared import STAY
from tests.e2e.fleet import Fleet, labelled, parlants, whole
from tests.e2e.harness import TLS, Daemon, Place, wait_for
from tests.parlant_server.process import ParlantProcess
from tests.wire.server import own_server

Servers = dict[str, ParlantProcess]


@pytest.fixture(scope="module")
def running() -> Iterator[Servers]:
    with parlants("eu", "us") as servers:
        yield servers


@pytest.fixture
def fleet(running: Servers, tmp_path: Path) -> Fleet:
    for server in running.values():
        server.restart()
    return Fleet(tmp_path, running)


def targets(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.status.get("fleet", {}).get("targets", {})
    return found


def where(daemon: Daemon) -> dict[str, str]:
    return {bot["bot_id"]: bot["target"] for bot in daemon.status["bots"]}


def test_bots_are_where_their_labels_say(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us", "c": "eu"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b", "c")
        assert fleet.on("eu") == {"a", "c"}
        assert fleet.on("us") == {"b"}
        assert where(daemon) == {"a": "eu", "b": "us", "c": "eu"}
        shown = fleet.place.command("status")
        assert shown.returncode == 0, shown.stdout
        assert "2 of 2 bots Synced" in shown.stdout
        compared = fleet.place.command("diff")
        assert compared.returncode == 0, compared.stdout
        url = fleet.servers["us"].url
        httpx.delete(f"{url}/guidelines/b.small-talk", timeout=30, verify=TLS)
        wait_for("the drift is healed", lambda: whole(url, "b"))
        assert [name for name in fleet.servers if "b" in fleet.on(name)] == ["us"]


def test_a_bot_moves_without_a_moment_of_none(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        fleet.write({"a": "us"})
        urls = [server.url for server in fleet.servers.values()]

        def moved() -> bool:
            assert any(whole(url, "a") for url in reversed(urls))
            return "a" not in fleet.on("eu")

        wait_for("it has left", moved)
        assert whole(fleet.servers["us"].url, "a")
        wait_for("the status says so", lambda: where(daemon) == {"a": "us", "b": "us"})
        daemon.wait_synced("a", "b")
        assert "a bot has moved here" in daemon.output
        assert fleet.place.command("status").returncode == 0


def test_a_target_that_is_away_holds_nothing_else_up(fleet: Fleet) -> None:
    """What was to move there stays where it is, and goes once it can."""
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        fleet.servers["us"].stop()
        fleet.write({"a": "us", "c": "eu"})
        daemon.wait_synced("c")
        wait_for("it is told", lambda: targets(daemon)["us"]["state"] == "Unavailable")
        wait_for("the move is told", lambda: daemon.bot("a").get("moving_to") == "us")
        assert fleet.on("eu") == {"a", "c"}
        shown = fleet.place.command("status")
        assert shown.returncode == 2
        assert "a from eu to us" in shown.stdout
        compared = fleet.place.command("diff")
        assert compared.returncode == 1
        assert "a goes from eu to us" in compared.stdout
        assert "target us (not compared" in compared.stdout
        fleet.servers["us"].start()
        wait_for("all is where it belongs", lambda: fleet.on("us") == {"a", "b"})
        wait_for("it has left", lambda: fleet.on("eu") == {"c"})
        daemon.wait_synced("a", "b", "c")


def test_a_target_that_dies_right_after_a_move(fleet: Fleet) -> None:
    """The old target keeps the bot until it was seen on the new one for good."""
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    url = fleet.servers["eu"].url
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        fleet.write({"a": "us"})
        wait_for("it has moved", lambda: "a bot has moved here" in daemon.output)
        fleet.servers["us"].stop()
        moved = time.monotonic()
        wait_for("it is told", lambda: targets(daemon)["us"]["state"] == "Unavailable")
        wait_for("it may leave", lambda: whole(url, "a") and time.monotonic() > moved + STAY + 2)
        httpx.delete(f"{url}/guidelines/a.small-talk", timeout=30, verify=TLS)
        wait_for("it is healed where it was", lambda: whole(url, "a"))
        fleet.servers["us"].start()
        wait_for("it is there", lambda: settled(fleet, {"a": "us", "b": "us"}))
        daemon.wait_synced("a", "b")


def test_a_restart_of_one_target_restores_its_bots(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        epochs = {name: one["epoch"] for name, one in targets(daemon).items()}
        fleet.servers["eu"].restart()
        wait_for("it is back", lambda: whole(fleet.servers["eu"].url, "a"))
        wait_for("it is told", lambda: targets(daemon)["eu"]["epoch"] != epochs["eu"])
        daemon.wait_synced("a", "b")
        assert targets(daemon)["us"]["epoch"] == epochs["us"]
        assert fleet.on("eu") == {"a"}
        assert fleet.on("us") == {"b"}


def test_one_target_becomes_two_and_one_again(fleet: Fleet) -> None:
    """A store that had one target, then shares, then one that is drained."""
    names = [f"bot-{number}" for number in range(6)]
    fleet.write(dict.fromkeys(names, "eu"))
    first = Place(fleet.place.folder)
    with first.forked("--parlant-url", fleet.servers["eu"].url, "--interval", "1") as daemon:
        daemon.wait_synced(*names)
    fleet.configure([{"name": "eu"}, {"name": "us"}])
    with fleet.daemon() as daemon:
        wait_for("some have moved", lambda: fleet.on("us"))
        wait_for("each is on one", lambda: len(fleet.on("eu")) + len(fleet.on("us")) == 6)
        daemon.wait_synced(*names)
        assert fleet.on("eu") | fleet.on("us") == set(names)
        assert fleet.on("eu")
        assert fleet.on("us")
        wait_for("nothing moves", lambda: not daemon.status["fleet"]["moves"])
    fleet.configure([{"name": "eu", "drain": True}, {"name": "us"}])
    with fleet.daemon() as daemon:
        wait_for("it is empty", lambda: not fleet.on("eu"))
        assert fleet.on("us") == set(names)
        daemon.wait_synced(*names)
    fleet.configure([{"name": "us"}])
    with fleet.daemon() as daemon:
        daemon.wait_synced(*names)
        assert fleet.on("us") == set(names)


def test_a_bot_that_no_target_is_for_is_told(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "asia"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a")
        wait_for("it is told", lambda: daemon.bot("b").get("health") == "Missing")
        assert "no target is for it" in daemon.bot("b")["message"]
        assert fleet.place.command("status").returncode == 2
        fleet.write({"a": "asia"})
        wait_for("it is read", lambda: daemon.bot("a").get("revision") == 2)
        assert fleet.on("eu") == {"a"}
        fleet.write({"b": "us"})
        daemon.wait_synced("b")
        assert fleet.on("us") == {"b"}
        fleet.place.command("delete", "a", "b", "--yes")


def test_a_deleted_bot_is_deleted_where_it_is(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({f"bot-{number}": "eu" for number in range(3)} | {"b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("bot-0", "bot-1", "bot-2", "b")
        (fleet.place.manifests / "b.yaml").unlink()
        wait_for("it is gone", lambda: not fleet.on("us"))
        wait_for("the status knows", lambda: "b" not in where(daemon))
        fleet.write({"b": "eu"})
        wait_for("it is there again", lambda: "b" in fleet.on("eu"))
        daemon.wait_synced("b")
        assert fleet.on("us") == set()


def test_text_of_one_bot_is_changed_on_its_target(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        fleet.place.write("a.yaml", labelled("a", "eu", action="Ask twice"))
        url = f"{fleet.servers['eu'].url}/guidelines/a.order-status"
        wait_for("it is changed", lambda: "Ask twice" in httpx.get(url, verify=TLS).text)
        compared = fleet.place.command("diff", "a")
        assert compared.returncode == 0, compared.stdout
        assert fleet.place.command("diff", "nobody").returncode == 1


def test_what_was_done_is_told_with_its_target(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        shown = fleet.place.command("actions", "--target", "us")
        assert "bot b on us" in shown.stdout
        assert "bot a" not in shown.stdout
        wait_for("all are placed", lambda: "us" in fleet.place.command("routes", "b").stdout)
        routes = json.loads(fleet.place.command("routes", "-o", "json").stdout)
        assert routes == [
            {"bot": bot_id, "target": name, "url": fleet.servers[name].url}
            for bot_id, name in (("a", "eu"), ("b", "us"))
        ]
        missing = fleet.place.command("routes", "c")
        assert missing.returncode == 1
        assert "no target has a bot 'c'" in missing.stderr
        one = fleet.place.command("diff", "--parlant-url", fleet.servers["us"].url)
        assert one.returncode == 0, one.stdout
        refused = fleet.place.command("diff", "--out", "plan.json")
        assert refused.returncode == 1
        assert "is about one target, and the daemon has 2" in refused.stderr
        adopted = fleet.place.command("validate", "--target")
        assert adopted.returncode == 1


@pytest.mark.timeout(240)  # leases of those that were killed run out in it
def test_kills_while_bots_move_lose_none(fleet: Fleet) -> None:
    """Whenever the daemon is killed, some target has all of a bot, and one alone in the end."""
    fleet.by_regions("eu", "us")
    names = [f"bot-{number}" for number in range(6)]
    regions = dict.fromkeys(names, "eu")
    fleet.write(regions)
    urls = {name: server.url for name, server in fleet.servers.items()}
    with fleet.daemon() as daemon:
        daemon.wait_synced(*names)
    chance = random.Random(7)
    for _ in range(2):
        for bot_id in chance.sample(names, 4):
            regions[bot_id] = "us" if regions[bot_id] == "eu" else "eu"
        fleet.write(regions)
        daemon = fleet.daemon().start()
        made = chance.randrange(2, 30)
        try:
            wait_for("some calls are made", lambda d=daemon, n=made: calls(d) >= n)
        finally:
            daemon.kill()
        assert [b for b in names if not any(whole(url, b) for url in urls.values())] == []
    with fleet.daemon() as daemon:
        wait_for("all are where they belong", lambda: settled(fleet, regions))
        daemon.wait_synced(*names)
        assert all(whole(urls[regions[bot_id]], bot_id) for bot_id in names)
        assert fleet.place.command("diff").returncode == 0


def calls(daemon: Daemon) -> int:
    """How many changes it says that it made."""
    return daemon.output.count(" create bot=") + daemon.output.count(" delete bot=")


def settled(fleet: Fleet, regions: dict[str, str]) -> bool:
    return all(
        fleet.on(name) == {bot_id for bot_id, region in regions.items() if region == name}
        for name in fleet.servers
    )


def test_a_store_that_is_away_at_the_start_is_waited_for(fleet: Fleet) -> None:
    """Nothing is deleted meanwhile, and all goes on once it answers."""
    with own_server() as store:
        targets = [{"name": one, "selector": f"region={one}"} for one in fleet.servers]
        fleet.configure(targets, **{"mongodb-uri": store.uri})
        fleet.write({"a": "eu", "b": "us"})
        with fleet.daemon() as daemon:
            daemon.wait_synced("a", "b")
        store.end()
        fleet.write({"a": "us"})
        with fleet.daemon() as daemon:
            wait_for("it is told", lambda: daemon.status["store"].get("state") == "Unavailable")
            assert fleet.place.command("status").returncode == 2
            assert (fleet.on("eu"), fleet.on("us")) == ({"a"}, {"b"})
            store.start()
            wait_for("it has moved", lambda: settled(fleet, {"a": "us", "b": "us"}))
            daemon.wait_synced("a", "b")
        assert fleet.place.command("routes", "a").returncode == 0


def test_targets_that_change_their_names_lose_nothing(fleet: Fleet) -> None:
    """Each server is another target now: what is on it counts, not how it was called."""
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us", "c": "us"})
    urls = {name: server.url for name, server in fleet.servers.items()}
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b", "c")
    swapped = {"eu": urls["us"], "us": urls["eu"]}
    fleet.configure([{"name": n, "url": u, "selector": f"region={n}"} for n, u in swapped.items()])
    with fleet.daemon() as daemon:

        def swapped_over() -> bool:
            for bot_id in "abc":
                assert any(whole(url, bot_id) for url in urls.values()), bot_id
            return (fleet.on("eu"), fleet.on("us")) == ({"b", "c"}, {"a"})

        wait_for("each bot is on the other server", swapped_over)
        daemon.wait_synced("a", "b", "c")


def test_one_server_under_two_names_is_told(fleet: Fleet) -> None:
    """One of the names acts; what belongs to the other is told as missing, and nothing is lost."""
    same = fleet.servers["eu"].url.replace("127.0.0.1", "localhost")
    fleet.configure(
        [
            {"name": "eu", "selector": "region=eu"},
            {"name": "us", "url": same, "selector": "region=us"},
        ]
    )
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a")
        wait_for("it is told", lambda: daemon.status["fleet"]["clashes"] == {"us": "eu"})
        shown = fleet.place.command("status")
        assert shown.returncode == 2
        assert "us and eu are the same server: take one of them out" in shown.stdout
        assert "delete" not in shown.stdout
        assert fleet.on("eu") == {"a"}
        assert daemon.bot("b")["sync"] == "Unknown"


def test_bots_that_have_nowhere_to_go_are_told(fleet: Fleet) -> None:
    """They stay on a target that is drained, and whoever would take it out knows."""
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
    fleet.configure(
        [
            {"name": "eu", "selector": "region=eu", "drain": True},
            {"name": "us", "selector": "region=us"},
        ]
    )
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        wait_for("it is told", lambda: daemon.status["fleet"]["staying"] == {"a": "eu"})
        shown = fleet.place.command("status")
        assert shown.returncode == 2
        assert "1 bot on eu, which no other target is for: a" in shown.stdout
        fleet.write({"c": "asia"})
        wait_for("it is missing", lambda: daemon.bot("c").get("health") == "Missing")
        compared = fleet.place.command("diff", "c")
        assert compared.returncode == 2
        assert "c: no target is for it" in compared.stdout
        unknown = fleet.place.command("actions", "--target", "nope")
        assert unknown.returncode == 1
        assert "there is no target 'nope'" in unknown.stderr
        assert "port is open" not in daemon.output


def test_a_plain_daemon_in_the_store_of_a_fleet_is_warned(fleet: Fleet) -> None:
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        wait_for("both are placed", lambda: "us" in fleet.place.command("routes", "b").stdout)
    words = ("--parlant-url", fleet.servers["eu"].url)
    with fleet.place.forked(*words, "--interval", "1") as daemon:
        told = "the bots of this store are spread over several targets (eu, us)"
        wait_for("it is told", lambda: any(told in one for one in daemon.status["warnings"]))


def test_a_comparison_without_a_daemon_knows_the_targets(fleet: Fleet) -> None:
    """What is wanted on one of them is compared with that, and not all bots."""
    fleet.by_regions("eu", "us")
    fleet.write({"a": "eu", "b": "us"})
    with fleet.daemon() as daemon:
        daemon.wait_synced("a", "b")
        wait_for("both are placed", lambda: "us" in fleet.place.command("routes", "b").stdout)
    for words in ((), ("--parlant-url", fleet.servers["us"].url)):
        compared = fleet.place.command("diff", *words)
        assert compared.returncode == 0, compared.stdout
    moving = fleet.place.folder / "a.yaml"
    moving.write_text(labelled("a", "us"), encoding="utf-8")
    compared = fleet.place.command("diff", "-f", str(moving))
    assert compared.returncode == 2
    assert "a goes from eu to us" in compared.stdout
