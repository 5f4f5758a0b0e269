"""Otto while the store is away, across restarts, without a model, and without a disk."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator

import pytest

from otto_reconcile.store.mongo import MongoStore
from tests.e2e.harness import Place, wait_for
from tests.otto.chatting import Chat
from tests.otto.conftest import SCRIPTED
from tests.otto.shop import agents, history, pasted, there, wanted
from tests.wire.server import NotRunnable, Server, own_server, skip_or_fail

DATABASE = "otto_test"

pytestmark = pytest.mark.timeout(300)  # a daemon's start takes long on a busy machine


@pytest.fixture
def mongo() -> Iterator[Server]:
    """A server of MongoDB's wire protocol that the test may stop and start."""
    server = own_server()
    try:
        started = server.__enter__()
    except NotRunnable as error:
        skip_or_fail(error)
    yield started
    server.__exit__(None, None, None)


def stored(server: Server, bot_id: str) -> list[str]:
    """The types of the bot's events."""
    store = MongoStore(server.uri, DATABASE)
    try:
        return [str(event.type) for event in history(store, bot_id)]
    finally:
        store.close()


def propose(place_url: str, name: str) -> Chat:
    chat = Chat(place_url)
    assert "Shall I create it so?" in chat.say(f"Make this: {pasted(name)}")
    return chat


def test_while_the_store_is_away_bots_are_made_and_saved_later_even_by_the_next_process(
    place: Place, mongo: Server
) -> None:
    options = (*SCRIPTED, "--mongodb-uri", mongo.uri, "--database", DATABASE)
    daemon = place.daemon(*options).start().wait_up()
    try:
        assert DATABASE in daemon.output
        assert "is live" in propose(daemon.url, "Early").say("Yes")
        assert stored(mongo, "early") == ["created"]
        mongo.end()

        said = propose(daemon.url, "Late").say("Yes")
        assert "The bot Late is live. It is not saved yet" in said
        assert len(there(daemon.url, "late").guidelines) == 2
        chat = propose(daemon.url, "Late")
        assert "There is a bot 'Late'" in chat.say("Yes")
        chat.say("Delete Early")
        said = chat.say("Early")
        assert "The bot Early is deleted" in said
        assert "not saved yet" in said
        assert not there(daemon.url, "early")

        mongo.start()
        wait_for("saved", lambda: stored(mongo, "late") == ["created"])
        wait_for("deleted", lambda: stored(mongo, "early") == ["created", "deleted"])
        daemon.wait_synced("late")
        assert agents(daemon.url) == ["late"]
        assert "saved what waited for the store" in daemon.output
        store = MongoStore(mongo.uri, DATABASE)
        made = [r for r in store.find("actions", {"bot_id": "late"}) if r["operation"] == "create"]
        store.close()
        assert len(made) == len({record["key"] for record in made})
        assert {record["outcome"] for record in made} == {"succeeded"}
        assert (place.folder / ".otto" / "journal.jsonl").read_bytes() == b""

        mongo.end()
        assert "not saved yet" in propose(daemon.url, "Survivor").say("Yes")
    finally:
        daemon.kill()
    mongo.start()
    with place.daemon(*options) as daemon:
        daemon.wait_synced("survivor")
        assert stored(mongo, "survivor") == ["created"]
        assert agents(daemon.url) == ["late", "survivor"]


def test_what_was_made_is_there_after_a_restart_and_after_a_kill(place: Place) -> None:
    """Sessions are Parlant's own and end with it; a conversation begins anew."""
    daemon = place.daemon(*SCRIPTED).start().wait_up()
    assert "is live" in propose(daemon.url, "Before").say("Yes")
    before = there(daemon.url, "before")
    propose(daemon.url, "Halfway")
    assert daemon.signal() == 0

    daemon = place.daemon(*SCRIPTED).start().wait_up()
    assert there(daemon.url, "before") == before
    assert agents(daemon.url) == ["before"]
    assert Chat(daemon.url).say("Yes").startswith("What is its name?")
    chat = propose(daemon.url, "Halfway")
    chat.begin("Yes")
    time.sleep(random.Random(1).uniform(0.0, 0.4))  # the moment is the point, nothing is awaited
    daemon.kill()

    with place.daemon(*SCRIPTED) as daemon:
        assert there(daemon.url, "before") == before
        assert len(history(daemon, "before")) == 1
        there_is = "halfway" in wanted(daemon)
        assert len(history(daemon, "halfway")) == there_is
        assert agents(daemon.url) == (["before", "halfway"] if there_is else ["before"])
        daemon.wait_synced(*agents(daemon.url))
        parts = ["halfway.greet", "halfway.person"] if there_is else []
        assert sorted(there(daemon.url, "halfway").guidelines) == parts


def test_without_a_model_otto_is_there_and_says_so(place: Place) -> None:
    place.write()
    with place.daemon("--port", "0", "--nlp", "offline") as daemon:
        assert daemon.get("/agents/otto")["name"] == "Otto"
        assert "No language model is configured" in Chat(daemon.url).say("Hello")
        order = [
            r"store connected +store='SQLite \S*otto\.db'",
            r"Parlant created +stores=default",
            r"Otto created +id=otto",
            r"restored +bot=order-desk guidelines=2 journeys=1",
            r"restore complete +bots=1 of=1",
            r"ready +url=http://127\.0\.0\.1:\d+",
        ]
        places = []
        for line in order:
            found = re.search(line, daemon.output)
            assert found, line
            places.append(found.start())
        assert places == sorted(places)
        assert daemon.status["foreign"] == []


def test_ephemeral_works_in_memory_and_says_so_once(place: Place) -> None:
    with place.daemon(*SCRIPTED, "--ephemeral") as daemon:
        chat = propose(daemon.url, "Fleeting")
        assert "Nothing is kept on disk here" in chat.say("Yes")
        assert "Shall I create it so?" in chat.say(f"Make this: {pasted('Second')}")
        said = chat.say("Yes")
        assert "The bot Second is live." in said
        assert "kept on disk" not in said
        chat = Chat(daemon.url)
        chat.say(f"Change Fleeting to {pasted('Fleeting', tone=['grave'])}")
        said = chat.say("Yes")
        assert "Fleeting is changed." in said
        assert "Nothing is kept on disk here" in said
        assert "Tone: grave" in there(daemon.url, "fleeting").description
        kept = {path.name for path in (place.folder / ".otto").iterdir()}
        assert not {"journal.jsonl", "otto.db"} & kept
