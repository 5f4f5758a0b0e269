"""What the conversations are about, and a look at what came of them: in Parlant, in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from otto_reconcile.desired import Event
from otto_reconcile.home import prepare
from otto_reconcile.reconcile.world import Stores
from otto_reconcile.store.base import Store
from otto_reconcile.store.sqlite import SQLiteStore
from tests.e2e.harness import Daemon

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
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
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
    found = httpx.get(f"{url}/agents", trust_env=False, timeout=30).json()
    return sorted(agent["id"] for agent in found if agent["id"] != "otto")


def kept(daemon: Daemon) -> Stores:
    """The store of a daemon that keeps a file; close it."""
    folder: Path = daemon.place.folder / ".otto"
    prepare(folder)
    return Stores.over(SQLiteStore(folder / "otto.db"))


def history(store: Store | Daemon, bot_id: str) -> list[Event]:
    """All revisions of a bot, oldest first."""
    stores = kept(store) if isinstance(store, Daemon) else Stores.over(store)
    try:
        return stores.desired.history(bot_id)[::-1]
    finally:
        if isinstance(store, Daemon):
            stores.store.close()


def wanted(daemon: Daemon) -> list[str]:
    """The ids of the bots that are wanted."""
    stores = kept(daemon)
    try:
        return sorted(stores.desired.read().bots)
    finally:
        stores.store.close()
