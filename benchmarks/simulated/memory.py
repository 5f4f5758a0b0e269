"""What one simulated Parlant server holds, by kind: rows, by which tag they are found, new ids."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from benchmarks.simulated.kinds import KINDS, TOOLS

Row: TypeAlias = dict[str, Any]


class Refused(Exception):
    """A status and its detail; with 500 Parlant says nothing but that it failed."""

    def __init__(self, status: int, detail: Any = None) -> None:
        super().__init__(status, detail)
        self.status, self.detail = status, detail


class Absent(Refused):
    def __init__(self, identity: str) -> None:
        super().__init__(404, f"Item '{identity}' not found")


class Memory:
    """Rows as they are on the wire. Its methods raise Refused as Parlant refuses.

    `relationships` have their ends as pairs of what it is and its id, `tools` are by guideline and
    `values` by variable.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {path: {} for path in KINDS}
        self._by_tag: dict[str, dict[str, dict[str, None]]] = {path: {} for path in KINDS}
        self.relationships: dict[str, Row] = {}
        self.tools: dict[str, list[Row]] = {}
        self.values: dict[str, dict[str, Row]] = {}
        self.services: dict[str, Row] = {"built-in": service("built-in", "sdk", "http://127.0.0.1")}
        self._made: Counter[str] = Counter()
        self.add("customers", {"id": "guest", "name": "Guest", "metadata": {}, "tags": []})

    def new_id(self, *content: Any) -> str:
        """As Parlant's: of the content and its number, so that ids repeat after a restart."""
        text = json.dumps(content, sort_keys=True, default=str)
        self._made[text] += 1
        return hashlib.md5(f"{text}-{self._made[text]}".encode()).hexdigest()[:10]

    def add(self, path: str, row: Row) -> Row:
        if path in ("customers", "canned_responses"):
            row["creation_utc"] = datetime.now(UTC).isoformat()
        self.rows[path][row["id"]] = row
        for tag in row.get("tags", ()):
            self._by_tag[path].setdefault(tag, {})[row["id"]] = None
        return row

    def read(self, path: str, identity: str) -> Row:
        try:
            return self.rows[path][identity]
        except KeyError:
            raise Absent(identity) from None

    def remove(self, path: str, identity: str) -> None:
        row = self.read(path, identity)
        for tag in row.get("tags", ()):
            self._by_tag[path][tag].pop(identity, None)
        del self.rows[path][identity]

    def tagged(self, path: str, tag: str) -> Iterator[Row]:
        return (self.rows[path][identity] for identity in self._by_tag[path].get(tag, ()))

    def tag(self, path: str, row: Row, tag: str) -> None:
        if tag not in row["tags"]:
            row["tags"] = [*row["tags"], tag]
            self._by_tag[path].setdefault(tag, {})[row["id"]] = None

    def untag(self, path: str, row: Row, tag: str) -> None:
        if tag not in row["tags"]:
            raise Absent(tag)
        row["tags"] = [other for other in row["tags"] if other != tag]
        self._by_tag[path][tag].pop(row["id"], None)

    def check_tag(self, path: str, tag: str) -> None:
        """Raises Absent for what is no tag there, and no agent or journey that this kind binds."""
        if not KINDS[path].checks_tags:
            return
        for prefix in KINDS[path].bound:
            if tag.startswith(prefix):
                self.read(f"{prefix[:-1]}s", tag.removeprefix(prefix))
                return
        self.read("tags", tag)

    def end(self, what: str, identity: str) -> Row:
        """The end of a relationship, as a relationship shows it. Raises Refused."""
        if what == "tool":
            return self.tool(identity)
        if what == "guideline":
            return self.read("guidelines", identity)
        for prefix, path, name in (("agent:", "agents", "name"), ("journey:", "journeys", "title")):
            if identity.startswith(prefix):
                row = self.read(path, identity.removeprefix(prefix))
                return {"id": identity, "name": row[name]}
        return self.read("tags", identity)

    def tool(self, identity: str) -> Row:
        """Of `service:tool`."""
        name, _, tool = identity.partition(":")
        if name not in self.services:
            raise Absent(name)
        found: Row | None = next(
            (one for one in self.services[name]["tools"] if one["name"] == tool), None
        )
        if found is None:
            raise Absent(tool)
        return found

    def counts(self) -> Mapping[str, int]:
        found = {path: len(rows) for path, rows in self.rows.items()}
        return {**found, "relationships": len(self.relationships), "services": len(self.services)}


def service(name: str, kind: str, url: str) -> Row:
    parameters = {"number": {"type": "string", "description": None, "enum": None}}
    told = {"creation_utc": datetime.now(UTC).isoformat(), "description": "", "required": []}
    tools = [{"name": tool, **told, "parameters": parameters} for tool in TOOLS]
    return {"name": name, "kind": kind, "url": url, "tools": tools}
