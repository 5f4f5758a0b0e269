"""A rollback under a daemon and its restart, and which revision answered, on real Parlants."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import httpx
import pytest

from tests.e2e.harness import TLS, Daemon, Place, bot, wait_for
from tests.e2e.test_elsewhere import elsewhere
from tests.otto.chatting import Chat
from tests.parlant_server.process import ParlantProcess
from tests.scripted.service import Turn, service

PORT = ("--port", "0")
STATUS = "order-desk.order-status"


class Clerk:
    """Says what its guidelines tell it to do."""

    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool:
        return True

    def calls(self, tool: str, turn: Turn) -> list[dict[str, str]]:
        return []

    def goes_on(self, journey: str, turn: Turn) -> bool:
        return False

    def says(self, turn: Turn) -> str:
        return "; ".join(sorted(turn.guided))


factory = service(Clerk)


def does(daemon: Daemon, action: str) -> None:
    """Waits until the bot on the target does so, and its daemon has said so."""
    wait_for(action, lambda: daemon.guideline(STATUS)["action"] == action)
    daemon.wait_synced("order-desk")


def trace(place: Place, session: str, *arguments: str) -> Any:
    done = place.command("trace", session, "-o", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_rollback_stays_until_the_manifest_changes(place: Place) -> None:
    place.write(text=bot(action="First"))
    with place.forked(*PORT) as daemon:
        place.write(text=bot(action="Second"))
        does(daemon, "Second")
        done = place.command("rollback", "order-desk", "--to", "1", "--yes")
        assert done.returncode == 0, done.stderr
        does(daemon, "First")
        place.write("other.yaml", bot("other", "Other"))
        wait_for("the folder is imported", lambda: daemon.bot("other"))
        wait_for("it is told", lambda: "says otherwise" in daemon.bot("order-desk")["message"])
        assert daemon.output.count("says otherwise") == 1
        assert "manifests/order-desk.yaml says otherwise" in place.command("status").stdout
        does(daemon, "First")
    with place.forked(*PORT) as daemon:
        does(daemon, "First")
        assert daemon.bot("order-desk")["revision"] == 3
        assert daemon.output.count("says otherwise") == 1
        place.write(text=bot(action="Third"))
        does(daemon, "Third")
        wait_for("it is over", lambda: daemon.bot("order-desk")["message"] is None)
        assert place.command("rollback", "order-desk", "--to", "1", "--yes").returncode == 0
        does(daemon, "First")
        assert place.command("apply", "-f", "manifests").returncode == 0
        does(daemon, "Third")


@pytest.mark.timeout(240)
def test_a_trace_says_which_revision_answered(place: Place) -> None:
    place.write(text=bot(action="First"))
    model = ("--nlp", "tests.e2e.test_history:factory", "--evaluate", "off")
    with place.forked(*PORT, *model) as daemon:
        daemon.wait_synced("order-desk")
        chat = Chat(daemon.url, "order-desk")
        assert "First" in chat.say("Where is it?")
        more = "    - {id: more, condition: Always, action: Be kind}\n  journeys:"
        place.write(text=bot(action="Second").replace("  journeys:", more))
        wait_for("the new one", lambda: daemon.guideline("order-desk.more"))
        does(daemon, "Second")
        assert "Second" in chat.say("And now?")
        found = trace(place, chat.session)
        assert (found["bot"], found["target"]) == ("order-desk", daemon.status["target_id"])
        told = [
            key for key, _ in groupby(found["messages"], lambda m: (m["source"], m["revisions"]))
        ]
        assert told == [
            ("customer", [1]),
            ("ai_agent", [1]),
            ("customer", [2]),
            ("ai_agent", [2]),
        ]
        first, last = found["messages"][1], found["messages"][-1]
        assert first["guidelines"] == [STATUS, "order-desk.small-talk"]
        assert last["guidelines"] == [STATUS, "order-desk.small-talk", "order-desk.more"]
        assert "Second" in last["text"]
        table = place.command("trace", chat.session).stdout
        assert table.startswith(f"session {chat.session} with order-desk on embedded:")
        assert "order-status, small-talk, more" in table
        none = place.command("trace", "nosuch")
        assert (none.returncode, none.stdout) == (1, "")
        assert "has no session 'nosuch'" in none.stderr


def test_a_trace_of_a_parlant_elsewhere(place: Place, parlant: ParlantProcess) -> None:
    place.write(text=bot(action="First"))
    with elsewhere(place, parlant.url) as daemon:
        daemon.wait_synced("order-desk")
        session = Chat(parlant.url, "order-desk")
        session.begin("Hello")
        place.write(text=bot(action="Second"))
        does(daemon, "Second")
        session.begin("Hello again")
        stranger = httpx.post(f"{parlant.url}/agents", json={"name": "S"}, verify=TLS).json()["id"]
        other = Chat(parlant.url, stranger).session
    for arguments in ((), ("--parlant-url", parlant.url)):
        if not arguments:
            assert "no daemon is running" in place.command("trace", "x").stderr
            continue
        found = trace(place, session.session, *arguments)["messages"]
        said = [(m["text"], m["revision"]) for m in found if m["source"] == "customer"]
        assert said == [("Hello", 1), ("Hello again", 2)]
        refused = place.command("trace", other, *arguments)
        assert refused.returncode == 1
        assert f"is one of agent {stranger!r}, of which nothing is known here" in refused.stderr
