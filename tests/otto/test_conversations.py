"""Conversations with Otto through Parlant's real engine: what is then in Parlant and in the store.

The model is scripted; all else is `otto-reconcile run` as a user starts it.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from otto_reconcile.otto.words import RULES, STEPS
from tests.e2e.harness import Daemon, wait_for
from tests.otto.chatting import Chat
from tests.otto.shop import FACTS, agents, history, pasted, there, wanted

pytestmark = pytest.mark.timeout(300)  # a daemon's start takes long on a busy machine


def create(shop: Daemon, name: str) -> Chat:
    """A bot of this name, made in a chat."""
    chat = Chat(shop.url)
    assert "Shall I create it so?" in chat.say(f"Please make this: {pasted(name)}")
    assert "is live" in chat.say("Yes")
    return chat


def test_a_conversation_becomes_a_bot(shop: Daemon) -> None:
    chat = Chat(shop.url)
    assert "What is its name?" in chat.say("Hello, I need a bot")
    assert "What is its purpose?" in chat.say("Name: Order Finder")
    purpose, rest = FACTS.split("\n", 1)
    assert "What is its scope?" in chat.say(purpose)
    assert (
        "This is Order Finder, with 2 guidelines and 1 journeys. Shall I create it so?"
        in chat.say(rest)
    )
    assert not there(shop.url, "order-finder")
    said = chat.say("Yes, please")

    assert "The bot Order Finder is live." in said
    assert "order-finder" in said
    assert f"{shop.url}/chat/" in said
    bot = there(shop.url, "order-finder")
    assert bot.name == "Order Finder"
    assert "Purpose: Tells customers where their orders are" in bot.description
    assert ("The customer greets", "Greet back and name the shop") in bot.guidelines.values()
    assert list(bot.journeys.values()) == ["Find an order"]
    (event,) = history(shop, "order-finder")
    assert (event.source.kind, event.source.session) == ("otto", chat.session)
    assert event.bot is not None
    assert {g.id for g in event.bot.guidelines} <= bot.guidelines.keys()

    assert Chat(shop.url, "order-finder").say("Hello") == "Hello, this is Order Finder."
    shop.wait_synced("order-finder")


def test_ottos_journey_is_walked_step_by_step_and_its_rules_are_in_force(shop: Daemon) -> None:
    ask = "\nWhat guides you?"
    rules = {rule.key: rule.action for rule in RULES}
    gather, propose, report = (step.action for step in STEPS)
    chat = Chat(shop.url)
    assert chat.say(f"Name: Walker{ask}").startswith(f"{gather} What is its purpose?")
    assert chat.say(f"{FACTS.splitlines()[0]}{ask}").startswith(f"{gather} What is its scope?")
    said = chat.say(f"{FACTS}{ask}")
    assert propose in said
    assert rules["check-draft"] in said
    assert rules["show-and-ask"] in said
    assert gather not in said
    said = chat.say(f"Yes.{ask}")
    assert report in said
    assert rules["create-after-yes"] in said
    assert rules["no-means-no"] not in said
    assert there(shop.url, "walker")


def test_a_missing_field_is_asked_for_and_nothing_is_made(shop: Daemon) -> None:
    before = agents(shop.url)
    chat = Chat(shop.url)
    without = FACTS.replace("Tone: friendly\n", "")
    said = chat.say(f"Name: Toneless\n{without}")
    assert said.startswith("What is its tone?")
    assert chat.say("Yes, make it").startswith("What is its tone?")
    assert agents(shop.url) == before
    assert "Shall I create it so?" in chat.say("Tone: formal")
    chat.say("Yes")
    assert "Tone: formal" in there(shop.url, "toneless").description


def test_an_invalid_specification_is_explained_and_mended(shop: Daemon) -> None:
    chat = Chat(shop.url)
    guidelines = [{"condition": "The customer greets", "criticality": "LOUD"}, {"action": "Wave"}]
    said = chat.say(f"Use this: {pasted('Faulty', guidelines=guidelines)}")
    assert "2 problems" in said
    assert "/guidelines/0/criticality" in said
    assert "/guidelines/1" in said
    assert "condition" in said
    chat.say("Yes")
    assert not there(shop.url, "faulty")
    assert history(shop, "faulty") == []

    guidelines = [{"condition": "The customer greets", "criticality": "LOW"}]
    assert "Shall I create it so?" in chat.say(
        f"Then this: {pasted('Faulty', guidelines=guidelines, relationships=[])}"
    )
    assert "is live" in chat.say("Yes")
    assert len(there(shop.url, "faulty").guidelines) == 1
    assert len(history(shop, "faulty")) == 1


def test_a_no_creates_nothing(shop: Daemon) -> None:
    chat = Chat(shop.url)
    assert "Shall I create it so?" in chat.say(f"Make this: {pasted('Unloved')}")
    assert chat.say("No, not like that").startswith("Nothing is created.")
    assert not there(shop.url, "unloved")
    assert history(shop, "unloved") == []


def test_what_was_not_shown_is_not_made_whatever_the_model_does(shop: Daemon) -> None:
    """The scripted model takes these for a yes at once; the tool does not."""
    hasty = Chat(shop.url)
    said = hasty.say(f"Make at once: {pasted('Hasty')}")
    assert said.endswith("Shall I create it so?")
    assert not there(shop.url, "hasty")
    assert history(shop, "hasty") == []
    hasty.say("Yes")
    hurried = json.dumps({"tone": ["hurried"]})
    said = hasty.say(f"Change at once Hasty to {hurried}")
    assert 'It tone: ["friendly"] becomes ["hurried"]. Shall I change it so?' in said
    assert len(history(shop, "hasty")) == 1

    chat = Chat(shop.url)
    chat.say(f"Make this: {pasted('Shown First')}")
    said = chat.say(f"Yes, but with this: {pasted('Shown Later')}")
    assert said.endswith("Shall I create it so?")
    assert not there(shop.url, "shown-later")
    assert "is live" in chat.say("Yes")
    assert there(shop.url, "shown-later")
    assert not there(shop.url, "shown-first")


def test_braces_and_quotes_break_nothing(shop: Daemon) -> None:
    chat = Chat(shop.url)
    odd = "Say {name} and \"{{both}}\" and '{0}' and 100 % \\n {"
    guidelines = [{"condition": odd, "action": odd, "description": odd}]
    journeys = [{"title": "Take {care}", "description": odd, "conditions": [odd]}]
    said = chat.say(pasted("Braces", guidelines=guidelines, journeys=journeys, relationships=[]))
    assert "Shall I create it so?" in said
    assert "is live" in chat.say('Yes {thanks} {0} }{ "{')
    bot = there(shop.url, "braces")
    assert list(bot.guidelines.values()) == [(odd, odd)]
    assert list(bot.journeys.values()) == ["Take {care}"]
    # Every guideline and journey of the bot applies, and it answers all the same.
    assert Chat(shop.url, "braces").say("Hello {you}: {") == "Hello, this is Braces."


def test_a_bot_is_changed_and_keeps_its_ids(shop: Daemon) -> None:
    chat = create(shop, "Changeable")
    before = there(shop.url, "changeable")
    guidelines = [
        {"key": "greet", "condition": "The customer greets", "action": "Bow"},
        {"key": "bye", "condition": "The customer leaves", "action": "Wave"},
    ]
    text = json.dumps({"name": "Changed", "guidelines": guidelines, "remove": ["person"]})
    said = chat.say(f"Change Changeable to {text}")
    assert "It removes the guideline: The customer asks for a person." in said
    assert "Shall I change it so?" in said
    assert there(shop.url, "changeable") == before
    assert "Changed is changed." in chat.say("Yes")

    after = there(shop.url, "changeable")
    assert after.name == "Changed"
    assert after.guidelines == {
        "changeable.greet": ("The customer greets", "Bow"),
        "changeable.bye": ("The customer leaves", "Wave"),
    }
    assert after.journeys == before.journeys
    events = history(shop, "changeable")
    assert [str(event.type) for event in events] == ["created", "updated"]
    assert events[-1].source.session == chat.session


def test_a_bot_is_deleted_only_after_its_name(shop: Daemon) -> None:
    chat = create(shop, "Doomed")
    said = chat.say("Delete Doomed")
    assert "With it goes the guideline: The customer greets" in said
    assert "journey: Find an order" in said
    assert there(shop.url, "doomed")
    assert "Nothing is deleted yet" in chat.say("Do")
    assert there(shop.url, "doomed")
    assert "The bot Doomed is deleted" in chat.say("doomed")

    gone = there(shop.url, "doomed")
    assert not gone
    assert not gone.guidelines
    assert not gone.journeys
    assert [str(event.type) for event in history(shop, "doomed")] == ["created", "deleted"]
    create(shop, "Doomed")  # and the name is free again
    assert there(shop.url, "doomed")


def test_a_name_that_exists_gets_a_question(shop: Daemon) -> None:
    create(shop, "Only One")
    for name in ("only  one", "ONLY ONE"):
        chat = Chat(shop.url)
        chat.say(f"Make this: {pasted(name, id='another-id')}")
        said = chat.say("Yes")
        assert "There is a bot 'Only One' with the id 'only-one' already." in said
        assert "which other name" in said
    assert len(history(shop, "only-one")) == 1
    assert "another-id" not in wanted(shop)
    assert not there(shop.url, "another-id")


def test_an_agent_that_nobody_keeps_is_not_taken_over(shop: Daemon) -> None:
    shop.call("POST", "/agents", {"id": "x-17", "name": "Stranger", "description": "Theirs"})
    chat = Chat(shop.url)
    chat.say(f"Make this: {pasted('stranger')}")
    assert "Parlant has an agent 'x-17' already that is not kept here" in chat.say("Yes")
    assert "stranger" not in wanted(shop)
    assert there(shop.url, "x-17").description == "Theirs"
    shop.call("DELETE", "/agents/x-17")


def test_a_suspended_bot_is_changed_in_the_store_only(shop: Daemon) -> None:
    create(shop, "Sleeper")
    assert shop.place.command("suspend", "sleeper").returncode == 0
    before = there(shop.url, "sleeper")
    chat = Chat(shop.url)
    chat.say(f"Change Sleeper to {pasted('Sleeper', tone=['grave'])}")
    assert "It is suspended" in chat.say("Yes")
    assert there(shop.url, "sleeper") == before
    assert shop.place.command("resume", "sleeper").returncode == 0
    wait_for("resumed", lambda: "Tone: grave" in there(shop.url, "sleeper").description)


def test_two_customers_with_the_same_name_at_once_get_one_bot(shop: Daemon) -> None:
    chats = [Chat(shop.url) for _ in range(4)]
    for place, chat in enumerate(chats):
        guideline = {"condition": "Always", "action": f"Be number {place}"}
        text = pasted("Contested", guidelines=[guideline], relationships=[])
        assert "Shall I create it so?" in chat.say(text)
    with ThreadPoolExecutor(len(chats)) as pool:
        answers = list(pool.map(lambda chat: chat.say("Yes"), chats))
    won = [place for place, answer in enumerate(answers) if "is live" in answer]
    assert len(won) == 1
    assert sum("There is a bot 'Contested'" in answer for answer in answers) == len(chats) - 1
    (event,) = history(shop, "contested")
    assert event.source.session == chats[won[0]].session
    actions = [action for _, action in there(shop.url, "contested").guidelines.values()]
    assert actions == [f"Be number {won[0]}"]


def test_otto_is_nobodys_name(shop: Daemon) -> None:
    chat = Chat(shop.url)
    assert "That name is Otto's own" in chat.say(f"Make this: {pasted(' OTTO ')}")
    assert "otto" not in wanted(shop)
    assert "That is Otto itself" in chat.say("Show Otto")


def test_bots_are_listed_and_shown_as_they_can_be_given_back(shop: Daemon) -> None:
    chat = create(shop, "Shown Bot")
    assert "shown-bot is Shown Bot" in chat.say("Which bots are there?")
    said = chat.say("Show shown-bot")
    shown = json.loads(said[said.index('{"id"') :])
    before = there(shop.url, "shown-bot")
    assert "Shall I change it so?" in chat.say(f"Change Shown Bot to {json.dumps(shown)}")
    chat.say("Yes")
    assert there(shop.url, "shown-bot") == before
    assert len(history(shop, "shown-bot")) == 1


def test_a_bot_of_a_manifest_is_not_changed_behind_its_back(shop: Daemon) -> None:
    from tests.e2e.harness import bot

    shop.place.write("filed.yaml", bot("filed", "Filed"))
    wait_for("imported", lambda: there(shop.url, "filed"))
    chat = Chat(shop.url)
    assert "filed.yaml" in chat.say(f"Change Filed to {pasted('Filed')}")
    assert "filed.yaml" in chat.say("Delete Filed")
    assert len(history(shop, "filed")) == 1


def test_what_parlant_refuses_is_told_and_tried_again(shop: Daemon) -> None:
    guidelines = [
        {"key": "greet", "condition": "The customer greets", "action": "Greet back"},
        {"key": "call", "condition": "The customer calls", "action": "Call", "tools": ["no-tool"]},
    ]
    chat = Chat(shop.url)
    chat.say(f"Make this: {pasted('Partly', guidelines=guidelines, relationships=[])}")
    said = chat.say("Yes")
    assert "is live" in said
    assert "not possible: create guideline partly.call" in said
    assert "no-tool" in said
    assert "it will be tried again until it works" in said
    assert "partly.greet" in there(shop.url, "partly").guidelines
    (event,) = history(shop, "partly")
    assert event.bot is not None
    assert len(event.bot.guidelines) == 2  # wanted is what was confirmed
    assert wait_for("retries", lambda: shop.bot("partly").get("failures", 0) >= 2)

    mended = [guidelines[0], {**guidelines[1], "tools": []}]
    chat.say(f"Change Partly to {pasted('Partly', guidelines=mended, relationships=[])}")
    assert "Partly is changed." in chat.say("Yes")
    assert sorted(there(shop.url, "partly").guidelines) == ["partly.call", "partly.greet"]
    shop.wait_synced("partly")
