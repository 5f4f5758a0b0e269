"""The answers of one simulated Parlant server to calls of its API: no HTTP and no time in here.

One way for all kinds, and the few rules that one kind alone has in `rules`. Not there: states of
journeys, sessions, evaluations, what tool services elsewhere offer, and most refusals of a value
that has the wrong type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from benchmarks.simulated import rules
from benchmarks.simulated.kinds import KINDS, description
from benchmarks.simulated.memory import Absent, Memory, Refused, Row, service
from benchmarks.simulated.relations import Relations

Query: TypeAlias = Mapping[str, Sequence[str]]
DRAWING = "stateDiagram-v2"


class Parlant:
    """`answer` gives status and body; a body that is a text is one on the wire too."""

    def __init__(self) -> None:
        self.memory = Memory()
        self._relations = Relations(self.memory)

    def answer(self, method: str, parts: Sequence[str], query: Query, body: Any) -> tuple[int, Any]:
        """`parts` are those of the path, decoded; `body` is None where there is none."""
        try:
            return self._answer(method, parts, query, body)
        except Refused as refusal:
            if refusal.status == 500:
                return 500, "Internal Server Error"
            return refusal.status, {"detail": refusal.detail}

    def _answer(
        self, method: str, parts: Sequence[str], query: Query, body: Any
    ) -> tuple[int, Any]:
        match (method, *parts):
            case ("GET", "healthz"):
                told = {"status": "healthy", "latency_ms": 0.0}
                return 200, {"status": "healthy", "checks": {"event_loop": told}}
            case ("GET", "openapi.json"):
                return 200, description()
            case (_, "services", *rest):
                return self._service(method, rest, body)
            case (_, "relationships", *rest):
                return self._relations.answer(method, rest, query, body)
            case ("GET", "journeys", identity, "mermaid"):
                self.memory.read("journeys", identity)
                return 200, DRAWING
            case (_, "context-variables", identity, key):
                return self._value(method, identity, key, body)
            case (_, path, *rest) if path in KINDS and len(rest) <= 1:
                return self._plain(method, path, rest, query, body)
        raise Refused(404, "Not Found")

    def _plain(
        self, method: str, path: str, rest: Sequence[str], query: Query, body: Any
    ) -> tuple[int, Any]:
        match (method, *rest):
            case ("GET",):
                return 200, self._listed(path, query)
            case ("POST",):
                return 201, self._create(path, body)
            case ("GET", identity):
                return 200, self._read(path, identity, query)
            case ("PATCH", identity):
                row = self.memory.read(path, identity)
                self._change(path, row, body)
                return 200, self._guideline(row) if path == "guidelines" else row
            case ("DELETE", identity):
                self._delete(path, identity)
                return 204, None
        raise Refused(405, "Method Not Allowed")

    def _listed(self, path: str, query: Query) -> list[Row]:
        by = KINDS[path].filtered_by
        wanted = query.get(by, ()) if by else ()
        if not wanted:
            return [*self.memory.rows[path].values()]
        if by == "name":
            return [row for row in self.memory.rows[path].values() if row["name"] in wanted]
        found = {row["id"]: row for tag in wanted for row in self.memory.tagged(path, tag)}
        return [*found.values()]

    def _read(self, path: str, identity: str, query: Query) -> Any:
        memory = self.memory
        if path == "guidelines":
            if identity not in memory.rows[path]:
                raise Refused(404, "Guideline not found")
            return self._guideline(memory.read(path, identity))
        if path == "context-variables":
            asked = query.get("include_values") != ["false"]
            values = memory.values.get(identity, {}) if asked else None
            return {"context_variable": memory.read(path, identity), "key_value_pairs": values}
        return memory.read(path, identity)

    def _create(self, path: str, body: Row) -> Row:
        kind, memory = KINDS[path], self.memory
        rules.refuse_invalid(path, body, kind.needed)
        tags = [*dict.fromkeys(body.get("tags") or ())]
        for tag in tags:
            memory.check_tag(path, tag)
        row = {name: body[name] for name in kind.fields if body.get(name) is not None}
        row = {**{name: rules.copy_of(value) for name, value in kind.fields.items()}, **row}
        if "tags" in kind.fields:
            row["tags"] = tags
        if path in rules.MAKING:
            row.update(rules.MAKING[path](memory, row))
        taken = body.get("id") if kind.taken else None
        if taken is not None and taken in memory.rows[path]:
            raise Refused(kind.taken or 500, rules.TAKEN.get(path, "").format(taken))
        made = memory.add(path, {"id": memory.new_id(path, row) if taken is None else taken, **row})
        for key in made.get("conditions", ()):
            memory.tag("guidelines", memory.read("guidelines", key), f"journey:{made['id']}")
        return made

    def _change(self, path: str, row: Row, body: Row) -> None:
        """Not atomic: what comes before a refusal is done."""
        rules.refuse_invalid(path, body, ())
        for name in KINDS[path].changed:
            value = body.get(name)
            if value is None or name in rules.IN_PLACE:
                continue
            if value not in ("", []) or (path, name) == ("guidelines", "description"):
                row[name] = value
        if path in rules.CHANGING:
            rules.CHANGING[path](row, body)
        metadata = body.get("metadata") or {}
        if metadata:
            kept = {**row["metadata"], **(metadata.get("set") or {})}
            gone = metadata.get("unset") or ()
            row["metadata"] = {key: value for key, value in kept.items() if key not in gone}
        if path == "guidelines":
            self._change_tools(row["id"], body.get("tool_associations") or {})
        self._change_conditions(row, body.get("conditions") or {})
        tags, labels = body.get("tags") or {}, body.get("labels") or {}
        for tag in tags.get("add") or ():
            self.memory.check_tag(path, tag)
            self.memory.tag(path, row, tag)
        for tag in tags.get("remove") or ():
            self.memory.untag(path, row, tag)
        if labels:
            kept = dict.fromkeys([*row["labels"], *(labels.get("upsert") or ())])
            row["labels"] = [one for one in kept if one not in (labels.get("remove") or ())]

    def _change_tools(self, key: str, change: Row) -> None:
        held = self.memory.tools.setdefault(key, [])
        for tool in change.get("add") or ():
            service, name = tool["service_name"], tool["tool_name"]
            try:
                self.memory.tool(f"{service}:{name}")
            except Absent:
                told = f"Tool not found (service='{service}', tool='{name}') (id='{name}')"
                raise Refused(404, told) from None
            identity = self.memory.new_id(key, service, name)
            held.append({"id": identity, "guideline_id": key, "tool_id": tool})
        for tool in change.get("remove") or ():
            found = next((one for one in held if one["tool_id"] == tool), None)
            if found is None:
                raise Refused(500)
            held.remove(found)

    def _change_conditions(self, row: Row, change: Row) -> None:
        for key in change.get("add") or ():
            row["conditions"] = [*dict.fromkeys([*row["conditions"], key])]
            guideline = self.memory.read("guidelines", key)
            self.memory.tag("guidelines", guideline, f"journey:{row['id']}")
        for key in change.get("remove") or ():
            row["conditions"] = [other for other in row["conditions"] if other != key]
            self._release(key, f"journey:{row['id']}")

    def _release(self, key: str, tag: str) -> None:
        """A condition of a journey goes with it, unless it has other tags."""
        guideline = self.memory.read("guidelines", key)
        if guideline["tags"] == [tag]:
            self.memory.remove("guidelines", key)
        else:
            self.memory.untag("guidelines", guideline, tag)

    def _delete(self, path: str, identity: str) -> None:
        memory = self.memory
        if path == "canned_responses" and identity not in memory.rows[path]:
            return
        row = memory.read(path, identity)
        if path == "guidelines":
            self._forget_guideline(row)
        memory.remove(path, identity)
        if path == "context-variables":
            memory.values.pop(identity, None)
        if path == "journeys":
            for key in row["conditions"]:
                if memory.rows[path]:
                    self._release(key, f"journey:{identity}")
                else:  # asked for the journeys of a condition, Parlant gives all if none has it
                    memory.remove("guidelines", key)

    def _forget_guideline(self, row: Row) -> None:
        self._relations.unbind(row)
        self.memory.tools.pop(row["id"], None)
        for journey in self.memory.rows["journeys"].values():
            if row["id"] in journey["conditions"]:
                journey["conditions"] = [k for k in journey["conditions"] if k != row["id"]]

    def _guideline(self, row: Row) -> Row:
        around = self._relations.around(row["id"], indirect=True)
        return {
            "guideline": row,
            "relationships": [self._relations.shown(one, whole=True) for one in around],
            "tool_associations": self.memory.tools.get(row["id"], []),
        }

    def _value(self, method: str, identity: str, key: str, body: Any) -> tuple[int, Any]:
        self.memory.read("context-variables", identity)
        values = self.memory.values.setdefault(identity, {})
        if method == "PUT":
            modified = datetime.now(UTC).isoformat()
            made = self.memory.new_id(identity, key, body["data"])
            values[key] = {"id": made, "last_modified": modified, "data": body["data"]}
            return 200, values[key]
        if key not in values:
            missing = f"Value not found for variable '{identity}' and key '{key}'"
            raise Refused(404, "Not Found" if method == "GET" else missing)
        if method == "DELETE":
            del values[key]
            return 204, None
        return 200, values[key]

    def _service(self, method: str, rest: Sequence[str], body: Any) -> tuple[int, Any]:
        """What an OpenAPI or MCP service elsewhere has is not asked."""
        services = self.memory.services
        match (method, *rest):
            case ("GET",):
                return 200, [{**one, "tools": None} for one in services.values()]
            case ("PUT", name):
                place = body[body["kind"]]
                services[name] = service(name, body["kind"], place["url"])
                return 200, {**services[name], "tools": None}
            case ("GET" | "DELETE", name) if name not in services:
                raise Absent(name)
            case ("GET", name):
                return 200, services[name]
            case ("DELETE", name):
                del services[name]
                return 204, None
        raise Refused(405, "Method Not Allowed")
