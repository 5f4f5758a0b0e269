"""A program with a bridge and the real daemon beside it: all that an embedded Parlant has."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.bridge.conftest import TOKEN, bridged
from tests.e2e.harness import ROOT, Daemon, Place, bot, wait_for
from tests.e2e.test_embedded import actions
from tests.parlant_server.process import ParlantProcess
from tests.port.test_only_inside import MANIFEST

MANY = [f"desk-{number:02}" for number in range(24)]
PARTS = {"guidelines": 2, "journeys": 1, "terms": 1}


def write_many(place: Place) -> None:
    place.write("all.yaml", "---\n".join(bot(bot_id, bot_id.title()) for bot_id in MANY))


def chart(daemon: Daemon, key: str) -> str:
    return httpx.get(f"{daemon.url}/journeys/{key}/mermaid", timeout=30).text


def test_what_only_a_host_can_make_is_made(place: Place, host: ParlantProcess) -> None:
    place.write(text=MANIFEST.replace("BOT", "desk"))
    with bridged(place, host) as daemon:
        daemon.wait_synced("desk")
        assert "Take the card" in chart(daemon, "desk.pay")
        canned = {one["value"]: one["tags"] for one in daemon.get("/canned_responses")}
        assert "__preamble__" in canned["One moment"]
        assert any(tag.startswith("journey_node:") for tag in canned["Your card please"])
        assert daemon.get("/own") == {"own": True}
        assert "over its bridge" in place.command("status").stdout
        assert place.command("diff", "--parlant-url", host.url).returncode == 0
        assert place.command("diff", OTTO_BRIDGE_TOKEN="").returncode == 0
        path = str(place.manifests)
        assert place.command("validate", path, "--target", host.url).returncode == 0
    assert TOKEN not in daemon.output
    for path in (place.folder / ".otto").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def test_another_daemon_leaves_what_is_in_place(place: Place, host: ParlantProcess) -> None:
    place.write(text=MANIFEST.replace("BOT", "desk"))
    with bridged(place, host) as daemon:
        daemon.wait_synced("desk")
    before = len(actions(place))
    with bridged(place, host) as daemon:
        daemon.wait_synced("desk")
        assert len(actions(place)) == before
        assert chart(daemon, "desk.pay")
        place.write(text=MANIFEST.replace("BOT", "desk").replace("Take the card", "Take cash"))
        wait_for("the new state", lambda: "Take cash" in chart(daemon, "desk.pay"))
        daemon.wait_synced("desk")


def test_a_diff_with_the_token_waits_for_no_daemon(place: Place) -> None:
    place.write(text=MANIFEST.replace("BOT", "desk"))
    with ParlantProcess("tests.bridge.host", OTTO_BRIDGE_TOKEN=TOKEN, HOLD="600") as host:
        assert place.command("apply", "-f", str(place.manifests)).returncode == 0
        shown = place.command("diff", "--parlant-url", host.url)
        assert (shown.returncode, shown.stderr) == (2, "")
        assert "+ create agent desk" in shown.stdout
        assert httpx.get(f"{host.url}/healthz").is_success


def test_what_is_deleted_is_healed_at_once(place: Place, host: ParlantProcess) -> None:
    place.write()
    with bridged(place, host) as daemon:
        daemon.wait_synced("order-desk")
        wait_for("a restore that is over", lambda: "restored" in daemon.status["restore"])
        for path in ("/guidelines/order-desk.small-talk", "/journeys/order-desk.return-item"):
            daemon.call("DELETE", path)
            started = time.monotonic()
            wait_for("back", lambda path=path: httpx.get(f"{daemon.url}{path}").is_success, 5)
            assert time.monotonic() - started < 5
        stray = daemon.call("POST", "/guidelines", {"condition": "x", "tags": []})["id"]
        told = f"guideline {stray} "
        wait_for("what reaches all", lambda: told in str(daemon.status["reaching"]))


def test_a_crashed_host_is_restored_and_shows_no_half(place: Place, host: ParlantProcess) -> None:
    write_many(place)
    with bridged(place, host) as daemon:
        daemon.wait_synced(*MANY)
        host.stop()
        wait_for("it is away", lambda: daemon.status["target"]["state"] == "Unavailable")
        host.start()

        def seen(bot_id: str) -> dict[str, int]:
            session = answered(host, "POST", "/sessions", {"agent_id": bot_id})
            assert session["agent_id"] == bot_id
            query = f"?tag_id=agent:{bot_id}"
            return {kind: len(answered(host, "GET", f"/{kind}{query}")) for kind in PARTS}

        with ThreadPoolExecutor(6) as pool:
            asked = [MANY[place] for place in (23, 12, 22, 1, 17, 7)]
            listed = pool.submit(answered, host, "GET", "/agents")
            assert [*pool.map(seen, asked)] == [PARTS] * len(asked)
            assert {one["id"] for one in listed.result()} >= set(MANY)
        daemon.wait_synced(*MANY)
        assert daemon.output.count("restore complete") == 2
        used = place.folder / ".otto" / "used.json"
        wait_for("their use", lambda: set(json.loads(used.read_text())) >= set(asked))


def test_a_kept_conversation_goes_on_with_a_whole_bot(place: Place) -> None:
    write_many(place)
    with (
        ParlantProcess("tests.bridge.host", OTTO_BRIDGE_TOKEN=TOKEN, SESSIONS="local") as host,
        bridged(place, host) as daemon,
    ):
        daemon.wait_synced(*MANY)
        session = answered(host, "POST", "/sessions", {"agent_id": MANY[-1]})
        host.restart()
        message = {"kind": "message", "source": "customer", "message": "Hello"}
        answered(host, "POST", f"/sessions/{session['id']}/events", message)
        assert there(host, MANY[-1]) == 2


def there(host: ParlantProcess, bot_id: str) -> int:
    """How many guidelines of a bot are there now: asked as by the daemon, whom no gate holds."""
    token = {"Authorization": f"Bearer {TOKEN}"}
    own = httpx.get(f"{host.url}/otto-reconcile/v1/", headers=token).json()["run_header"]
    listed = httpx.get(f"{host.url}/guidelines?tag_id=agent:{bot_id}", headers=own, timeout=30)
    return len(listed.json())


def answered(host: ParlantProcess, method: str, path: str, body: object = None) -> Any:
    """As a client does it: what is answered 503 is asked again when it says so."""
    while True:
        answer = httpx.request(method, f"{host.url}{path}", json=body, timeout=60)
        if answer.status_code != 503:
            return answer.raise_for_status().json()
        assert "detail" in answer.json()
        time.sleep(float(answer.headers["retry-after"]))


def test_the_line_itself_costs_no_import_of_parlant() -> None:
    code = (
        "import sys; from otto_reconcile.bridge import bridge; bridge('x' * 16);"
        "print({'parlant', 'starlette', 'fastapi', 'httpx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")


def test_agents_of_the_program_wait_for_no_daemon(host: ParlantProcess) -> None:
    started = time.monotonic()
    own = httpx.post(f"{host.url}/sessions", json={"agent_id": "tool-holder"}, timeout=30)
    assert own.status_code == 201
    listed = httpx.get(f"{host.url}/guidelines?tag_id=agent:tool-holder", timeout=30)
    assert len(listed.json()) == 1
    assert time.monotonic() - started < 10
    assert httpx.get(f"{host.url}/healthz").is_success


def test_nobody_waits_for_ever_for_a_daemon() -> None:
    with ParlantProcess("tests.bridge.host", OTTO_BRIDGE_TOKEN=TOKEN, HOLD="3") as host:
        asked = httpx.post(f"{host.url}/sessions", json={"agent_id": "nobody"}, timeout=60)
        assert asked.status_code == 404
        assert httpx.get(f"{host.url}/agents").is_success


def test_a_daemon_killed_in_a_restore_goes_on_later(place: Place, host: ParlantProcess) -> None:
    write_many(place)
    daemon = bridged(place, host).start()
    wait_for("some are there", lambda: 3 < made(place) < len(MANY))
    daemon.kill()
    left = httpx.post(f"{host.url}/sessions", json={"agent_id": MANY[-1]}, timeout=60)
    assert left.status_code == 503
    assert "being restored: " in left.json()["detail"]
    with bridged(place, host) as daemon:
        session = answered(host, "POST", "/sessions", {"agent_id": MANY[-1]})
        assert session
        query = f"?tag_id=agent:{MANY[-1]}"
        counts = {kind: len(answered(host, "GET", f"/{kind}{query}")) for kind in PARTS}
        assert counts == PARTS
        daemon.wait_synced(*MANY)
        assert {one["id"] for one in answered(host, "GET", "/agents")} >= set(MANY)


def made(place: Place) -> int:
    return sum(one["kind"] == "agent" for one in actions(place, "--limit", "1000"))


@pytest.mark.parametrize(
    ("token", "said"),
    [("another-token-altogether", "does not take this token"), ("", "cannot be made")],
)
def test_another_token_or_none_is_told(
    place: Place, host: ParlantProcess, token: str, said: str
) -> None:
    place.write(text=MANIFEST.replace("BOT", "desk"))
    path = str(place.manifests)
    found = place.command("validate", path, "--target", host.url, OTTO_BRIDGE_TOKEN=token)
    with bridged(place, host, OTTO_BRIDGE_TOKEN=token) as daemon:
        if token:
            assert daemon.status["target"]["state"] == "Unavailable"
            assert said in daemon.status["target"]["message"]
            assert "Traceback" not in daemon.output
            assert token not in daemon.output
            assert place.command("status").returncode == 2
        else:  # the gate waits for a daemon with the token; what is made is made over the API
            assert found.returncode == 1
            assert said in found.stderr
            assert "otto_reconcile.bridge" in found.stderr


def test_a_parlant_without_a_bridge_is_told(place: Place, parlant_process: ParlantProcess) -> None:
    parlant_process.restart()
    place.write()
    with bridged(place, parlant_process) as daemon:
        assert daemon.status["target"]["state"] == "Unavailable"
        assert "there is no bridge in the Parlant at" in daemon.status["target"]["message"]
        assert "Traceback" not in daemon.output
        done = place.command("diff", "--parlant-url", parlant_process.url)
        assert done.returncode == 1
        assert "there is no bridge" in done.stderr


def test_a_token_beside_an_embedded_parlant_is_refused(place: Place) -> None:
    done = place.command("run", "--nlp", "offline")
    assert done.returncode == 1
    assert "OTTO_BRIDGE_TOKEN is for a Parlant elsewhere" in done.stderr
