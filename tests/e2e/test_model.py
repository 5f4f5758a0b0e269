"""A language model that is away when the daemon starts, and one that comes while it runs."""

from __future__ import annotations

import httpx

from tests.e2e.harness import Daemon, Place, wait_for
from tests.otto.chatting import Chat
from tests.otto.shop import FACTS

AWAY = "No language model is available at the moment"
CLOSED = "http://127.0.0.1:9"
"""A proxy that nobody runs: nothing of the network is reached, whatever the machine has."""


def status(place: Place) -> tuple[int, str]:
    done = place.command("status")
    return done.returncode, done.stdout


def test_a_closed_network_takes_no_bot_down(place: Place) -> None:
    place.write()
    environ = {"OPENAI_API_KEY": "x", "HTTPS_PROXY": CLOSED, "TIKTOKEN_CACHE_DIR": ""}
    with place.forked("--port", "0", **environ) as daemon:
        daemon.wait_synced("order-desk")
        assert httpx.get(f"{daemon.url}/chat/", follow_redirects=True).is_success
        assert AWAY in Chat(daemon.url, "order-desk").say("Where is my order?")
        code, text = status(place)
        assert code == 2, text
        assert "model      openai: Unavailable, " in text
        assert "no language model: openai is tried again by itself" in daemon.output
        assert daemon.signal() == 0


def test_a_model_that_comes_later_is_taken_into_use(place: Place) -> None:
    place.write()
    there = place.folder / "there"
    arguments = ("--port", "0", "--nlp", "tests.e2e.late_model:factory")
    with place.forked(*arguments, MODEL_IS_THERE=str(there)) as daemon:
        daemon.wait_synced("order-desk")
        url = daemon.url
        assert AWAY in Chat(url, "otto").say("Hello, I need a bot")
        why = "Unavailable, the model's host does not answer; next try "
        assert why in status(place)[1]
        there.touch()
        wait_for("the model in use", lambda: connected(daemon))
        daemon.wait_synced("order-desk")
        assert daemon.url == url
        assert "Order Finder" in Chat(url, "otto").say(f"Name: Order Finder\n{FACTS}")
        code, text = status(place)
        assert code == 0, text
        assert daemon.output.count("is up after") == 1


def connected(daemon: Daemon) -> bool:
    """In the second life of Parlant, once that serves."""
    said = daemon.status
    return bool(
        said["model"]["state"] == "Connected"
        and said["target"]["state"] == "Connected"
        and daemon.output.count("ready") > 1
    )
