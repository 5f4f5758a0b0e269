"""An embedded server as a user meets it: default stores, no noise, clear answers and errors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.server.chats import replies, say, statuses
from tests.server.running import ROOT, START, Running

Start = Callable[..., Running]


def test_the_container_holds_what_a_plain_server_does(offline: Running, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        tool_port = probe.getsockname()[1]
    plain = subprocess.run(
        [sys.executable, "-m", "tests.server.containers", str(tool_port)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PARLANT_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=START,
        check=True,
    )
    expected = json.loads(plain.stdout.splitlines()[-1])
    assert offline.wait_for("preparing")["contents"] == expected
    assert "SessionDocumentStore of" in expected["parlant.core.sessions.SessionStore"]


def test_everything_of_parlant_is_in_its_home(offline: Running) -> None:
    offline.wait_for("ready")
    assert list(offline.cwd.iterdir()) == []
    assert (offline.home / "parlant.log").exists()
    assert offline.stderr() == ""
    assert not [said for said in offline.said if said["event"] == "noise"]


@pytest.mark.parametrize("mode", [None, "canned_fluid", "composited_canned", "strict_canned"])
def test_without_a_model_a_customer_is_told_so(offline: Running, mode: str | None) -> None:
    with offline.client() as client:
        agent = {"name": "Clerk", "description": "Helps."}
        if mode:
            agent["composition_mode"] = mode
        agent_id = client.post("/agents", json=agent).raise_for_status().json()["id"]
        events = say(client, agent_id, "Where is my order?")
    assert len(replies(events)) == 1
    assert "No language model is configured" in replies(events)[0]
    assert "OPENAI_API_KEY" in replies(events)[0]
    assert "error" not in statuses(events)


def test_a_model_that_fails_is_an_answer_and_one_line_in_the_log(start: Start) -> None:
    running = start("--nlp", "failing")
    with running.client() as client:
        for mode in ("fluid", "canned_fluid", "strict_canned"):
            agent = {"name": "Clerk", "id": f"clerk-{mode}", "composition_mode": mode}
            client.post("/agents", json=agent).raise_for_status()
            guideline = {"condition": "Always", "action": "Help", "tags": [f"agent:clerk-{mode}"]}
            client.post("/guidelines", json=guideline).raise_for_status()
            events = say(client, f"clerk-{mode}", "Where is my order?", timeout=60)
            assert "could not answer" in replies(events)[-1]
            assert "secret-detail" not in json.dumps(events)
    running.signal_and_wait()
    logged = running.everything("log")
    lines = [said["text"] for said in logged if said["level"] == "ERROR"]
    assert len(lines) == 3
    for line in lines:
        assert "quota exceeded" in line
        assert "\n" not in line
        assert "\x1b" not in line
    assert running.stderr() == ""


def test_a_taken_port_is_named_before_parlant_is_imported(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = start("--port", str(port), anew=True)
        error = running.wait_for("error")
    assert error["type"] == "SettingsError"
    assert error["message"] == f"port {port} is taken"
    assert "--port" in error["hint"]
    assert not running.home.exists()


def test_a_wrong_service_name_lists_the_right_ones(start: Start) -> None:
    error = start("--nlp", "opnai").wait_for("error")
    assert error["type"] == "SettingsError"
    assert "--nlp opnai" in error["message"]
    for name in ("anthropic", "azure", "gemini", "offline", "ollama", "openai"):
        assert name in error["hint"]


@pytest.mark.parametrize(
    ("name", "words"), [("openai", "OPENAI_API_KEY"), ("gemini", "pip install 'parlant[gemini]'")]
)
def test_a_service_without_its_key_or_package_says_what_to_do(
    start: Start, name: str, words: str
) -> None:
    running = start("--nlp", name)
    error = running.wait_for("error")
    assert error["type"] == "SettingsError"
    assert f"--nlp {name}" in error["message"]
    assert words in error["message"] + error["hint"]
    assert "offline" in error["hint"]
    assert running.process.wait(10) == 1
    assert running.stderr() == ""


def test_a_home_that_cannot_be_written_is_an_error_that_names_it(start: Start) -> None:
    running = start("--home", "/proc/otto")
    error = running.wait_for("error")
    assert error["type"] == "SettingsError"
    assert "/proc/otto" in error["message"]
    assert "--data-dir" in error["hint"]


def test_the_production_policy_of_parlant_is_refused(start: Start) -> None:
    error = start(environ={"PARLANT_ENV": "production"}).wait_for("error")
    assert error["type"] == "SettingsError"
    assert "PARLANT_ENV" in error["message"]


def test_the_port_is_on_loopback_only(offline: Running) -> None:
    port = httpx.URL(offline.wait_for("ready")["url"]).port
    assert port is not None
    with socket.socket() as other:
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", port)) != 0
