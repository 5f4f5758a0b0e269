"""SIGINT and SIGTERM end the process cleanly, whatever it is doing, and leave no port behind."""

from __future__ import annotations

import signal
from collections.abc import Callable

import httpx
import pytest

from tests.server.running import Running, is_free

WITHIN = 15.0
"""Seconds; what waits for a model or a request waits for longer, or for ever."""
Start = Callable[..., Running]


def test_signals_while_serving_then_again_on_the_same_port(start: Start) -> None:
    first = start()
    ready = first.wait_for("ready")
    port = httpx.URL(ready["url"]).port
    assert port is not None
    with first.client() as client:
        assert client.get("/healthz").is_success
        assert first.signal_and_wait(signal.SIGTERM) < WITHIN
    assert first.process.returncode == 0
    assert first.stderr() == ""
    assert is_free(port)
    assert is_free(ready["tool_port"])

    second = start("--port", str(port))
    assert httpx.URL(second.wait_for("ready")["url"]).port == port
    assert second.signal_and_wait(signal.SIGINT) < WITHIN
    assert second.process.returncode == 0
    assert second.stderr() == ""
    assert is_free(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_during_prepare_with_sigint_ignored_by_the_parent(
    start: Start, number: signal.Signals
) -> None:
    ignoring = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
    running = start("--prepare", "hang", prefix=ignoring)
    running.wait_for("preparing")
    assert running.signal_and_wait(number) < WITHIN
    assert running.process.returncode == 0
    assert running.stderr() == ""


def test_while_a_turn_runs_whose_model_cannot_be_cancelled(start: Start) -> None:
    running = start("--nlp", "slow")
    ready = running.wait_for("ready")
    with running.client() as client:
        client.post("/agents", json={"name": "Clerk", "id": "clerk"}).raise_for_status()
        session = client.post("/sessions", json={"agent_id": "clerk"}).json()["id"]
        events = f"/sessions/{session}/events"
        message = {"kind": "message", "source": "customer", "message": "Hello?"}
        client.post(events, json=message).raise_for_status()
        status: dict[str, str | int] = {"kinds": "status", "wait_for_data": 20, "min_offset": 0}
        assert client.get(events, params=status).json()
        assert running.signal_and_wait() < WITHIN
    assert running.process.returncode == 0
    assert is_free(ready["tool_port"])


def test_at_once_after_the_start(start: Start) -> None:
    running = start("--prepare", "hang", anew=True)
    # The handlers are there before Parlant, whose import takes seconds, is loaded.
    parlant_log = running.home / "parlant.log"
    from tests.server.running import until

    until(parlant_log.exists)
    assert running.signal_and_wait() < WITHIN
    assert running.process.returncode == 0


def test_a_failed_prepare_ends_the_server_with_its_error(start: Start) -> None:
    running = start("--prepare", "fail")
    assert running.wait_for("error")["message"] == "the restore failed"
    assert running.process.wait(10) == 1
