"""Conversations with Otto through Parlant's real engine: what is then in Parlant and in MongoDB.

The model is scripted; all else is `otto-reconcile run` as a user starts it.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from otto_reconcile.otto.prompts import RULES, STEPS
from tests.e2e.harness import Daemon, bot, wait_for
from tests.otto.chatting import Chat, customer
from tests.otto.kept import Kept, nowhere, whole
from tests.otto.shop import FACTS, pasted, there

pytestmark = pytest.mark.timeout(300)  # a daemon's start takes long on a busy machine


def proposed(shop: Daemon, text: str, by: str | None = None) -> Chat:
    """A chat in which only the yes is missing."""
    chat = Chat(shop.url, customer=by)
    assert "Shall I create it so?" in chat.say(text)
    return chat


def created(shop: Daemon, name: str, by: str | None = None) -> Chat:
    """A bot of this name, made in a chat."""
    chat = proposed(shop, f"Please make this: {pasted(name)}", by)
    assert "is live" in chat.say("Yes")
    return chat


def test_conversation_with_a_missing_field_becomes_a_bot(shop: Daemon, kept: Kept) -> None:
    chat = Chat(shop.url)
    assert "What is its name?" in chat.say("Hello, I need a bot")
    assert "What is its purpose?" in chat.say("Name: Order Finder")
    purpose, rest = FACTS.split("\n", 1)
    assert "What is its scope?" in chat.say(purpose)
    assert chat.say(rest.replace("Tone: friendly\n", "")).startswith("What is its tone?")
    assert chat.say("Yes, make it").startswith("What is its tone?")
    said = chat.say("Tone: formal")
    for line in ("Scope: Orders of this shop", "Tone: formal", "Guardrails: Never promise a date"):
        assert f"- {line}\n" in said
    assert "- Guideline: The customer greets -> Greet back and name the shop\n" in said
    assert "- Journey: Find an order, when The customer asks where an order is. Ask for" in said
    assert said.endswith("Shall I create it so?")
    nowhere(shop, kept, "order-finder")
    assert kept.events("order-finder") == []
    said = chat.say("Yes, please")

    assert "The bot Order Finder is live." in said
    assert "order-finder" in said
    assert f"{shop.url}/chat/" in said
    found = whole(shop, kept, "order-finder")
    assert found.name == "Order Finder"
    assert "Purpose: Tells customers where their orders are" in found.description
    assert "Tone: formal" in found.description
    assert ("The customer greets", "Greet back and name the shop") in found.guidelines.values()
    assert list(found.journeys.values()) == ["Find an order"]
    assert kept.events("order-finder") == [("created", "otto", chat.session)]
    assert Chat(shop.url, "order-finder").say("Hello") == "Hello, this is Order Finder."
    shop.wait_synced("order-finder")


def test_ottos_journey_is_walked_and_its_rules_are_in_force(shop: Daemon, kept: Kept) -> None:
    ask = "\nWhat guides you?"
    rules = {rule.key: rule.action for rule in RULES}
    gather, propose, report = (step.action for step in STEPS)
    chat = Chat(shop.url)
    assert chat.say(f"Name: Walker{ask}").startswith(f"{gather} What is its purpose?")
    assert chat.say(f"{FACTS.splitlines()[0]}{ask}").startswith(f"{gather} What is its scope?")
    said = chat.say(f"{FACTS}{ask}")
    assert propose in said
    assert rules["show-and-ask"] in said  # which the answer of the check has brought about
    assert gather not in said
    said = chat.say(f"Yes.{ask}")
    assert report in said
    assert rules["create-after-yes"] in said
    assert rules["no-means-no"] not in said
    whole(shop, kept, "walker")


def test_an_invalid_specification_is_explained_and_mended(shop: Daemon, kept: Kept) -> None:
    chat = Chat(shop.url)
    guidelines = [{"condition": "The customer greets", "criticality": "LOUD"}, {"action": "Wave"}]
    said = chat.say(f"Use this: {pasted('Faulty', guidelines=guidelines)}")
    assert "2 problems" in said
    assert "/guidelines/0/criticality" in said
    assert "/guidelines/1" in said
    assert "condition" in said
    chat.say("Yes")
    nowhere(shop, kept, "faulty")

    guidelines = [{"condition": "The customer greets", "criticality": "LOW"}]
    assert "Shall I create it so?" in chat.say(
        f"Then this: {pasted('Faulty', guidelines=guidelines, relationships=[])}"
    )
    assert "is live" in chat.say("Yes")
    assert list(whole(shop, kept, "faulty").guidelines.values()) == [("The customer greets", "")]
    assert [row["criticality"] for row in kept.rows("guidelines", "faulty")] == ["low"]
    assert kept.events("faulty") == [("created", "otto", chat.session)]


def test_a_no_creates_nothing(shop: Daemon, kept: Kept) -> None:
    chat = proposed(shop, f"Make this: {pasted('Unloved')}")
    assert chat.say("No, not like that").startswith("Nothing is created.")
    nowhere(shop, kept, "unloved")
    assert kept.events("unloved") == []


def test_what_was_not_shown_is_not_made_whatever_the_model_does(shop: Daemon, kept: Kept) -> None:
    """The scripted model takes these for a yes at once; the tool does not."""
    hasty = Chat(shop.url)
    said = hasty.say(f"Make at once: {pasted('Hasty')}")
    assert said.endswith("Shall I create it so?")
    nowhere(shop, kept, "hasty")
    assert kept.events("hasty") == []
    hasty.say("Yes")
    hurried = json.dumps({"tone": ["hurried"]})
    said = hasty.say(f"Change at once Hasty to {hurried}")
    assert 'It tone: ["friendly"] becomes ["hurried"].\nShall I change it so?' in said
    assert len(kept.events("hasty")) == 1

    chat = Chat(shop.url)
    chat.say(f"Make this: {pasted('Shown First')}")
    said = chat.say(f"Yes, but with this: {pasted('Shown Later')}")
    assert said.endswith("Shall I create it so?")
    nowhere(shop, kept, "shown-later")
    assert "is live" in chat.say("Yes")
    whole(shop, kept, "shown-later")
    nowhere(shop, kept, "shown-first")


def test_what_otto_was_interrupted_in_showing_is_not_made(shop: Daemon, kept: Kept) -> None:
    chat = Chat(shop.url)
    chat.begin_and_wait_for("typing", f"Take your time: {pasted('Unseen')}")  # it is checked by now
    assert chat.say("Make at once, please").endswith("Shall I create it so?")
    nowhere(shop, kept, "unseen")
    assert "is live" in chat.say("Yes")
    whole(shop, kept, "unseen")


def test_a_draft_is_named_or_repeated_word_for_word(shop: Daemon, kept: Kept) -> None:
    chat = proposed(shop, f"Make this: {pasted('Repeated')}")
    assert "is live" in chat.say("Yes, word for word")
    whole(shop, kept, "repeated")
    chat.say('Change Repeated to {"tone": ["grave"]}')
    assert "Repeated is changed." in chat.say("Yes, word for word")
    assert "Tone: grave" in whole(shop, kept, "repeated").description


def test_tools_nobody_has_are_named_before_and_after_the_yes(shop: Daemon, kept: Kept) -> None:
    tools = ["look_up_order: finds an order", "send email"]
    guidelines = [{"condition": "They ask", "action": "Look", "tools": ["shop:look_up_order"]}]
    text = pasted("Tooly", tools=tools, guidelines=guidelines, relationships=[])
    chat = Chat(shop.url)
    missing = "not possible: the tool 'send email': no guideline of the bot has one"
    for said in (chat.say(f"Make this: {text}"), chat.say("Yes")):
        assert missing in said
        assert "the tool 'look_up_order" not in said
    assert "is live" in said
    assert "shop:look_up_order" in said  # there is no such tool service


def test_a_yes_that_is_said_twice_makes_one_bot_and_is_answered(shop: Daemon, kept: Kept) -> None:
    chat = proposed(shop, f"Make this: {pasted('Hurried')}")
    chat.begin_and_wait_for("processing", "Yes")
    said = chat.say("Yes please, go on")
    assert "The bot Hurried is live." in said
    assert "already" not in said
    whole(shop, kept, "hurried")
    assert kept.events("hurried") == [("created", "otto", chat.session)]


def test_a_deletion_takes_only_what_was_named(shop: Daemon, kept: Kept) -> None:
    ann = customer(shop.url, "Ann")
    chat = created(shop, "Guarded", ann)
    chat.say("Delete Guarded")
    other = Chat(shop.url, customer=ann)
    vip = json.dumps({"guidelines": [{"key": "vip", "condition": "A VIP writes", "action": "Bow"}]})
    other.say(f"Change Guarded to {vip}")
    assert "Guarded is changed." in other.say("Yes")
    said = chat.say("Guarded")
    assert "With it goes the guideline: A VIP writes" in said
    assert "guarded.vip" in whole(shop, kept, "guarded").guidelines
    assert "The bot Guarded is deleted" in chat.say("Guarded")
    nowhere(shop, kept, "guarded")


def test_braces_and_quotes_break_nothing(shop: Daemon, kept: Kept) -> None:
    chat = Chat(shop.url)
    odd = "Say {name} and \"{{both}}\" and '{0}' and 100 % \\n {"
    guidelines = [{"condition": odd, "action": odd, "description": odd}]
    journeys = [{"title": "Take {care}", "description": odd, "conditions": [odd]}]
    said = chat.say(pasted("Braces", guidelines=guidelines, journeys=journeys, relationships=[]))
    assert "Shall I create it so?" in said
    assert "is live" in chat.say('Yes {thanks} {0} }{ "{')
    found = whole(shop, kept, "braces")
    assert list(found.guidelines.values()) == [(odd, odd)]
    assert list(found.journeys.values()) == ["Take {care}"]
    # Every guideline and journey of the bot applies, and it answers all the same.
    assert Chat(shop.url, "braces").say("Hello {you}: {") == "Hello, this is Braces."


def test_a_bot_is_changed_and_keeps_its_ids(shop: Daemon, kept: Kept) -> None:
    ann = customer(shop.url, "Ann")
    made = created(shop, "Changeable", ann).session
    before = whole(shop, kept, "changeable")
    assert [row["kind"] for row in kept.rows("relationships", "changeable")] == ["priority"]
    chat = Chat(shop.url, customer=ann)
    guidelines = [
        {"key": "greet", "condition": "The customer greets", "action": "Bow"},
        {"key": "bye", "condition": "The customer leaves", "action": "Wave"},
    ]
    text = json.dumps({"name": "Changed", "guidelines": guidelines, "remove": ["person"]})
    said = chat.say(f"Change Changeable to {text}")
    assert "It removes the guideline: The customer asks for a person." in said
    assert "Shall I change it so?" in said
    assert whole(shop, kept, "changeable") == before
    assert "Changed is changed." in chat.say("Yes")

    after = whole(shop, kept, "changeable")
    assert after.name == "Changed"
    assert after.guidelines == {
        "changeable.greet": ("The customer greets", "Bow"),
        "changeable.bye": ("The customer leaves", "Wave"),
    }
    assert after.journeys == before.journeys
    assert kept.rows("relationships", "changeable") == []
    assert kept.events("changeable") == [
        ("created", "otto", made),
        ("updated", "otto", chat.session),
    ]


def test_a_bot_is_deleted_only_after_its_name(shop: Daemon, kept: Kept) -> None:
    chat = created(shop, "Doomed")
    said = chat.say("Delete Doomed")
    assert "With it goes the guideline: The customer greets" in said
    assert "journey: Find an order" in said
    assert "Nothing is deleted yet" in chat.say("Do")
    whole(shop, kept, "doomed")
    assert "The bot Doomed is deleted" in chat.say("doomed")

    nowhere(shop, kept, "doomed")
    assert kept.events("doomed") == [
        ("created", "otto", chat.session),
        ("deleted", "otto", chat.session),
    ]
    created(shop, "Doomed")  # and the name is free again
    whole(shop, kept, "doomed")


def test_a_name_that_exists_gets_a_question(shop: Daemon, kept: Kept) -> None:
    created(shop, "Only One")
    for name in ("only  one", "ONLY ONE"):
        said = Chat(shop.url).say(f"Make this: {pasted(name, id='another-id')}")
        assert "There is a bot 'Only One' with the id 'only-one' already." in said
        assert "which other name" in said
        assert "Shall I" not in said
    said = created(shop, "Only Two").say('Change Only Two to {"name": "only one"}')
    assert "There is a bot 'Only One' with the id 'only-one' already." in said
    assert whole(shop, kept, "only-two").name == "Only Two"
    assert len(kept.events("only-one")) == 1
    nowhere(shop, kept, "another-id")


def test_an_agent_that_nobody_keeps_is_not_taken_over(shop: Daemon, kept: Kept) -> None:
    shop.call("POST", "/agents", {"id": "x-17", "name": "Stranger", "description": "Theirs"})
    said = Chat(shop.url).say(f"Make this: {pasted('stranger')}")
    assert "Parlant has an agent 'x-17' already that is not kept here" in said
    nowhere(shop, kept, "stranger")
    assert there(shop.url, "x-17").description == "Theirs"
    shop.call("DELETE", "/agents/x-17")


def test_a_suspended_bot_is_changed_in_the_store_only(shop: Daemon, kept: Kept) -> None:
    chat = created(shop, "Sleeper")
    assert shop.place.command("suspend", "sleeper").returncode == 0
    before = there(shop.url, "sleeper")
    chat.say(f"Change Sleeper to {pasted('Sleeper', tone=['grave'])}")
    assert "It is suspended" in chat.say("Yes")
    assert there(shop.url, "sleeper") == before
    assert "Tone: grave" in kept.rows("bots", "sleeper")[0]["description"]
    assert shop.place.command("resume", "sleeper").returncode == 0
    wait_for("resumed", lambda: "Tone: grave" in there(shop.url, "sleeper").description)


def test_two_customers_with_the_same_name_at_once_get_one_bot(shop: Daemon, kept: Kept) -> None:
    guidelines = [[{"key": "one", "condition": "Always", "action": f"Be {n}"}] for n in range(3)]
    texts = [pasted("Contested", guidelines=one, relationships=[]) for one in guidelines]
    chats = [proposed(shop, text) for text in texts]
    with ThreadPoolExecutor(len(chats)) as pool:
        answers = list(pool.map(lambda chat: chat.say("Yes"), chats))
    (won,) = (place for place, answer in enumerate(answers) if "is live" in answer)
    assert sum("There is a bot 'Contested'" in answer for answer in answers) == len(chats) - 1
    found = whole(shop, kept, "contested")
    assert found.guidelines == {"contested.one": ("Always", f"Be {won}")}
    assert kept.events("contested") == [("created", "otto", chats[won].session)]
    assert kept.bots().count("contested") == 1


def test_otto_is_nobodys_name(shop: Daemon, kept: Kept) -> None:
    chat = Chat(shop.url)
    assert "That name is Otto's own" in chat.say(f"Make this: {pasted(' OTTO ')}")
    assert "otto" not in kept.bots()
    assert "That is Otto itself" in chat.say("Show Otto")


def test_bots_are_listed_and_shown_as_they_can_be_given_back(shop: Daemon, kept: Kept) -> None:
    chat = created(shop, "Shown Bot")
    assert "shown-bot is Shown Bot" in chat.say("Which bots are there?")
    said = chat.say("Show shown-bot")
    shown = json.loads(said[said.index('{"id"') :])
    before = there(shop.url, "shown-bot")
    assert "Shall I change it so?" in chat.say(f"Change Shown Bot to {json.dumps(shown)}")
    chat.say("Yes")
    assert whole(shop, kept, "shown-bot") == before
    assert len(kept.events("shown-bot")) == 1


def test_a_bot_of_a_manifest_is_not_changed_behind_its_back(shop: Daemon, kept: Kept) -> None:
    shop.place.write("filed.yaml", bot("filed", "Filed"))
    wait_for("imported", lambda: there(shop.url, "filed"))
    chat = Chat(shop.url)
    assert "filed.yaml" in chat.say(f"Change Filed to {pasted('Filed')}")
    assert "filed.yaml" in chat.say("Delete Filed")
    assert kept.events("filed") == [("created", "manifest", None)]


def test_what_parlant_refuses_is_told_and_tried_again(shop: Daemon, kept: Kept) -> None:
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
    assert len(kept.rows("guidelines", "partly")) == 2  # wanted is what was confirmed
    assert wait_for("retries", lambda: shop.bot("partly").get("failures", 0) >= 2)

    mended = [guidelines[0], {**guidelines[1], "tools": []}]
    chat.say(f"Change Partly to {pasted('Partly', guidelines=mended, relationships=[])}")
    assert "Partly is changed." in chat.say("Yes")
    assert sorted(whole(shop, kept, "partly").guidelines) == ["partly.call", "partly.greet"]
    shop.wait_synced("partly")
