"""Faults, by causing them: Parlant and the store failing, hanging; processes being killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.e2e.proxied import proxied
from tests.e2e.test_elsewhere import elsewhere
from tests.e2e.test_embedded import PORT, actions, everything
from tests.parlant_server.process import ParlantProcess
from tests.support.damage import remove
from tests.wire.server import Server


def whole(url: str) -> dict[str, int]:
    """How many of each there are of the bot on Parlant, and what belongs to nobody."""

    def listed(kind: str, **params: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{url}/{kind}", params=params, timeout=30)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    ours = {"tag_id": "agent:order-desk"}
    conditions = listed("guidelines", tag_id="journey:order-desk.return-item")
    ties = listed("relationships", guideline_id="order-desk.order-status", indirect="false")
    return {
        "agents": sum(agent["id"] == "order-desk" for agent in listed("agents")),
        "guidelines": len(listed("guidelines", **ours)),
        "conditions": len(conditions),
        "orphans": sum(not guideline["tags"] for guideline in listed("guidelines")),
        "journeys": len(listed("journeys", **ours)),
        "terms": len(listed("terms", **ours)),
        "relationships": len(ties),
    }


WHOLE = {
    "agents": 1,
    "guidelines": 2,
    "conditions": 2,
    "orphans": 0,
    "journeys": 1,
    "terms": 1,
    "relationships": 1,
}


@pytest.mark.parametrize("passed", [3, 6, 9])
def test_parlant_lost_in_the_middle_of_a_plan(
    place: Place, parlant: ParlantProcess, passed: int
) -> None:
    place.write()
    with proxied(parlant.url) as proxy:
        proxy.cut_after(passed)
        with elsewhere(place, proxy.url).start() as daemon:
            wait_for("unavailable", lambda: daemon.status["target"].get("state") == "Unavailable")
            proxy.heal()
            daemon.wait_synced("order-desk", seconds=60)
            assert whole(parlant.url) == WHOLE


@pytest.mark.parametrize("status", [500, 422, 429])
def test_parlant_that_answers_with_errors(
    place: Place, parlant: ParlantProcess, status: int
) -> None:
    path = place.write()
    with proxied(parlant.url) as proxy, elsewhere(place, proxy.url) as daemon:
        proxy.answer(status, {"retry-after": "1"}, "no")
        path.write_text(bot(action="New text"))
        wait_for("it is said", lambda: daemon.status["target"]["state"] == "Unavailable")
        assert daemon.running
        proxy.heal()
        wait_for(
            "converged",
            lambda: daemon.guideline("order-desk.order-status")["action"] == "New text",
            60,
        )
        assert whole(parlant.url) == WHOLE


def test_a_hanging_parlant_does_not_hang_the_daemon(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    with proxied(parlant.url) as proxy, elsewhere(place, proxy.url) as daemon:
        proxy.hang()
        place.write("second.yaml", bot("help-desk", "Help Desk"))
        wait_for("imported all the same", lambda: daemon.bot("help-desk"))
        assert place.command("status").returncode == 2
        assert daemon.signal() == 0


def test_one_bad_bot_holds_up_no_other(place: Place, parlant: ParlantProcess) -> None:
    bad = bot("bad", "Bad").replace(
        "    - id: small-talk", "    - id: small-talk\n      tools: [nowhere:tool]"
    )
    place.write("a-bad.yaml", bad)
    place.write("z-good.yaml", bot("good", "Good"))
    with elsewhere(place, parlant.url) as daemon:
        daemon.wait_synced("good")
        wait_for("degraded", lambda: daemon.bot("bad")["health"] == "Degraded")
        assert "nowhere" in daemon.bot("bad")["message"]
        assert daemon.bot("bad")["next_try"]
        assert daemon.guideline("bad.order-status")["action"] == "Ask for the number"


def test_kill_9_between_intent_and_outcome(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    with proxied(parlant.url) as proxy:
        daemon = elsewhere(place, proxy.url).start()
        proxy.cut_after(5)
        wait_for("in the middle", lambda: proxy.requests > 5, 60)
        proxy.hang()
        daemon.kill()
        proxy.heal()
        with elsewhere(place, proxy.url).start() as again:
            again.wait_synced("order-desk", seconds=60)
            assert whole(parlant.url) == WHOLE
        open_ones = [a for a in actions(place) if a["outcome"] is None]
        assert not open_ones


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_at_any_moment_of_an_embedded_run(place: Place, seed: int) -> None:
    place.write()
    first = place.daemon(*PORT).start()
    wait_for("some moment", lambda: len(first.output.splitlines()) > seed, 60)
    first.kill()
    with place.daemon(*PORT) as daemon:
        daemon.wait_synced("order-desk")
        assert len(daemon.get("/guidelines", tag_id="agent:order-desk")) == 2
        history = place.command("history", "order-desk", "-o", "json")
        assert history.stdout.count('"revision"') == 1, history.stdout


def on_mongodb(place: Place, server: Server, parlant: ParlantProcess) -> Daemon:
    return elsewhere(place, parlant.url, "--mongodb-uri", server.uri)


def test_the_whole_way_over_mongodb(place: Place, parlant: ParlantProcess, mongodb: Server) -> None:
    path = place.write()
    with on_mongodb(place, mongodb, parlant) as daemon:
        daemon.wait_synced("order-desk")
        first = everything(daemon)
        path.write_text(bot(action="From the second revision"))
        wait_for(
            "converged",
            lambda: (
                daemon.guideline("order-desk.order-status")["action"] == "From the second revision"
            ),
        )
        path.write_text(bot())
        wait_for("and back", lambda: everything(daemon) == first)
        parlant.restart()
        wait_for("restored", lambda: everything(daemon) == first, 60)
        uri = {"MONGODB_URI": mongodb.uri}
        assert place.command("diff", **uri).returncode == 0
        assert place.command("status", **uri).returncode == 0


@pytest.mark.timeout(300)
def test_mongodb_down_at_start_and_later(
    place: Place, parlant: ParlantProcess, mongodb: Server
) -> None:
    place.write()
    mongodb.end()
    with on_mongodb(place, mongodb, parlant) as daemon:
        assert daemon.status["store"]["state"] == "Unavailable"
        assert daemon.output.count("store unavailable") == 1
        assert re.search(r"store  MongoDB .* \(Unavailable: .+\)", daemon.output)
        assert "(Unknown)" in daemon.output  # nobody has looked at the target yet
        assert httpx.get(f"{parlant.url}/agents/order-desk").status_code == 404
        mongodb.start()
        wait_for("converged", lambda: daemon.bot("order-desk").get("sync") == "Synced", 90)
        assert daemon.status["store"]["state"] == "Connected"
        # In good order: killed, the server forgets what it acknowledged in its last second, bots
        # and all, and then there is nothing to heal. MongoDB keeps what it acknowledged.
        mongodb.end()
        wait_for("said", lambda: daemon.status["store"]["state"] == "Unavailable", 60)
        assert httpx.get(f"{parlant.url}/agents/order-desk").status_code == 200
        assert daemon.running
        httpx.delete(f"{parlant.url}/guidelines/order-desk.small-talk")
        mongodb.start()
        wait_for("recovered", lambda: daemon.guideline("order-desk.small-talk"), 90)
        assert "Traceback" not in daemon.output


def test_a_data_directory_that_is_moved_away_is_not_made_anew(place: Place) -> None:
    place.write()
    here, there = place.folder / ".otto", place.folder / "elsewhere"
    with place.forked("--port", "0") as daemon:
        daemon.wait_synced("order-desk")
        url = daemon.url
        here.rename(there)
        place.write(text=bot(action="Ask for the name"))
        wait_for("it to be said", lambda: "was moved or removed" in daemon.output)
        assert not here.exists()
        assert httpx.get(f"{url}/agents/order-desk", timeout=30).is_success
        there.rename(here)
        wait_for(
            "the change",
            lambda: daemon.guideline("order-desk.order-status")["action"] == "Ask for the name",
        )
        daemon.wait_synced("order-desk")
        assert daemon.signal() == 0
    assert "Traceback" not in daemon.output


def test_removed_data_directory_is_left_to_the_next_daemon(place: Place) -> None:
    place.write()
    with place.daemon("--port", "0") as daemon:
        daemon.wait_synced("order-desk")
        remove(place.folder / ".otto")
        place.write(text=bot(action="Ask for the name"))
        wait_for("it to be said", lambda: "was moved or removed" in daemon.output)
        with place.forked("--port", "0") as second:
            second.wait_synced("order-desk")
            wait_for("it to be said", lambda: "is another one now" in daemon.output)
            assert daemon.signal() == 0
            assert second.bot("order-desk")["sync"] == "Synced"
            assert (place.folder / ".otto" / "status.json").exists()
        assert second.process is not None
        assert "was moved" not in second.output
    for output in (daemon.output, second.output):
        assert "Traceback" not in output
        assert "error:" not in output


def test_a_stop_is_clean_whatever_became_of_the_files(place: Place) -> None:
    place.write()
    with place.daemon("--port", "0") as daemon:
        daemon.wait_synced("order-desk")
        chat = {"customer_id": "guest", "agent_id": "order-desk"}
        session = daemon.call("POST", "/sessions", chat)["id"]
        said = {"kind": "message", "source": "customer", "message": "Where is my order?"}
        daemon.call("POST", f"/sessions/{session}/events", said)
        status = place.folder / ".otto" / "status.json"
        status.unlink()
        status.mkdir()
        wait_for("it to be said", lambda: "the status file cannot be written" in daemon.output)
        remove(place.folder / ".otto" / "parlant")
        assert daemon.signal() == 0
    assert "error:" not in daemon.output


def test_a_data_directory_without_permission(place: Place) -> None:
    place.write()
    (place.folder / ".otto").write_text("a file where a folder should be")
    done = place.command("run", *PORT)
    assert done.returncode == 1
    assert ".otto" in done.stderr
    assert "--data-dir" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody without permission")
def test_a_data_directory_of_somebody_else(place: Place) -> None:
    """As a user who may read the code and may not write the folder."""
    place.write()
    owned = place.folder / ".otto"
    owned.mkdir(mode=0o755)
    code = (
        "import os, sys; from pathlib import Path; from otto_reconcile.runtime import data_dir;"
        "from otto_reconcile.errors import SettingsError; os.setgid(65534); os.setuid(65534)\n"
        "try:\n    data_dir.prepare(Path(sys.argv[1]))\n"
        "except SettingsError as error:\n    print(error, error.hint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(owned)],
        env=place.environ,
        capture_output=True,
        text=True,
    )
    assert "cannot be written" in done.stdout, done
