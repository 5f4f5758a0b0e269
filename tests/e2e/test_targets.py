"""Several daemons and one Parlant: each is told of the others, and one of them acts."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.e2e.proxied import proxied
from tests.parlant_server.process import ParlantProcess

QUICK = ("--interval", "1")
JOURNEY = "/journeys/order-desk.return-item"


def look(url: str, path: str) -> Any:
    answer = httpx.get(f"{url}{path}", timeout=30)
    return answer.json() if answer.is_success else None


@pytest.mark.timeout(300)  # leases and marks run out in it
def test_one_of_three_acts_and_another_takes_over(tmp_path: Path, parlant: ParlantProcess) -> None:
    """The first and second share a store and name the server otherwise; the third has its own."""
    for name in ("shared", "own"):
        (tmp_path / name).mkdir()
    shared, own = Place(tmp_path / "shared"), Place(tmp_path / "own")
    shared.write()
    own.write(text=bot(name="Another Desk"))
    with proxied(parlant.url) as proxy:
        first = Daemon(shared, ("--parlant-url", proxy.url, *QUICK), {}, forked=True)
        with first.start().wait_up():
            first.wait_synced("order-desk")
            second = Daemon(shared, ("--parlant-url", parlant.url, *QUICK), {}, forked=True).start()
            third = Daemon(own, ("--parlant-url", parlant.url, *QUICK), {}, forked=True).start()
            try:
                wait_for("one waits", lambda: "leads this target" in second.output)
                wait_for("the other waits", lambda: "manages this server" in third.output)
                wait_for("the first is told", lambda: first.status["rivals"])
                assert "waits to manage this server" in first.output
                assert shared.command("status").returncode == 2
                assert own.command("status").returncode == 2
                assert look(parlant.url, "/agents/order-desk")["name"] == "Order Desk"
                again = shared.command("diff", "--parlant-url", parlant.url)
                assert again.returncode == 0, again.stdout
                third.signal()
                wait_for("nobody waits", lambda: not first.status["rivals"])
                stopped_in_a_replacement(shared, first, second, proxy, parlant.url)
            finally:
                for daemon in (second, third):
                    if daemon.running:
                        daemon.signal()


def stopped_in_a_replacement(
    place: Place, first: Daemon, second: Daemon, proxy: Any, url: str
) -> None:
    """What is left of it is not sent once the other one has taken over."""
    assert first.process is not None
    proxy.hold("DELETE", JOURNEY)
    place.write(text=bot().replace("Return an item", "Send an item back"))
    wait_for("it is deleted", lambda: look(url, JOURNEY) is None)
    first.process.send_signal(signal.SIGSTOP)
    try:
        proxy.heal()
        title = lambda: (look(url, JOURNEY) or {}).get("title")  # noqa: E731
        wait_for("the second has taken over", title, 120)
        assert place.command("status").returncode == 2
        before = len(proxy.seen)
    finally:
        first.process.send_signal(signal.SIGCONT)
    wait_for("the first waits", lambda: first.status["target"]["state"] == "Waiting")
    changes = [one for one in proxy.seen[before:] if one[0] != "GET" and "/tags/" not in one[1]]
    assert changes == []
    assert look(url, JOURNEY)["title"] == "Send an item back"
    agent = look(url, "/agents/order-desk")
    assert agent["name"] == "Order Desk"
    names = [one["value"] for one in look(url, "/canned_responses")]
    assert len(names) == len(set(names))
