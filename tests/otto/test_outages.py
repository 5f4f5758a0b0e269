"""Otto across restarts, kills and outages of MongoDB; without a model; in memory only."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from otto_reconcile.outbox import FILE
from otto_reconcile.outbox.table import EntryTable
from tests.e2e.harness import Daemon, Place, wait_for
from tests.otto.chatting import Chat
from tests.otto.conftest import SCRIPTED, UP, on
from tests.otto.kept import Kept, nowhere, whole
from tests.otto.shop import agents, pasted, there
from tests.wire.server import Server

SEED = 7

pytestmark = pytest.mark.timeout(500)  # a daemon's start takes long on a busy machine

ALL = (*SCRIPTED, "--otto-access", "all")
"""A chat of one process changes what another one made."""


def proposed(daemon: Daemon, name: str) -> Chat:
    """A chat in which only the yes is missing."""
    chat = Chat(daemon.url)
    assert "Shall I create it so?" in chat.say(f"Make this: {pasted(name)}")
    return chat


def started(place: Place, kept: Kept) -> Daemon:
    """The next process; what is wanted is back, all of it and nothing else, and nothing waits."""
    daemon = place.forked(*ALL).start().wait_up(UP)
    daemon.wait_synced(*kept.bots())
    assert agents(daemon.url) == kept.bots()
    assert EntryTable(place.folder / ".otto" / FILE).rows() == []
    return daemon


def test_restarts_outages_and_kills_lose_and_double_nothing(mongo: Server, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    kept = Kept(mongo.uri, "otto_outages")
    place = on(kept, tmp_path)

    daemon = started(place, kept)
    try:
        assert "is live" in proposed(daemon, "Before").say("Yes")
        before = whole(daemon, kept, "before")
        halfway = proposed(daemon, "Halfway").session
        assert daemon.signal() == 0
    finally:
        daemon.kill()

    daemon = started(place, kept)
    try:
        the_operator_sees_the_start(daemon, mongo, kept)
        assert whole(daemon, kept, "before") == before
        # A chat is Parlant's own and ends with it: the conversation begins anew.
        chat = Chat(daemon.url)
        assert chat.session != halfway
        assert chat.say("Yes").startswith("What is its name?")
        nowhere(daemon, kept, "halfway")

        mongo.end()
        late = what_is_done_while_mongodb_is_down(daemon)
        mongo.start()
        wait_for("saved", lambda: kept.events("late") == [("created", "otto", late)], 60)
        wait_for("deleted", lambda: len(kept.events("before")) == 2)
        daemon.wait_synced("late")
        nowhere(daemon, kept, "before")
        late_one = whole(daemon, kept, "late")
        assert "saved what waited for the store" in daemon.output
        each_call_is_on_record_once(kept, "late")

        chat = proposed(daemon, "Risky")
        chat.begin("Yes")
        wait_for("the agent", lambda: there(daemon.url, "risky"), 60)
        time.sleep(rng.uniform(0, 0.1))  # the moment is the point: parts of it may be missing
    finally:
        daemon.kill()

    daemon = started(place, kept)
    try:
        assert kept.events("risky") == [("created", "otto", chat.session)]
        risky = whole(daemon, kept, "risky")
        assert risky.guidelines.keys() == {"risky.greet", "risky.person"}
        assert whole(daemon, kept, "late") == late_one
        chat = proposed(daemon, "Survivor")
        mongo.end()
        chat.begin("Yes")
        wait_for("the agent", lambda: there(daemon.url, "survivor"), 60)
    finally:
        daemon.kill()

    daemon = place.forked(*ALL).start().wait_up(UP)
    try:
        assert len(there(daemon.url, "survivor").guidelines) == 2  # with MongoDB still away
        assert agents(daemon.url) == ["survivor"]
    finally:
        daemon.kill()
    mongo.start()
    assert kept.events("survivor") == []  # it is in the outbox only

    daemon = started(place, kept)
    try:
        assert kept.events("survivor") == [("created", "otto", chat.session)]
        assert whole(daemon, kept, "survivor").journeys.keys() == {"survivor.find"}
        assert (whole(daemon, kept, "risky"), whole(daemon, kept, "late")) == (risky, late_one)
        assert agents(daemon.url) == ["late", "risky", "survivor"]
    finally:
        daemon.kill()


def what_is_done_while_mongodb_is_down(daemon: Daemon) -> str:
    """Makes a bot and deletes one; gives the chat in which the first was made."""
    chat = proposed(daemon, "Late")
    assert "The bot Late is live. It is not saved yet" in chat.say("Yes")
    assert len(there(daemon.url, "late").guidelines) == 2
    other = Chat(daemon.url)
    assert "There is a bot 'Late'" in other.say(f"Make this: {pasted('late')}")
    other.say("Delete Before")
    said = other.say("Before")
    assert "The bot Before is deleted" in said
    assert "not saved yet" in said
    assert not there(daemon.url, "before")
    return chat.session


def each_call_is_on_record_once(kept: Kept, bot_id: str) -> None:
    made = [r for r in kept.rows("actions", bot_id) if r["operation"] == "create"]
    assert made
    assert len(made) == len({record["key"] for record in made})
    assert {record["outcome"] for record in made} == {"succeeded"}


def the_operator_sees_the_start(daemon: Daemon, mongo: Server, kept: Kept) -> None:
    """In this order, with the database's name and without credentials."""
    order = [
        rf"store connected +store='MongoDB \S+ database {kept.database}'",
        r"Parlant created +stores=default",
        r"Otto created +id=otto",
        r"restored +bot=before guidelines=2 journeys=1",
        r"restore complete +bots=1 of=1",
        r"ready +url=http://127\.0\.0\.1:\d+",
    ]
    places = []
    for line in order:
        found = re.search(line, daemon.output)
        assert found, (line, daemon.output)
        places.append(found.start())
    assert places == sorted(places)
    assert daemon.status["foreign"] == []


def test_without_a_model_otto_is_there_and_says_so(place: Place) -> None:
    with place.forked("--port", "0", "--nlp", "offline").start() as daemon:
        daemon.wait_up(UP)
        assert daemon.get("/agents/otto")["name"] == "Otto"
        assert "No language model is configured" in Chat(daemon.url).say("Hello")


def test_ephemeral_works_in_memory_and_says_so_once(place: Place) -> None:
    with place.forked(*SCRIPTED, "--ephemeral", "--otto-access", "all").start() as daemon:
        daemon.wait_up(UP)
        chat = proposed(daemon, "Fleeting")
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
        assert not {FILE, "otto.db"} & kept
