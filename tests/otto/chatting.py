"""A customer's side of a conversation with Otto, over the chat API of a running daemon."""

from __future__ import annotations

import time
from typing import Any

import httpx

TURN = 60.0
"""Seconds that a turn may take on a busy machine."""


class Chat:
    """One session; `say` gives what Otto answers."""

    def __init__(self, url: str, agent: str = "otto") -> None:
        self._url, self._offset = url, 0
        self.events: list[dict[str, Any]] = []
        self.session: str = self._call("POST", "/sessions", json={"agent_id": agent})["id"]

    def _call(self, method: str, path: str, **more: Any) -> Any:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as http:
            return http.request(method, path, **more).raise_for_status().json()

    def begin(self, text: str) -> None:
        """Writes, and waits for nothing."""
        body = {"kind": "message", "source": "customer", "message": text}
        self._call("POST", f"/sessions/{self.session}/events", json=body)

    def say(self, text: str) -> str:
        """What Otto answers in this turn; "" if it says nothing."""
        self.begin(text)
        deadline = time.monotonic() + TURN
        while time.monotonic() < deadline:
            # The customer's own message is the first; what the turn emits comes after it.
            params = {"min_offset": self._offset, "wait_for_data": 0}
            events = self._call("GET", f"/sessions/{self.session}/events", params=params)
            if any(_ends(event) for event in events):
                return self._taken(events)
            time.sleep(0.05)
        raise AssertionError(f"the turn did not end: {events}")

    def _taken(self, events: list[dict[str, Any]]) -> str:
        self._offset = max(event["offset"] for event in events) + 1
        self.events += events
        errors = [event for event in events if event["data"].get("status") == "error"]
        assert not errors, errors
        said = (e for e in events if e["kind"] == "message" and e["source"] == "ai_agent")
        return " ".join(text for event in said if (text := event["data"]["message"]))


def _ends(event: dict[str, Any]) -> bool:
    data = event["data"]
    ready = event["kind"] == "status" and data["status"] == "ready"
    return bool(ready and (data.get("data") or {}).get("stage") == "completed")
