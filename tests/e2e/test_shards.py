"""Daemons that host a Parlant each, with a part of all bots: together they have each bot once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.fleet import agents
from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.support.stores import dropped

NAMES = [f"bot-{number}" for number in range(8)]
OWN = ("--port", "0", "--nlp", "offline", "--otto-access", "off", "--interval", "1")


@pytest.fixture
def database(wire_uri: str) -> Iterator[dict[str, str]]:
    with dropped(wire_uri) as name:
        yield {"MONGODB_URI": wire_uri, "MONGODB_DATABASE_NAME": name}


class Shards:
    """Folders with the same manifests, a daemon in each."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder, self._environ = folder, environ
        (folder / "all").mkdir()
        for name in NAMES:
            text = bot(name, name=f"Bot {name}").replace("team: retail", "region: any")
            (folder / "all" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def daemon(self, number: int, of: int) -> Daemon:
        folder = self._folder / str(number)
        folder.mkdir(exist_ok=True)
        place = Place(folder, **self._environ)
        return place.forked(*OWN, "--manifests", "../all", "--shard", f"{number}/{of}")


def is_well(daemon: Daemon) -> bool:
    """By its status, once it has heard of the others."""
    return daemon.place.command("status").returncode == 0


def having(*daemons: Daemon) -> list[str]:
    return sorted(bot_id for daemon in daemons for bot_id in agents(daemon.url))


@pytest.mark.timeout(240)
def test_shards_have_each_bot_once_and_grow(tmp_path: Path, database: dict[str, str]) -> None:
    shards = Shards(tmp_path, database)
    with ExitStack() as stack:
        first, second = (stack.enter_context(shards.daemon(number, 2)) for number in (1, 2))
        wait_for("each bot is on one", lambda: having(first, second) == NAMES)
        before = {n: agents(d.url) for n, d in ((1, first), (2, second))}
        assert all(before.values())
        for daemon in (first, second):
            daemon.wait_synced(*agents(daemon.url))
            assert {b["bot_id"] for b in daemon.status["bots"]} == agents(daemon.url)
            wait_for("all is well", lambda d=daemon: is_well(d))
            assert daemon.place.command("diff").returncode == 0
        third = stack.enter_context(shards.daemon(3, 3))
        wait_for("they disagree", lambda: not first.status["fleet"]["agreed"])
        assert first.place.command("status").returncode == 2
        assert {n: agents(d.url) for n, d in ((1, first), (2, second))} == before
        assert agents(third.url) == set()
        first.signal()
        first = stack.enter_context(shards.daemon(1, 3))
        second.signal()
        second = stack.enter_context(shards.daemon(2, 3))
        three = first, second, third
        wait_for("each bot is on one again", lambda: having(*three) == NAMES and agents(third.url))
        wait_for("it is told", lambda: third.url in third.place.command("routes").stdout)
        wait_for("nothing moves", lambda: not any(d.status["fleet"]["moves"] for d in three))
        for number, daemon in ((1, first), (2, second)):
            assert agents(daemon.url) <= before[number]
            wait_for("all is well", lambda d=daemon: is_well(d))


def test_a_shard_that_cannot_be_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for words, said in (
        (("--shard", "9/8", "--otto-access", "off"), "--shard: '9/8' is no shard"),
        (("--shard", "1/2"), "--shard has a part of the bots, and Otto makes any"),
    ):
        refused = place.command("run", *words)
        assert refused.returncode == 1
        assert said in refused.stderr


@pytest.mark.timeout(240)
def test_a_shard_twice_or_never_is_told(tmp_path: Path, database: dict[str, str]) -> None:
    """Of two with the same number one acts, so that no bot is on both."""
    shards = Shards(tmp_path, database)
    with ExitStack() as stack:
        first = stack.enter_context(shards.daemon(1, 2))
        wait_for("one is missed", lambda: first.status["fleet"].get("missing") == ["2/2"])
        shown = first.place.command("status")
        assert shown.returncode == 2
        assert "shard 2/2: no daemon has it" in shown.stdout
        own = agents(first.url)
        (tmp_path / "copy").mkdir()
        copy = Place(tmp_path / "copy", **database)
        twin = stack.enter_context(copy.forked(*OWN, "--manifests", "../all", "--shard", "1/2"))
        wait_for("both know", lambda: first.status["fleet"]["clashes"])
        wait_for("it is told", lambda: twin.status["fleet"].get("clashes"))
        assert twin.place.command("status").returncode == 2
        waiting = twin if twin.status["led_by"] else first
        wait_for("one waits", lambda: waiting.status["target"]["state"] == "Waiting")
        if waiting is twin:
            assert agents(first.url) == own
            assert agents(twin.url) == set()
