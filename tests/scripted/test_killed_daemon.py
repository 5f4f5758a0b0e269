"""kill -9 of a daemon that hosts Parlant and Otto, between a bot in Parlant and its mirror."""

from __future__ import annotations

import random
import time

import pytest

from tests.e2e.harness import Daemon, Place, wait_for
from tests.otto.chatting import Chat
from tests.otto.shop import agents, pasted, there
from tests.scripted.conftest import on
from tests.scripted.kept import Kept, nowhere, whole
from tests.wire.server import Server

MOMENTS = ("in the middle", "mongodb away", "whenever")
SEED = 7


@pytest.mark.timeout(400)
def test_nothing_is_lost_or_doubled_and_ids_stay(place: Place, mongo: Server) -> None:
    rng = random.Random(SEED)
    kept = Kept(mongo.uri, "otto_killed")
    before: dict[str, object] = {}
    made: list[str] = []
    for moment in (*MOMENTS, None):
        daemon = place.daemon(*on(mongo, kept.database)).start().wait_up()
        try:
            check(daemon, kept, made, before)
            if moment is not None:
                bot_id = f"risky-{len(made)}"
                kill_while_making(daemon, mongo, bot_id, moment, rng)
                made.append(bot_id)
        finally:
            daemon.kill()
        if moment == "mongodb away":
            mongo.start()
            assert kept.events(made[-1]) == []  # it is in Parlant and in the journal only


def kill_while_making(
    daemon: Daemon, mongo: Server, bot_id: str, moment: str, rng: random.Random
) -> None:
    """Ends the daemon at this moment after the yes."""
    chat = Chat(daemon.url)
    assert "Shall I create it so?" in chat.say(pasted(bot_id.replace("-", " ")))
    if moment == "mongodb away":
        mongo.end()
    chat.begin("Yes")
    if moment != "whenever":
        wait_for("the agent", lambda: there(daemon.url, bot_id), 60)
    time.sleep(rng.uniform(0, 0.1 if moment == "in the middle" else 0.3))  # the moment is the point
    daemon.kill()


def check(daemon: Daemon, kept: Kept, made: list[str], before: dict[str, object]) -> None:
    """What was seen in Parlant is whole, once and the same on both sides; else it is nowhere."""
    for bot_id, moment in zip(made, MOMENTS, strict=False):
        wanted = kept.events(bot_id)
        assert wanted or moment == "whenever", f"{bot_id} was lost"
        if not wanted:
            nowhere(daemon, kept, bot_id)
            continue
        daemon.wait_synced(bot_id)
        found = whole(daemon, kept, bot_id)
        assert found.guidelines.keys() == {f"{bot_id}.greet", f"{bot_id}.person"}
        assert found.journeys.keys() == {f"{bot_id}.find"}
        assert before.setdefault(bot_id, found) == found
        assert [kind for kind, _, _ in wanted] == ["created"]
    assert agents(daemon.url) == kept.bots()
    journal = daemon.place.folder / ".otto" / "journal.jsonl"
    assert not journal.exists() or journal.read_bytes() == b""
