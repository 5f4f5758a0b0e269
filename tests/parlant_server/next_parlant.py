"""A stand-in for the Parlant after 3.3, which cannot be had yet: its API, and nothing behind it.

Every request is checked against the public description of that API (`next_openapi.json`, the calls
and schemas of requests alone), and a field that this does not name is a fault too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import jsonschema

DESCRIPTION = json.loads((Path(__file__).parent / "next_openapi.json").read_text())
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "agents": {
        "description": None, "max_engine_iterations": 3, "composition_mode": "fluid",
        "message_output_mode": "block",
    },
    "guidelines": {
        "action": None, "description": None, "title": None, "criticality": "medium",
        "composition_mode": None, "enabled": True, "priority": 0, "track": True, "labels": [],
        "metadata": {},
    },
    "journeys": {"composition_mode": None, "labels": [], "priority": 0},
    "terms": {"synonyms": []},
    "canned_responses": {
        "creation_utc": "2026-01-01T00:00:00Z", "signals": [], "metadata": {},
        "field_dependencies": [],
    },
    "context-variables": {"description": None, "tool_id": None, "freshness_rules": None},
    "capabilities": {"signals": []},
}  # fmt: skip


class NextParlant:
    """`transport()` answers; `calls` are those that change something, `description` may be None."""

    def __init__(self) -> None:
        self.description: dict[str, Any] | None = deepcopy(DESCRIPTION)
        self.calls: list[str] = []
        self.faults: list[str] = []
        self.held: dict[str, dict[str, dict[str, Any]]] = {}

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def things(self, name: str) -> dict[str, dict[str, Any]]:
        return self.held.setdefault(name, {})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        name, _, key = request.url.path.strip("/").partition("/")
        if name == "openapi.json":
            hidden = httpx.Response(500, text="Internal Server Error")
            return (
                hidden if self.description is None else httpx.Response(200, json=self.description)
            )
        if name == "healthz":
            checks = {"event_loop": {"status": "healthy", "latency_ms": 1.0}}
            return httpx.Response(200, json={"instance_id": "i1", "status": "ok", "checks": checks})
        if key.endswith("/mermaid"):
            return httpx.Response(200, text="stateDiagram-v2\n")
        if name == "services" or name == "relationships":
            return httpx.Response(200, json=[])
        body = json.loads(request.content) if request.content else None
        if request.method != "GET":
            self.calls.append(f"{request.method} {request.url.path}")
        if body is not None and (wrong := self._wrong(request, name, key, body)):
            self.faults += wrong
            return httpx.Response(422, json={"detail": "; ".join(wrong)})
        if key and key not in self.things(name):
            return httpx.Response(404, json={"detail": f"Item '{key}' not found"})
        return self._done(request, name, key, body)

    def _wrong(self, request: httpx.Request, name: str, key: str, body: Any) -> list[str]:
        path = next(
            p
            for p in DESCRIPTION["paths"]
            if re.fullmatch(rf"/{name}" + r"/\{\w+\}" * bool(key), p)
        )
        call = DESCRIPTION["paths"][path][request.method.lower()]
        schema = call["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": DESCRIPTION["components"]}
        found = jsonschema.Draft202012Validator(whole).iter_errors(body)
        known = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]][
            "properties"
        ]
        extra = [f"{request.method} {path}: unknown {n}" for n in body if n not in known]
        # Parlant ignores what it does not know; where it is hidden we may send both forms.
        return [e.message for e in found] + (extra if self.description is not None else [])

    def _done(self, request: httpx.Request, name: str, key: str, body: Any) -> httpx.Response:
        things = self.things(name)
        if request.method == "POST":
            made = {**DEFAULTS.get(name, {}), "tags": [], **body}
            made.setdefault("id", f"{name}-{len(things)}")
            if name == "journeys":
                made.pop("conditions", None)
                made["triggers"] = [self._trigger(made["id"], text) for text in body["triggers"]]
            things[made["id"]] = made
            return httpx.Response(201, json=made)
        if request.method == "DELETE":
            gone = things.pop(key)
            for trigger in gone.get("triggers", ()):
                self.things("guidelines").pop(trigger, None)
            return httpx.Response(204)
        if request.method == "PATCH":
            _patch(things[key], body)
        if key:
            one = things[key]
            wrapped = {
                "guidelines": {"guideline": one, "relationships": [], "tool_associations": []},
                "context-variables": {"context_variable": one, "key_value_pairs": {}},
            }
            whole = request.method == "PATCH" and name == "context-variables"
            return httpx.Response(200, json=one if whole else wrapped.get(name, one))
        tag = request.url.params.get("tag_id") or request.url.params.get("tags")
        named = request.url.params.get("name")
        listed = [t for t in things.values() if tag in (None, *t.get("tags", ()))]
        return httpx.Response(200, json=[t for t in listed if named in (None, t.get("name"))])

    def _trigger(self, journey: str, text: str) -> str:
        guidelines = self.things("guidelines")
        key = f"t{len(guidelines)}"
        tags = [f"journey:{journey}"]
        guidelines[key] = {**DEFAULTS["guidelines"], "id": key, "condition": text, "tags": tags}
        return key


def _patch(thing: dict[str, Any], body: Mapping[str, Any]) -> None:
    for field, value in body.items():
        if isinstance(value, dict) and value.keys() <= {"add", "remove", "upsert"}:
            lost = set(value.get("remove") or ())
            kept = [one for one in thing.get(field, []) if one not in lost]
            gained = [*(value.get("add") or ()), *(value.get("upsert") or ())]
            thing[field] = kept + [one for one in gained if one not in kept]
        elif isinstance(value, dict) and value.keys() <= {"set", "unset"}:
            thing[field] = {**thing[field], **(value.get("set") or {})}
            for name in value.get("unset") or ():
                thing[field].pop(name, None)
        else:
            thing[field] = value
