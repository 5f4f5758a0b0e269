"""The port opens before the bots are back: no request meets half a bot, the wanted one is first."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.harness import TLS, Daemon, Place, bot, wait_for
from tests.wire.server import Server

OFFLINE = ("--port", "0", "--nlp", "offline")
MANY = [f"desk-{number:02}" for number in range(24)]
PARTS = {"guidelines": 2, "journeys": 1, "terms": 1}


def write_many(place: Place) -> None:
    place.write("all.yaml", "---\n".join(bot(bot_id, bot_id.title()) for bot_id in MANY))


def opened(daemon: Daemon) -> Daemon:
    """Started, with its port open; nothing else is waited for."""
    daemon.start()
    wait_for("the port", lambda: daemon.status.get("url"))
    return daemon


def send(daemon: Daemon, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, f"{daemon.url}{path}", json=body, timeout=60, verify=TLS)


def answered(daemon: Daemon, method: str, path: str, body: Any = None) -> Any:
    """As a client does it: what is answered 503 is asked again when it says so."""
    while True:
        answer = send(daemon, method, path, body)
        if answer.status_code != 503:
            return answer.raise_for_status().json()
        assert "restored" in answer.json()["detail"]
        time.sleep(float(answer.headers["retry-after"]))


def order_of(daemon: Daemon) -> list[str]:
    """The bots in the order in which their agents were made."""
    done = daemon.place.command("actions", "-o", "json", "--limit", "1000")
    made = [a for a in json.loads(done.stdout) if a["kind"] == "agent"]
    return [a["bot_id"] for a in sorted(made, key=lambda a: str(a["started"]))]


def test_whoever_asks_while_bots_come_back_sees_whole_ones(place: Place) -> None:
    write_many(place)
    with opened(place.forked(*OFFLINE)) as daemon:

        def seen(bot_id: str) -> dict[str, int]:
            session = answered(daemon, "POST", "/sessions", {"agent_id": bot_id})
            assert session["agent_id"] == bot_id
            tag = f"?tag_id=agent:{bot_id}"
            return {kind: len(answered(daemon, "GET", f"/{kind}{tag}")) for kind in PARTS}

        with ThreadPoolExecutor(6) as pool:
            asked = [MANY[place] for place in (23, 12, 22, 1, 17, 7)]
            listed = pool.submit(answered, daemon, "GET", "/agents")
            assert [*pool.map(seen, asked)] == [PARTS] * len(asked)
            assert {one["id"] for one in listed.result()} >= set(MANY)
        daemon.wait_up().wait_synced(*MANY)
        wait_for("the end", lambda: "restored" in daemon.status["restore"])
        status = daemon.status["restore"]
        assert (status["restored"], status["bots"]) == (24, 24)


def test_the_bot_that_is_written_to_comes_first_now_and_later(place: Place) -> None:
    write_many(place)
    last, used = MANY[-1], MANY[16]
    with opened(place.forked(*OFFLINE)) as daemon:
        session = answered(daemon, "POST", "/sessions", {"agent_id": last})
        daemon.wait_up().wait_synced(*MANY)
        first = order_of(daemon)
        assert first.index(last) < len(MANY) - 1
        answered(daemon, "POST", "/sessions", {"agent_id": used})
        message = {"kind": "message", "source": "customer", "message": "Hello"}
        answered(daemon, "POST", f"/sessions/{session['id']}/events", message)
        used_file = place.folder / ".otto" / "used.json"
        wait_for(
            "its use on record", lambda: set(json.loads(used_file.read_text())) == {last, used}
        )
        daemon.kill()
    with place.forked(*OFFLINE) as daemon:
        daemon.wait_synced(*MANY)
        assert order_of(daemon)[len(MANY) :][:2] == [last, used]


def test_all_first_opens_the_port_once_all_are_back(place: Place) -> None:
    write_many(place)
    with opened(place.forked(*OFFLINE, "--restore", "all-first")) as daemon:
        agents = send(daemon, "GET", "/agents")
        assert {one["id"] for one in agents.json()} >= set(MANY)


@pytest.mark.timeout(300)
def test_a_store_that_is_away_keeps_only_its_bots_waiting(place: Place, mongodb: Server) -> None:
    place.write()
    options = (*OFFLINE, "--mongodb-uri", mongodb.uri)
    with place.forked(*options) as daemon:
        daemon.wait_synced("order-desk")
    (place.manifests / "order-desk.yaml").unlink()  # the store alone knows the bot
    mongodb.end()
    with opened(place.forked(*options)) as daemon:
        wait_for("strangers", lambda: send(daemon, "GET", "/agents").is_success, 90)
        ours = send(daemon, "POST", "/sessions", {"agent_id": "order-desk"})
        assert ours.status_code == 503
        assert "the bots are not restored yet" in ours.json()["detail"]
        assert float(ours.headers["retry-after"]) >= 1
        send(daemon, "POST", "/agents", {"id": "theirs", "name": "T"}).raise_for_status()
        send(daemon, "POST", "/sessions", {"agent_id": "theirs"}).raise_for_status()
        mongodb.start()
        wait_for(
            "the bot",
            lambda: send(daemon, "POST", "/sessions", {"agent_id": "order-desk"}).is_success,
            90,
        )
        assert len(daemon.get("/guidelines", tag_id="agent:order-desk")) == 2


def test_wrong_words_about_the_order_are_refused(place: Place) -> None:
    done = place.command("run", "--restore", "sometimes")
    assert done.returncode == 1
    assert "use on-demand or all-first" in done.stderr
    done = place.command("run", "--restore", "on-demand", "--evaluate", "eager")
    assert "leave one of the two out" in done.stderr
    done = place.command("run", "--restore", "all-first", "--parlant-url", "http://127.0.0.1:1")
    assert "--restore is for a Parlant in this process" in done.stderr


def test_what_changed_while_nobody_looked_is_there_after_it(place: Place) -> None:
    """The bots come back from the store; what the folder says otherwise is imported beside that."""
    for bot_id in ("stays", "changes", "goes"):
        place.write(f"{bot_id}.yaml", bot(bot_id, bot_id.title()))
    with place.forked(*OFFLINE) as daemon:
        daemon.wait_synced("stays", "changes", "goes")
        daemon.kill()
    place.write("changes.yaml", bot("changes", "Changes", action="Ask for the new number"))
    place.write("comes.yaml", bot("comes", "Comes"))
    (place.manifests / "goes.yaml").unlink()
    with place.forked(*OFFLINE) as daemon:
        assert daemon.status["manifests"]["state"] == "Imported"
        wait_for("no more of it", lambda: not daemon.bot("goes"))
        wait_for("the new one", lambda: daemon.bot("comes"))
        wait_for("the change", lambda: "Ask for the new number" in actions_of(daemon, "changes"))
        daemon.wait_synced("stays", "changes", "comes")
        agents = {one["id"] for one in daemon.get("/agents")}
        assert {"stays", "changes", "comes"} <= agents
        assert "goes" not in agents
        assert daemon.status["restore"]["bots"] >= 2  # one may be gone before its turn


def actions_of(daemon: Daemon, bot_id: str) -> list[str]:
    return [one["action"] for one in daemon.get("/guidelines", tag_id=f"agent:{bot_id}")]
