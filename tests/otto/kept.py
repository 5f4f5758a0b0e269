"""A bot on both sides as others see it: Parlant by plain REST, MongoDB by pymongo alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pymongo

from tests.e2e.harness import Daemon
from tests.otto.shop import There, there

PARTS = {"guidelines": "guideline_id", "journeys": "journey_id"}


@dataclass
class Kept:
    """The collections of one database."""

    uri: str
    database: str

    def _read(self, work: Callable[[Any], Any]) -> Any:
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            return work(client[self.database])

    def rows(self, collection: str, bot_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._read(
            lambda database: list(database[collection].find({"bot_id": bot_id}))
        )
        return found

    def bots(self) -> list[str]:
        """The ids in `bots`, one for each row."""
        return sorted(self._read(lambda d: [row["bot_id"] for row in d["bots"].find()]))

    def events(self, bot_id: str) -> list[tuple[str, str, str | None]]:
        """Type, kind of source and session of each, oldest first."""
        events = sorted(self.rows("events", bot_id), key=lambda event: int(event["revision"]))
        sources = [(event["type"], event["source"]) for event in events]
        return [(kind, source["kind"], source.get("session")) for kind, source in sources]


def whole(daemon: Daemon, kept: Kept, bot_id: str) -> There:
    """What Parlant has of the bot, which is what the collections say: each thing there once."""
    found = there(daemon.url, bot_id)
    (bot,) = kept.rows("bots", bot_id)
    assert (bot["name"], bot["description"]) == (found.name, found.description)
    ids = {name: [row[key] for row in kept.rows(name, bot_id)] for name, key in PARTS.items()}
    assert sorted(ids["guidelines"]) == sorted(found.guidelines)
    assert sorted(ids["journeys"]) == sorted(found.journeys)
    for row in kept.rows("guidelines", bot_id):
        assert found.guidelines[row["guideline_id"]] == (row["condition"], row["action"] or "")
    for row in kept.rows("journeys", bot_id):
        assert found.journeys[row["journey_id"]] == row["title"]
        listed = daemon.get(f"/journeys/{row['journey_id']}")["conditions"]
        texts = [daemon.guideline(condition)["condition"] for condition in listed]
        assert sorted(texts) == sorted(row["conditions"])
    assert sorted(_related(daemon, found)) == sorted(
        (row["kind"], row["source"], row["target"]) for row in kept.rows("relationships", bot_id)
    )
    return found


def nowhere(daemon: Daemon, kept: Kept, bot_id: str) -> None:
    """Neither the bot nor anything of it is on either side."""
    found = there(daemon.url, bot_id)
    assert (bool(found), found.guidelines, found.journeys) == (False, {}, {})
    for collection in ("bots", *PARTS, "tool_mappings", "relationships"):
        assert kept.rows(collection, bot_id) == []


def _related(daemon: Daemon, found: There) -> set[tuple[str, str, str]]:
    """The relationships among the bot's guidelines."""
    related = set()
    for guideline_id in found.guidelines:
        for one in daemon.get(f"/guidelines/{guideline_id}")["relationships"]:
            ends = [one[f"{side}_guideline"]["id"] for side in ("source", "target")]
            related.add((one["kind"], f"guideline:{ends[0]}", f"guideline:{ends[1]}"))
    return related
