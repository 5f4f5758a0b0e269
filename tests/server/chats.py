"""A customer's side of a conversation over REST."""

from __future__ import annotations

import time
from typing import Any

import httpx


def say(
    client: httpx.Client, agent: str, text: str, *, timeout: float = 30
) -> list[dict[str, Any]]:
    """Writes to the agent in a new session; the events of the turn, up to its end."""
    session = client.post("/sessions", json={"agent_id": agent}).raise_for_status().json()["id"]
    message = {"kind": "message", "source": "customer", "message": text}
    client.post(f"/sessions/{session}/events", json=message).raise_for_status()
    deadline = time.monotonic() + timeout
    events: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        events = client.get(
            f"/sessions/{session}/events", params={"min_offset": 0, "wait_for_data": 0}
        ).json()
        if any(_is_end(event) for event in events) and replies(events):
            return events
        time.sleep(0.02)
    raise AssertionError(f"the turn did not end: {events}")


def _is_end(event: dict[str, Any]) -> bool:
    data = event["data"]
    return bool(
        event["kind"] == "status"
        and data["status"] == "ready"
        and data["data"].get("stage") == "completed"
    )


def replies(events: list[dict[str, Any]]) -> list[str]:
    return [
        event["data"]["message"]
        for event in events
        if event["kind"] == "message" and event["source"] == "ai_agent"
    ]


def statuses(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["status"] for event in events if event["kind"] == "status"]
