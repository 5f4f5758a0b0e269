"""Conversations with Otto on MongoDB: what is then in Parlant, and what in the collections.

The model is scripted, all else is `otto-reconcile run`. What Otto says is looked at in tests/otto.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.harness import Daemon, wait_for
from tests.otto.chatting import Chat
from tests.otto.shop import FACTS, pasted, there
from tests.scripted.kept import Kept, nowhere, whole
from tests.wire.server import Server

pytestmark = pytest.mark.timeout(300)  # a daemon's start takes long on a busy machine


def proposed(shop: Daemon, text: str) -> Chat:
    """A chat in which only the yes is missing."""
    chat = Chat(shop.url)
    assert "Shall I create it so?" in chat.say(text)
    return chat


def created(shop: Daemon, name: str) -> Chat:
    chat = proposed(shop, f"Please make this: {pasted(name)}")
    assert "is live" in chat.say("Yes")
    return chat


def test_a_conversation_in_several_turns_with_a_field_that_is_asked_for(
    shop: Daemon, kept: Kept
) -> None:
    chat = Chat(shop.url)
    chat.say("Hello, I need a bot")
    chat.say("Name: Order Finder")
    assert chat.say(FACTS.replace("Tone: friendly\n", "")).startswith("What is its tone?")
    chat.say("Yes, make it")
    nowhere(shop, kept, "order-finder")
    assert kept.events("order-finder") == []
    assert "Shall I create it so?" in chat.say("Tone: formal")
    nowhere(shop, kept, "order-finder")
    assert "is live" in chat.say("Yes, please")

    bot = whole(shop, kept, "order-finder")
    assert "Tone: formal" in bot.description
    assert ("The customer greets", "Greet back and name the shop") in bot.guidelines.values()
    assert list(bot.journeys.values()) == ["Find an order"]
    assert kept.events("order-finder") == [("created", "otto", chat.session)]
    assert Chat(shop.url, "order-finder").say("Hello") == "Hello, this is Order Finder."


def test_an_invalid_specification_is_nowhere_until_it_is_mended(shop: Daemon, kept: Kept) -> None:
    chat = Chat(shop.url)
    wrong = [{"condition": "The customer greets", "criticality": "LOUD"}]
    said = chat.say(f"Use this: {pasted('Faulty', guidelines=wrong, relationships=[])}")
    assert "/guidelines/0/criticality" in said
    chat.say("Yes")
    nowhere(shop, kept, "faulty")
    right = [{"condition": "The customer greets", "criticality": "LOW"}]
    chat.say(f"Then this: {pasted('Faulty', guidelines=right, relationships=[])}")
    chat.say("Yes")
    assert list(whole(shop, kept, "faulty").guidelines.values()) == [("The customer greets", "")]
    assert [row["criticality"] for row in kept.rows("guidelines", "faulty")] == ["low"]
    assert kept.events("faulty") == [("created", "otto", chat.session)]


def test_a_no_leaves_nothing_on_either_side(shop: Daemon, kept: Kept) -> None:
    chat = proposed(shop, f"Make this: {pasted('Unloved')}")
    assert chat.say("No, not like that").startswith("Nothing is created.")
    nowhere(shop, kept, "unloved")
    assert kept.events("unloved") == []


def test_a_change_is_on_both_sides_with_the_chat_that_asked_for_it(
    shop: Daemon, kept: Kept
) -> None:
    made = created(shop, "Changeable").session
    before = whole(shop, kept, "changeable")
    assert before.guidelines.keys() == {"changeable.greet", "changeable.person"}
    assert [row["kind"] for row in kept.rows("relationships", "changeable")] == ["priority"]
    chat = Chat(shop.url)
    text = pasted("Changed", tone=["grave"])
    assert "Shall I change it so?" in chat.say(f"Change Changeable to {text}")
    assert whole(shop, kept, "changeable") == before
    chat.say("Yes")

    after = whole(shop, kept, "changeable")
    assert (after.name, "Tone: grave" in after.description) == ("Changed", True)
    assert (after.guidelines, after.journeys) == (before.guidelines, before.journeys)
    assert kept.events("changeable") == [
        ("created", "otto", made),
        ("updated", "otto", chat.session),
    ]


def test_a_deletion_takes_all_of_it_from_both_sides(shop: Daemon, kept: Kept) -> None:
    chat = created(shop, "Doomed")
    chat.say("Delete Doomed")
    assert "Nothing is deleted yet" in chat.say("Do")
    whole(shop, kept, "doomed")
    assert "is deleted" in chat.say("doomed")
    nowhere(shop, kept, "doomed")
    assert kept.events("doomed") == [
        ("created", "otto", chat.session),
        ("deleted", "otto", chat.session),
    ]


def test_of_customers_with_one_name_at_once_one_has_the_bot(shop: Daemon, kept: Kept) -> None:
    guidelines = [[{"key": "one", "condition": "Always", "action": f"Be {n}"}] for n in range(3)]
    texts = [pasted("Contested", guidelines=one, relationships=[]) for one in guidelines]
    chats = [proposed(shop, text) for text in texts]
    with ThreadPoolExecutor(len(chats)) as pool:
        answers = list(pool.map(lambda chat: chat.say("Yes"), chats))
    (won,) = (place for place, answer in enumerate(answers) if "is live" in answer)
    bot = whole(shop, kept, "contested")
    assert bot.guidelines == {"contested.one": ("Always", f"Be {won}")}
    assert kept.events("contested") == [("created", "otto", chats[won].session)]
    assert kept.bots().count("contested") == 1


def test_what_was_made_while_mongodb_was_down_is_there_when_it_is_back(
    shop: Daemon, kept: Kept, mongo: Server
) -> None:
    chat = proposed(shop, f"Make this: {pasted('Late')}")
    mongo.end()
    try:
        assert "It is not saved yet" in chat.say("Yes")
        assert len(there(shop.url, "late").guidelines) == 2
    finally:
        mongo.start()
    wait_for("saved", lambda: kept.rows("relationships", "late"), 60)
    whole(shop, kept, "late")
    assert kept.events("late") == [("created", "otto", chat.session)]
