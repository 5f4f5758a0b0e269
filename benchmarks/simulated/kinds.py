"""What the API of Parlant 3.3.2 keeps of each kind, as a table; the rules are in `memory`.

Seen on a running server, whose answers `tests/benchmarks` compares with those of the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = "3.3.2"
TOOLS = ("look_up", "weigh")
"""The tools of every simulated service, `built-in` first of all."""


@dataclass(frozen=True)
class Kind:
    """One kind: `fields` are its defaults when created, by the names that they have on the wire.

    `needed` fields are asked for on creating, `longest` limits some in characters, `fixed` are not
    changed by a PATCH. `taken` is the status for an id that is taken, None where Parlant gives all
    ids. `bound` are the prefixes of tags that name something else than a tag.
    """

    fields: Mapping[str, Any]
    needed: tuple[str, ...]
    longest: Mapping[str, int] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset({"id"})
    taken: int | None = None
    bound: tuple[str, ...] = ("agent:",)
    checks_tags: bool = True
    filtered_by: str = "tag_id"

    @property
    def created(self) -> list[str]:
        return [*self.fields] + (["id"] if self.taken else [])

    @property
    def changed(self) -> list[str]:
        return [name for name in self.fields if name not in self.fixed]


KINDS: Mapping[str, Kind] = {
    "agents": Kind(
        {
            "name": "",
            "description": None,
            "max_engine_iterations": 3,
            "composition_mode": "fluid",
            "message_output_mode": "block",
            "tags": [],
        },
        needed=("name",),
        longest={"name": 100},
        taken=500,
        bound=(),
        filtered_by="",
    ),
    "guidelines": Kind(
        {
            "condition": "",
            "action": None,
            "description": None,
            "criticality": "medium",
            "enabled": True,
            "tags": [],
            "metadata": {},
            "composition_mode": None,
            "track": True,
            "labels": [],
            "priority": 0,
        },
        needed=("condition",),
        fixed=frozenset({"id", "track"}),
        taken=422,
        bound=("agent:", "journey:"),
    ),
    "journeys": Kind(
        {
            "title": "",
            "description": "",
            "conditions": [],
            "tags": [],
            "composition_mode": None,
            "labels": [],
            "priority": 0,
        },
        needed=("title", "description", "conditions"),
        longest={"title": 100},
        taken=500,
        checks_tags=False,
    ),
    "terms": Kind(
        {"name": "", "description": "", "synonyms": [], "tags": []},
        needed=("name", "description"),
        longest={"name": 100},
        taken=422,
    ),
    "canned_responses": Kind(
        {
            "value": "",
            "fields": [],
            "tags": [],
            "signals": [],
            "metadata": {},
            "field_dependencies": [],
        },
        needed=("value", "fields"),
        longest={"value": 10**9},
        fixed=frozenset({"signals", "field_dependencies"}),
        bound=("agent:", "journey:"),
        filtered_by="tags",
    ),
    "context-variables": Kind(
        {"name": "", "description": None, "tool_id": None, "freshness_rules": None, "tags": []},
        needed=("name",),
        longest={"name": 10**9},
    ),
    "capabilities": Kind(
        {"title": "", "description": "", "signals": [], "tags": []},
        needed=("title", "description", "signals"),
        longest={"title": 100},
        bound=("agent:", "journey:"),
    ),
    "customers": Kind(
        {"name": "", "metadata": {}, "tags": []},
        needed=("name",),
        longest={"name": 100},
        taken=500,
        filtered_by="",
    ),
    "tags": Kind({"name": ""}, needed=("name",), longest={"name": 50}, filtered_by="name"),
}
ENDS = tuple(
    f"{side}_{what}" for side in ("source", "target") for what in ("guideline", "tag", "tool")
)


def description() -> dict[str, Any]:
    """The OpenAPI description of these kinds, as far as it says what can be sent to which path."""
    paths: dict[str, Any] = {"/healthz": {"get": {}}, "/services": {"get": {}}}
    for path, kind in KINDS.items():
        change = [*kind.changed, *(["tool_associations"] if path == "guidelines" else [])]
        paths[f"/{path}"] = {"get": {}, "post": _body(kind.created, kind.needed)}
        paths[f"/{path}/{{id}}"] = {"get": {}, "patch": _body(change), "delete": {}}
    paths["/relationships"] = {"get": {}, "post": _body(["kind", *ENDS], ("kind",))}
    paths["/relationships/{id}"] = {"get": {}, "delete": {}}
    paths["/services/{name}"] = {"get": {}, "put": _body(["kind", "sdk", "openapi", "mcp"])}
    paths["/services/{name}"]["delete"] = {}
    paths["/journeys/{id}/mermaid"] = {"get": {}}
    paths["/context-variables/{id}/{key}"] = {"get": {}, "put": _body(["data"]), "delete": {}}
    return {"info": {"title": "Parlant API", "version": VERSION}, "paths": paths}


def _body(names: list[str], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    schema = {"properties": {name: {} for name in names}, "required": [*needed]}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}
