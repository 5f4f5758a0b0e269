"""`otto-reconcile run --parlant-url`: a Parlant that has a life, and deaths, of its own."""

from __future__ import annotations

import socket
import sqlite3

import httpx

from tests.e2e.harness import Daemon, Place, bot, wait_for
from tests.e2e.test_embedded import actions, everything
from tests.parlant_server.process import ParlantProcess

QUICK = ("--interval", "1")


def elsewhere(place: Place, url: str, *arguments: str) -> Daemon:
    return place.forked("--parlant-url", url, *QUICK, *arguments)


def test_a_parlant_that_restarts_empty_is_restored(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    with elsewhere(place, parlant.url) as daemon:
        first = everything(daemon)
        parlant.restart()
        wait_for("everything is back", lambda: everything(daemon) == first)
        wait_for("restored twice", lambda: daemon.output.count("restore complete") == 2)
        assert daemon.status["restore"]["seconds"] > 0
        done = actions(place, "--limit", "3")
        assert {a["cause"] for a in done} == {"Restarted"}
        assert {a["operation"] for a in actions(place)} == {"create"}


def test_drift_elsewhere_is_found_in_the_sweep(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    with elsewhere(place, parlant.url) as daemon:
        daemon.call("PATCH", "/agents/order-desk", {"name": "Renamed by hand"})
        wait_for("healed", lambda: daemon.get("/agents/order-desk")["name"] == "Order Desk")
        daemon.call("DELETE", "/journeys/order-desk.return-item")
        wait_for("back", lambda: daemon.get("/journeys/order-desk.return-item"))


def test_parlant_down_at_start_and_up_later(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    parlant.stop()
    with elsewhere(place, parlant.url) as daemon:
        assert daemon.status["target"]["state"] == "Unavailable"
        assert daemon.output.count("] target unavailable") == 1
        assert f"target {parlant.url} (Unavailable: " in daemon.output
        assert "order-desk: Unknown, Unknown: target unavailable: " in daemon.output
        assert daemon.bot("order-desk")["sync"] == "Unknown"
        assert place.command("status").returncode == 2
        assert "running, but not ready" in daemon.output
        assert "] ready" not in daemon.output
        parlant.start()
        daemon.wait_synced("order-desk", seconds=60)
        wait_for("ready", lambda: daemon.output.count("] ready") == 1)
        assert daemon.get("/agents/order-desk")["name"] == "Order Desk"


def test_a_canary_deleted_by_hand_is_no_restart(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    with elsewhere(place, parlant.url) as daemon:
        canary = daemon.get("/tags", name=daemon.status["epoch"])[0]
        daemon.call("DELETE", f"/tags/{canary['id']}")
        wait_for("set again", lambda: daemon.get("/tags", name=daemon.status["epoch"]))
        daemon.wait_synced("order-desk")
        assert daemon.output.count("restore complete") == 1


def test_two_daemons_on_one_target(place: Place, parlant: ParlantProcess) -> None:
    place.write()
    with elsewhere(place, parlant.url) as first:
        second = place.forked("--parlant-url", parlant.url, *QUICK).start()
        try:
            wait_for("the second waits", lambda: "leads this target" in second.output, 60)
            assert socket.gethostname() in second.output
            first.call("PATCH", "/agents/order-desk", {"name": "Renamed by hand"})
            wait_for("healed", lambda: first.get("/agents/order-desk")["name"] == "Order Desk")
            first.kill()
            httpx.patch(f"{parlant.url}/agents/order-desk", json={"name": "Renamed again"})

            def healed() -> bool:
                agent = httpx.get(f"{parlant.url}/agents/order-desk").json()
                return bool(agent["name"] == "Order Desk")

            wait_for("the second has taken over", healed, 60)
            runs = {str(a["run_id"]) for a in actions(place)}
            assert len(runs) >= 3
        finally:
            assert second.signal() == 0


def test_a_token_reaches_parlant_and_nothing_else(place: Place, parlant: ParlantProcess) -> None:
    place.write(text=bot())
    with place.forked(
        "--parlant-url", parlant.url, *QUICK, OTTO_PARLANT_TOKEN="very-secret-token"
    ) as daemon:
        daemon.wait_synced("order-desk")
        assert "very-secret-token" not in daemon.output
    for path in (place.folder / ".otto").rglob("*"):
        if path.is_file():
            assert b"very-secret-token" not in path.read_bytes()


def test_lost_event_log_deletes_nothing_until_bots_are_named(
    place: Place, parlant: ParlantProcess
) -> None:
    place.write()
    place.write("second.yaml", bot("help-desk", "Help Desk"))
    with elsewhere(place, parlant.url):
        pass
    with sqlite3.connect(place.folder / ".otto" / "otto.db") as database:
        for table in ("events", "heads", "bots", "guidelines", "journeys", "terms"):
            database.execute(f"DELETE FROM {table}")
    database.close()
    for path in place.manifests.glob("*.yaml"):
        path.unlink()
    with elsewhere(place, parlant.url) as daemon:
        wait_for("the guard speaks", lambda: "refused to delete all bots" in daemon.output)
        wait_for("held back", lambda: "held back" in (daemon.bot("order-desk")["message"] or ""))
        assert {"order-desk", "help-desk"} <= {agent["id"] for agent in daemon.get("/agents")}
        done = place.command("delete", "order-desk", "help-desk", "--yes")
        assert done.returncode == 0, done.stderr
        wait_for(
            "gone",
            lambda: not {"order-desk", "help-desk"} & {a["id"] for a in daemon.get("/agents")},
        )


def test_a_daemon_that_was_killed_goes_on_at_once(place: Place, parlant: ParlantProcess) -> None:
    """Its lease and its mark are those of a dead process, as whoever has its folder knows."""
    place.write()
    with elsewhere(place, parlant.url) as daemon:
        daemon.wait_synced("order-desk")
        daemon.kill()
    place.write(text=bot(action="Ask for the last four digits"))
    with elsewhere(place, parlant.url) as daemon:
        daemon.wait_synced("order-desk")
        assert "did so until it ended" not in daemon.output
        assert "last four digits" in str(daemon.guideline("order-desk.order-status"))
