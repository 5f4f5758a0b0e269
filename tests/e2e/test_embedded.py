"""`otto-reconcile run` with its own Parlant, as the first user of the README has it."""

from __future__ import annotations

import json
import signal
import socket

import httpx
import pytest

from tests.e2e.harness import Daemon, Place, bot, wait_for

PORT = ("--port", "0")


def everything(daemon: Daemon) -> dict[str, object]:
    """What Parlant holds of our bots, with the ids that customers and widgets depend on."""
    agents = sorted(daemon.get("/agents"), key=lambda a: a["id"])
    guidelines = daemon.get("/guidelines")
    journeys = daemon.get("/journeys")
    return {
        "agents": [(a["id"], a["name"], a["description"]) for a in agents],
        "guidelines": sorted((g["id"], g["condition"], g["action"] or "") for g in guidelines),
        "journeys": sorted((j["id"], j["title"], tuple(j["conditions"])) for j in journeys),
        "terms": sorted(t["id"] for t in daemon.get("/terms")),
    }


def test_bots_are_back_under_the_same_ids_after_a_restart(place: Place) -> None:
    place.write()
    place.write("second.yaml", bot("help-desk", "Help Desk"))
    with place.daemon(*PORT) as daemon:
        assert "2 of 2 bots Synced" in daemon.output
        first = everything(daemon)
        assert ("order-desk", "Order Desk", "Helps customers of Order Desk.") in first["agents"]
        assert {"order-desk.order-status", "order-desk.small-talk"} <= {
            g[0] for g in first["guidelines"]
        }
        assert {"order-desk.return-item"} <= {j[0] for j in first["journeys"]}
        assert daemon.signal(signal.SIGINT) == 0
    with place.daemon(*PORT) as daemon:
        assert everything(daemon) == first
        assert daemon.status["restore"]["restored"] == 2
        causes = {a["cause"] for a in actions(place, "--limit", "10")}
        assert causes == {"Restarted"}


def actions(place: Place, *arguments: str) -> list[dict[str, object]]:
    done = place.command("actions", "-o", "json", *arguments)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_changes_by_others_are_noticed_and_healed_and_on_record(place: Place) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        status = "/guidelines/order-desk.order-status"
        daemon.call("PATCH", status, {"action": "Send them away"})
        wait_for(
            "the action is back",
            lambda: daemon.guideline("order-desk.order-status")["action"] == "Ask for the number",
        )
        daemon.call("DELETE", "/guidelines/order-desk.small-talk")
        wait_for("the guideline is back", lambda: daemon.guideline("order-desk.small-talk"))
        daemon.call("DELETE", "/agents/order-desk")
        wait_for("the agent is back", lambda: daemon.get("/agents/order-desk"))
        daemon.call("DELETE", "/journeys/order-desk.return-item")
        wait_for("the journey is back", lambda: daemon.get("/journeys/order-desk.return-item"))
        daemon.wait_synced("order-desk")
        healed = actions(place, "--bot", "order-desk")
        change = next(a for a in healed if a["operation"] == "update" and a["kind"] == "guideline")
        assert change["cause"] == "Drifted"
        assert change["outcome"] == "succeeded"
        assert change["changes"] == [
            {"field": "action", "before": "Send them away", "after": "Ask for the number"}
        ]
        ties = daemon.get("/relationships", guideline_id="order-desk.small-talk", indirect="false")
        assert [t["kind"] for t in ties] == ["priority"]


def test_what_others_add_is_reported_and_left(place: Place) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        added = {"condition": "Somebody else's", "tags": ["agent:order-desk"], "id": "theirs"}
        daemon.call("POST", "/guidelines", added)
        wait_for("reported", lambda: "guideline/theirs" in daemon.bot("order-desk")["unmanaged"])
        assert daemon.guideline("theirs")["condition"] == "Somebody else's"
        assert daemon.bot("order-desk")["sync"] == "Synced"


def test_prune_unmanaged_deletes_what_others_added(place: Place) -> None:
    place.write()
    with place.forked(*PORT, "--prune-unmanaged") as daemon:
        added = {"condition": "Somebody else's", "tags": ["agent:order-desk"], "id": "theirs"}
        daemon.call("POST", "/guidelines", added)
        gone = f"{daemon.url}/guidelines/theirs"
        wait_for("deleted", lambda: httpx.get(gone).status_code == 404)
        assert daemon.guideline("order-desk.small-talk")


def test_undeletable_part_is_reported_and_no_fault_of_its_bot(place: Place) -> None:
    place.write()
    own = {"tags": ["agent:order-desk"]}
    with place.forked(*PORT, "--prune-unmanaged") as daemon:
        for odd in ("a/b", ""):
            daemon.call("POST", "/guidelines", {"condition": f"c{odd}", "id": odd, **own})
            daemon.call("POST", "/guidelines", {"condition": f"for all {odd}", "id": f"{odd}/"})
        daemon.call("POST", "/terms", {"name": "n", "description": "d", "id": "t/1", **own})
        daemon.call("POST", "/guidelines", {"condition": "theirs", "id": "theirs", **own})
        gone = f"{daemon.url}/guidelines/theirs"
        wait_for("deleted", lambda: httpx.get(gone).status_code == 404)
        left = {"guideline/a/b", "guideline/", "term/t/1"}
        wait_for("reported", lambda: left <= set(daemon.bot("order-desk")["unmanaged"]))
        daemon.wait_synced("order-desk")
        told = place.command("diff", "--prune-unmanaged")
        assert told.returncode == 2  # what reaches every agent
        assert told.stdout.count("it stays until Parlant restarts, for its id cannot be") == 3
        assert "no call can change it for its id, so restart Parlant" in told.stdout
        failed = [a for a in actions(place) if a["outcome"] == "failed"]
        assert failed == []


def test_manifests_are_imported_as_they_are_saved(place: Place) -> None:
    path = place.write()
    with place.forked(*PORT) as daemon:
        path.write_text(bot(action="Look it up first"))
        wait_for("revision 2", lambda: daemon.bot("order-desk")["revision"] == 2)
        wait_for(
            "the new action",
            lambda: daemon.guideline("order-desk.order-status")["action"] == "Look it up first",
        )
        place.write("third.yaml", bot("third", "Third"))
        daemon.wait_synced("third")
        (place.manifests / "third.yaml").unlink()
        gone = f"{daemon.url}/agents/third"
        wait_for("the bot went with its manifest", lambda: httpx.get(gone).status_code == 404)
        assert [a["id"] for a in daemon.get("/agents") if a["id"] != "otto"] == ["order-desk"]
        assert not daemon.get("/guidelines", tag_id="agent:third")


def test_wrong_manifest_is_refused_and_the_good_state_stays(place: Place) -> None:
    path = place.write()
    with place.forked(*PORT) as daemon:
        broken = bot(action="New text").replace("criticality: high", "criticalty: high")
        path.write_text(broken)
        line = 1 + broken[: broken.index("criticalty")].count("\n")
        place_of_fault = f"order-desk.yaml:{line}:7"
        wait_for("the fault is told", lambda: place_of_fault in daemon.output)
        wait_for("status too", lambda: daemon.status["manifests"]["state"] == "Refused")
        assert daemon.guideline("order-desk.order-status")["action"] == "Ask for the number"
        path.write_text(broken.replace("criticalty", "criticality"))
        wait_for(
            "mended",
            lambda: daemon.guideline("order-desk.order-status")["action"] == "New text",
        )


def test_half_written_files_and_bursts_make_one_quiet_import(place: Place) -> None:
    path = place.write()
    with place.forked(*PORT) as daemon:
        whole = bot(action="Written in pieces")
        with path.open("w") as file:
            for start in range(0, len(whole), 100):
                file.write(whole[start : start + 100])
                file.flush()
        (place.manifests / ".order-desk.yaml.swp").write_bytes(b"\x00b0VIM")
        (place.manifests / "order-desk.yaml~").write_text("{half")
        (place.manifests / "4913").write_text("")
        for number in range(20):
            place.write(f"burst-{number}.yaml", bot(f"burst-{number}", f"Burst {number}"))
        daemon.wait_synced("burst-19", "order-desk")
        wait_for("revision 2", lambda: daemon.bot("order-desk")["revision"] == 2)
        assert "refused" not in daemon.output.lower()
        assert daemon.output.count("manifests imported") <= 4
        assert "Traceback" not in daemon.output


def test_an_emptied_folder_deletes_nothing(place: Place) -> None:
    place.write()
    place.write("second.yaml", bot("help-desk", "Help Desk"))
    with place.forked(*PORT, "--interval", "1") as daemon:
        for path in place.manifests.glob("*.yaml"):
            path.unlink()
        wait_for("the guard speaks", lambda: "refused to delete all bots" in daemon.output)
        place.write("third.yaml", bot("third", "Third"))
        daemon.wait_synced("third")
        ids = {a["id"] for a in daemon.get("/agents")}
        assert {"order-desk", "help-desk", "third"} <= ids
        done = place.command("delete", "order-desk", "help-desk", "--yes")
        assert done.returncode == 0, done.stderr
        wait_for(
            "allowed by name",
            lambda: {a["id"] for a in daemon.get("/agents")} - {"otto"} == {"third"},
        )


def test_a_customer_hears_that_no_model_is_configured(place: Place) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        session = daemon.call("POST", "/sessions", {"agent_id": "order-desk"})
        events = f"/sessions/{session['id']}/events"
        said = {"kind": "message", "source": "customer", "message": "Where is my order?"}
        daemon.call("POST", events, said)
        answer = wait_for(
            "an answer",
            lambda: [e for e in daemon.get(events, kinds="message") if e["source"] == "ai_agent"],
        )
        assert "model" in answer[0]["data"]["message"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_frees_the_port(place: Place, number: int) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        port = httpx.URL(daemon.url).port
        assert daemon.signal(number) == 0
        assert daemon.output.splitlines()[-1].endswith("stopped")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        assert "Traceback" not in daemon.output
        assert not (place.folder / ".otto" / "status.json").exists()


def test_a_second_daemon_on_the_same_data_directory_is_refused(place: Place) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        assert daemon.process is not None
        second = place.command("run", *PORT)
        assert second.returncode == 1
        assert f"pid {daemon.process.pid}" in second.stderr
        assert "--data-dir" in second.stderr


def test_a_taken_port_is_said_at_once(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = place.command("run", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_cannot_start_has_changed_nothing(place: Place) -> None:
    place.write()
    (place.folder / "broken.py").write_text("this is no Python\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wrong = {
            "--port": str(taken.getsockname()[1]),
            "--nlp": "nonsense",
            "--tools": "broken.py",
        }
        for option, value in wrong.items():
            done = place.command("run", *PORT, option, value)
            assert done.returncode == 1, (option, done.stderr)
            assert value in done.stderr
            assert "order-desk" not in place.command("get").stdout, option


def test_hangup_looks_at_everything(place: Place) -> None:
    place.write()
    with place.forked(*PORT, "--interval", "3600") as daemon:
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGHUP)
        before = daemon.output.count("SIGHUP")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for("heard", lambda: daemon.output.count("SIGHUP") > before)
        daemon.wait_synced("order-desk")


def test_suspended_bots_are_left_alone_until_resumed(place: Place) -> None:
    place.write()
    with place.forked(*PORT) as daemon:
        assert place.command("suspend", "order-desk").returncode == 0
        wait_for("suspended", lambda: daemon.bot("order-desk")["health"] == "Suspended")
        daemon.call("PATCH", "/agents/order-desk", {"description": "Changed by hand"})
        wait_for("seen", lambda: daemon.bot("order-desk")["sync"] == "OutOfSync")
        assert daemon.get("/agents/order-desk")["description"] == "Changed by hand"
        assert place.command("resume", "order-desk").returncode == 0
        wait_for(
            "healed",
            lambda: (
                daemon.get("/agents/order-desk")["description"] == "Helps customers of Order Desk."
            ),
        )


def test_status_no_longer_written_is_not_taken_for_true(place: Place) -> None:
    place.write()
    path = place.folder / ".otto" / "status.json"

    def age(seconds: float) -> None:
        """As if the daemon had written it so long ago; it writes it anew if it can."""
        status = json.loads(path.read_text(encoding="utf-8"))
        status["heartbeat"]["uptime"] -= seconds
        path.write_text(json.dumps(status), encoding="utf-8")

    with place.forked(*PORT) as daemon:
        assert daemon.process is not None
        pid = daemon.process.pid
        assert place.command("status").returncode == 0
        path.with_suffix(f".{pid}.tmp").mkdir()  # where the daemon makes its drafts
        wait_for("it is said", lambda: "status file cannot be written" in daemon.output)
        age(60)
        done = place.command("status")
        assert done.returncode == 2
        assert f"the daemon (pid {pid}) has said nothing for 6" in done.stdout
        one = place.command("status", "order-desk", "-o", "json")
        assert one.returncode == 2
        assert json.loads(one.stdout)["sync"] == "Unknown"
        assert "has said nothing for" in place.command("diff").stdout
        path.with_suffix(f".{pid}.tmp").rmdir()
        wait_for("it is written", lambda: "status file is written again" in daemon.output)
        assert place.command("status").returncode == 0
        daemon.process.send_signal(signal.SIGSTOP)
        try:
            age(60)
            assert place.command("status").returncode == 2
            path.unlink()
            done = place.command("status")
            assert (done.returncode, "a daemon has the data" in done.stderr) == (1, True)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        wait_for("it writes again", path.exists)
