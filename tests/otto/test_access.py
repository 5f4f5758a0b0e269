"""Whose bots a customer may see, change and delete in a chat, and who may call Otto's tools."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from otto_reconcile.desired import Source
from otto_reconcile.model import Bot
from otto_reconcile.otto.access import Access, owner_of
from tests.e2e.harness import TLS, Daemon
from tests.otto.chatting import Chat
from tests.otto.maker import Shop, opened
from tests.otto.shop import FACTS, agents, pasted

GRAVE = {"tone": ["grave"]}
NOWHERE = "http://127.0.0.1:9"
"""No Parlant answers here: what is wanted is kept all the same."""


async def made(shop: Shop, name: str, session: str, customer: str) -> None:
    await shop.service.validate(pasted(name), "", session, "shown", customer)
    assert (await shop.service.create(pasted(name), session, "yes", customer))["ok"]


async def tried(shop: Shop, bot_id: str, session: str, customer: str) -> list[dict[str, Any]]:
    """All that a chat may do to a bot that is there."""
    work, name = shop.service, shop.stores.desired.get(bot_id).bot.name
    return [
        await work.catalogue.show(bot_id, 1, owner_of(session, customer)),
        await work.validate(GRAVE, name, session, "1", customer),
        await work.update(bot_id, GRAVE, session, "2", customer),
        await work.delete(name, "", session, "3", customer),
        await work.delete(bot_id, name, session, "4", customer),
    ]


async def test_a_customer_has_only_the_bots_that_otto_made_for_it(tmp_path: Path) -> None:
    async with opened(NOWHERE, tmp_path, access=Access.OWN) as shop:
        await made(shop, "Of Ann", "a1", "ann")
        await made(shop, "Of a guest", "g1", "guest")
        before = dict(shop.stores.desired.read().bots)
        for bot_id, others in {
            "of-ann": [("b1", "bob"), ("g1", "guest"), ("a1", "guest"), ("a1", "")],
            "of-a-guest": [("g2", "guest"), ("g1", "ann"), ("a1", "ann")],
        }.items():
            for session, customer in others:
                for answer in await tried(shop, bot_id, session, customer):
                    assert answer["problem"] == "not_yours"
                    assert "made for another customer" in answer["message"]
                    assert "friendly" not in json.dumps(answer)
        assert dict(shop.stores.desired.read().bots) == before

        shown = await shop.service.validate(GRAVE, "of-ann", "a2", "1", "ann")
        assert (await shop.service.update("of-ann", shown["draft"], "a2", "2", "ann"))["ok"]
        assert shop.stores.desired.get("of-ann").source.owner == "customer:ann"
        await shop.service.delete("of-a-guest", "", "g1", "1")
        assert (await shop.service.delete("of-a-guest", "Of a guest", "g1", "2"))["ok"]
        assert list(shop.stores.desired.read().bots) == ["of-ann"]


async def test_the_list_tells_of_others_what_everybody_sees(tmp_path: Path) -> None:
    async with opened(NOWHERE, tmp_path, access=Access.OWN) as shop:
        await made(shop, "Of Ann", "a1", "ann")
        await made(shop, "Of Bob", "b1", "bob")
        listed = await shop.service.catalogue.list(1, "customer:bob")
        assert listed["message"] == "There are 2 bots. 1 of them is this customer's."
        own, other = listed["bots"]
        assert own["bot_id"] == "of-bob"
        assert own["guidelines"] == 2
        assert other == {"bot_id": "of-ann", "name": "Of Ann"}
        taken = await shop.service.validate(pasted("Of Ann"), "", "b1", "1", "bob")
        assert taken["problem"] == "taken"
        assert "changed" not in taken["question"]
        unknown = await shop.service.catalogue.show("Of Cid", 1, "customer:bob")
        assert unknown["bots"] == ["of-bob"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (Source("manifest", path="bots/x.yaml", root="/bots"), "in the file bots/x.yaml"),
        (Source("manifest", path="x.yaml"), "by whoever runs this server"),
        (Source("specification", path="x.json"), "by whoever runs this server"),
        (Source("adoption", note="http://parlant"), "by whoever runs this server"),
        (Source("rows"), "by whoever runs this server"),
        (Source("cli", owner="customer:ann"), "by whoever runs this server"),
        (Source("otto", session="a1"), "in a conversation that is over"),  # of an older version
    ],
)
async def test_what_others_keep_is_refused(tmp_path: Path, source: Source, why: str) -> None:
    async with opened(NOWHERE, tmp_path, access=Access.OWN) as shop:
        shop.stores.desired.put(Bot(id="kept", name="Kept"), source=source, actor="them")
        for answer in await tried(shop, "kept", "a1", "ann"):
            assert answer["problem"] == "not_yours"
            assert why in answer["message"]
        assert shop.stores.desired.get("kept").revision == 1


async def test_with_access_to_all_a_change_makes_nobody_an_owner(tmp_path: Path) -> None:
    async with opened(NOWHERE, tmp_path, access=Access.ALL) as shop:
        kept = Bot(id="kept", name="Kept", description="Theirs")
        shop.stores.desired.put(kept, source=Source("cli"), actor="them")
        shown = await shop.service.validate(GRAVE, "kept", "a1", "1", "ann")
        assert (await shop.service.update("kept", shown["draft"], "a1", "2", "ann"))["ok"]
        assert shop.stores.desired.get("kept").revision == 2
    async with opened(NOWHERE, tmp_path, access=Access.OWN) as shop:
        for answer in await tried(shop, "kept", "a1", "ann"):
            assert answer["problem"] == "not_yours"


def call(daemon: Daemon, tool: str, who: dict[str, str], **arguments: Any) -> Any:
    """As anybody on this machine may, past the chat."""
    port = daemon.get("/services/built-in")["url"]
    answer = httpx.post(
        f"{port}/tools/{tool}/calls", json={**who, "arguments": arguments}, verify=TLS, timeout=30
    )
    return answer.json()["result"]["data"]


def test_the_tools_answer_chats_of_this_server_only(shop: Daemon) -> None:
    chat = Chat(shop.url)
    chat.say(f"Name: Not For Robbers\n{FACTS}")
    chat.say("Yes")
    assert "not-for-robbers" in agents(shop.url)
    who = {"agent_id": "otto", "session_id": chat.session, "customer_id": "guest"}
    for ids in (who, {**who, "engine_context_id": "00000000-0000-4000-8000-000000000000"}):
        for tool, arguments in {
            "list_parlant_bots": {},
            "show_parlant_bot": {"bot": "not-for-robbers"},
            "validate_bot_spec": {"spec_json": pasted("Robbed")},
            "create_parlant_bot": {"spec_json": pasted("Robbed")},
            "update_parlant_bot": {"bot": "not-for-robbers", "spec_json": "{}"},
            "delete_parlant_bot": {"bot": "not-for-robbers", "confirmed_name": "Not For Robbers"},
        }.items():
            data = call(shop, tool, ids, **arguments)
            assert data == {
                "ok": False,
                "message": "This works in a conversation with Otto only.",
            }, tool
    assert "not-for-robbers" in agents(shop.url)
    assert "robbed" not in agents(shop.url)
    port = httpx.URL(shop.get("/services/built-in")["url"]).port
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", port or 0)) != 0


def test_a_guest_finds_its_bots_again_in_its_own_chat(shop: Daemon) -> None:
    chat = Chat(shop.url)
    chat.say(f"Name: Of One Guest\n{FACTS}")
    chat.say("Yes")
    assert "of-one-guest" in agents(shop.url)
    other = Chat(shop.url)
    other.say("Delete Of One Guest")
    other.say("Of One Guest")
    assert "of-one-guest" in agents(shop.url)
    chat.say("Delete Of One Guest")
    chat.say("Of One Guest")
    assert "of-one-guest" not in agents(shop.url)
