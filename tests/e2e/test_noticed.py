"""What a hostile user does over REST to an embedded Parlant is noticed, however it is answered."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.harness import TLS, Daemon, Place, bot, wait_for

BOT = "order-desk"


def send(daemon: Daemon, method: str, path: str, body: Any = None) -> httpx.Response:
    """As `Daemon.call`, but a refusal is an answer like any other."""
    return httpx.request(method, f"{daemon.url}{path}", json=body, timeout=30, verify=TLS)


def unmanaged(daemon: Daemon) -> list[str]:
    found: list[str] = daemon.bot(BOT)["unmanaged"]
    return found


def test_a_change_that_is_refused_halfway_is_undone(place: Place) -> None:
    place.write()
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        daemon.wait_synced(BOT)
        half = {"condition": "HACKED", "tags": {"add": ["nonexistent"]}}
        assert send(daemon, "PATCH", f"/guidelines/{BOT}.small-talk", half).status_code == 404
        wait_for(
            "the condition",
            lambda: daemon.guideline(f"{BOT}.small-talk")["condition"] == "The customer chats",
        )
        journey = f"/journeys/{BOT}.return-item"
        assert send(daemon, "PATCH", journey, {"conditions": {"add": ["nope"]}}).status_code == 404
        send(daemon, "DELETE", journey)
        wait_for("the journey", lambda: len(daemon.get(journey)["conditions"]) == 2)
        daemon.wait_synced(BOT)


def test_a_shared_tag_that_is_renamed_comes_back_on_all(place: Place) -> None:
    place.write()
    place.write("help.yaml", bot("help-desk", "Help Desk"))
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        daemon.wait_synced(BOT, "help-desk")
        (tag,) = daemon.get("/tags", name="shop")
        daemon.call("PATCH", f"/tags/{tag['id']}", {"name": "renamed"})

        def tagged() -> bool:
            names = {one["id"]: one["name"] for one in daemon.get("/tags")}
            agents = [daemon.get(f"/agents/{name}") for name in (BOT, "help-desk")]
            return all("shop" in {names.get(tag) for tag in agent["tags"]} for agent in agents)

        wait_for("the tag on both", tagged)


def test_what_strangers_add_and_take_away_is_told(place: Place) -> None:
    place.write()
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        daemon.wait_synced(BOT)
        body = {
            "source_guideline": f"{BOT}.small-talk",
            "target_guideline": f"{BOT}.order-status",
            "kind": "entailment",
        }
        made = daemon.call("POST", "/relationships", body)
        wait_for("it is told", lambda: "relationship/" in str(unmanaged(daemon)))
        daemon.call("DELETE", f"/relationships/{made['id']}")
        wait_for("it is gone", lambda: unmanaged(daemon) == [])
        theirs = {"id": "theirs", "condition": "x", "tags": [f"agent:{BOT}"]}
        daemon.call("POST", "/guidelines", theirs)
        wait_for("it is told", lambda: unmanaged(daemon) == ["guideline/theirs"])
        daemon.call("DELETE", "/guidelines/theirs")
        wait_for("it is gone", lambda: unmanaged(daemon) == [])


def test_what_comes_to_reach_everybody_is_told(place: Place) -> None:
    place.write()
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        daemon.wait_synced(BOT)
        journey = {
            "title": "J",
            "description": "d",
            "conditions": ["c"],
            "tags": ["agent:stranger"],
        }
        made = daemon.call("POST", "/journeys", journey)["id"]
        loose = {"id": "loose", "condition": "x", "tags": [f"journey:{made}"]}
        daemon.call("POST", "/guidelines", loose)
        daemon.call("PATCH", "/guidelines/loose", {"tags": {"remove": [f"journey:{made}"]}})
        wait_for("it is told", lambda: "guideline loose" in str(daemon.status["reaching"]))
        huge = {"id": "huge", "condition": "y" * (3 << 19)}
        daemon.call("POST", "/guidelines", huge)
        wait_for("it is told", lambda: "guideline huge" in str(daemon.status["reaching"]))


def test_variables_deleted_by_a_tag_are_back(place: Place) -> None:
    variables = "  variables:\n    - {name: plan, description: The plan of a customer}\n"
    place.write(text=bot() + variables)
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        daemon.wait_synced(BOT)
        response = httpx.delete(
            f"{daemon.url}/context-variables",
            params={"tag_id": f"agent:{BOT}"},
            timeout=30,
            verify=TLS,
        )
        assert response.is_success
        wait_for(
            "the variable",
            lambda: [v["name"] for v in daemon.get("/context-variables")] == ["plan"],
        )


def test_healing_a_journey_leaves_the_other_bots_relationships(place: Place) -> None:
    place.write()
    place.write("help.yaml", bot("help-desk", "Help Desk"))
    with place.forked("--port", "0", "--nlp", "offline") as daemon:
        daemon.wait_synced(BOT, "help-desk")
        journey, theirs = f"/journeys/{BOT}.return-item", "help-desk.small-talk"
        before = {one["id"] for one in daemon.get("/relationships")}
        send(daemon, "PATCH", journey, {"conditions": {"add": [theirs]}})

        def healed() -> bool:
            tags = daemon.guideline(theirs)["tags"]
            return theirs not in daemon.get(journey)["conditions"] and tags == ["agent:help-desk"]

        wait_for("the journey without it", healed)
        assert before == {one["id"] for one in daemon.get("/relationships")}
        daemon.wait_synced(BOT, "help-desk")
