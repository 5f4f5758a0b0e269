"""What the conversations are about, and a look at what came of them: in Parlant, in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from otto_reconcile.desired import Event
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.store.sqlite import SQLiteStore
from tests.e2e.harness import TLS, Daemon

FACTS = """\
Purpose: Tells customers where their orders are
Scope: Orders of this shop
Target users: Customers of the shop
Use cases: Find an order
Tone: friendly
Personality: calm and quick
Tools: none
Constraints: none
Guardrails: Never promise a date"""


def spec(name: str = "Order Helper", **changes: Any) -> dict[str, Any]:
    """A whole specification as plain data."""
    plain = {
        "name": name,
        "purpose": ["Tells customers where their orders are"],
        "scope": ["Orders of this shop"],
        "target_users": ["Customers"],
        "use_cases": ["Find an order"],
        "tone": ["friendly"],
        "personality": ["calm"],
        "tools": [],
        "constraints": [],
        "guardrails": ["Never promise a date"],
        "guidelines": [
            {"key": "greet", "condition": "The customer greets", "action": "Greet back"},
            {
                "key": "person",
                "condition": "The customer asks for a person",
                "action": "Give the telephone number",
                "criticality": "HIGH",
            },
        ],
        "journeys": [
            {
                "key": "find",
                "title": "Find an order",
                "description": "Ask for the number, look it up.",
                "conditions": ["The customer asks where an order is"],
            }
        ],
        "relationships": [{"type": "PRIORITY", "source": "person", "target": "greet"}],
    }
    return {**plain, **changes}


def pasted(name: str = "Order Helper", **changes: Any) -> str:
    return json.dumps(spec(name, **changes))


@dataclass
class There:
    """What Parlant has of a bot, by plain REST. Falsy if there is no such agent."""

    name: str
    description: str
    guidelines: dict[str, tuple[str, str]]
    journeys: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.name)


def there(url: str, bot_id: str) -> There:
    with httpx.Client(base_url=url, trust_env=False, timeout=30, verify=TLS) as http:
        answer = http.get(f"/agents/{bot_id}")
        agent = answer.json() if answer.is_success else {"name": "", "description": ""}
        tag = {"tag_id": f"agent:{bot_id}"}
        guidelines = http.get("/guidelines", params=tag).json()
        journeys = http.get("/journeys", params=tag).json()
    return There(
        agent["name"],
        agent["description"] or "",
        {g["id"]: (g["condition"], g["action"] or "") for g in guidelines},
        {j["id"]: j["title"] for j in journeys},
    )


def agents(url: str) -> list[str]:
    """The ids of all agents but Otto and Parlant's own."""
    found = httpx.get(f"{url}/agents", trust_env=False, timeout=30, verify=TLS).json()
    return sorted(agent["id"] for agent in found if agent["id"] != "otto")


def kept(daemon: Daemon) -> dict[str, list[Event]]:
    """All revisions of the bots that are wanted, oldest first, from the file of the daemon."""
    folder: Path = daemon.place.folder / ".otto"
    stores = Stores.over(SQLiteStore(folder / "otto.db"))
    try:
        found = stores.desired.read().bots
        return {bot_id: stores.desired.history(bot_id)[::-1] for bot_id in found}
    finally:
        stores.store.close()
