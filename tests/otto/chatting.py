"""A customer's side of a conversation with Otto, over the chat API of a running daemon."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.e2e.harness import TLS

TURN = 60.0
"""Seconds that a turn may take on a busy machine."""


def customer(url: str, name: str) -> str:
    """The id of a new customer whom Parlant knows."""
    answer = httpx.post(f"{url}/customers", json={"name": name}, timeout=30, verify=TLS)
    return str(answer.raise_for_status().json()["id"])


class Chat:
    """One session, of a guest unless a customer is named; `say` gives what Otto answers."""

    def __init__(self, url: str, agent: str = "otto", customer: str | None = None) -> None:
        self._url, self._offset = url, 0
        self.events: list[dict[str, Any]] = []
        self.session: str = self._call(
            "POST", "/sessions", json={"agent_id": agent, "customer_id": customer}
        )["id"]

    def _call(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self._url}{path}"
        answer = httpx.request(method, url, trust_env=False, timeout=30, verify=TLS, **more)
        return answer.raise_for_status().json()

    def begin(self, text: str) -> None:
        """Writes, and waits for nothing."""
        body = {"kind": "message", "source": "customer", "message": text}
        self._call("POST", f"/sessions/{self.session}/events", json=body)

    def begin_and_wait_for(self, status: str, text: str) -> None:
        """Writes, and waits until the turn is so far."""
        self.begin(text)
        deadline = time.monotonic() + TURN
        while not any(event["data"].get("status") == status for event in self._since()):
            assert time.monotonic() < deadline, f"the turn did not come to {status!r}"
            time.sleep(0.05)

    def _since(self) -> list[dict[str, Any]]:
        """What came after the last turn that ended; the customer's own message is the first."""
        params = {"min_offset": self._offset, "wait_for_data": 0}
        events: list[dict[str, Any]] = self._call(
            "GET", f"/sessions/{self.session}/events", params=params
        )
        return events

    def say(self, text: str) -> str:
        """What Otto answers in this turn; "" if it says nothing."""
        self.begin(text)
        deadline = time.monotonic() + TURN
        while time.monotonic() < deadline:
            events = self._since()
            if _ended(events):
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


def _ended(events: list[dict[str, Any]]) -> bool:
    """True if the turn of the last message is over; one that it interrupted ends after it too."""
    begun = over = False
    for event in events:
        data = event["data"]
        if event["kind"] == "message" and event["source"] == "customer":
            begun = over = False
        elif event["kind"] == "status" and data["status"] == "acknowledged":
            begun = True
        elif event["kind"] == "status" and data["status"] == "ready":
            over = begun and (data.get("data") or {}).get("stage") == "completed"
    return over
