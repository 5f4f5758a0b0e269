"""What a simulated Parlant does with one kind alone, when a thing is made or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.simulated.kinds import KINDS
from benchmarks.simulated.memory import Memory, Refused, Row

IN_PLACE = frozenset({"tags", "labels", "metadata", "conditions", "fields"})
"""Fields of which a PATCH says what comes and what goes."""
TAKEN = {
    "guidelines": "Guideline with id '{}' already exists",
    "terms": "Term with ID '{}' already exists",
}


def _make_guideline(memory: Memory, row: Row) -> Row:
    return {
        "enabled": True,  # whatever was asked for
        "action": row["action"] or None,
        "description": row["description"] or None,
    }


def _make_journey(memory: Memory, row: Row) -> Row:
    """Its conditions become guidelines first, also where the journey is then refused."""
    empty = KINDS["guidelines"].fields
    keys = []
    for condition in row["conditions"]:
        guideline = {name: copy_of(value) for name, value in empty.items()}
        guideline["condition"] = condition
        made = memory.new_id("guidelines", guideline)
        keys.append(memory.add("guidelines", {"id": made, **guideline})["id"])
    return {"conditions": keys}


def _make_tag(memory: Memory, row: Row) -> Row:
    if any(other["name"] == row["name"] for other in memory.rows["tags"].values()):
        raise Refused(500)
    return {}


def _make_variable(memory: Memory, row: Row) -> Row:
    if tool := row["tool_id"]:
        memory.tool(f"{tool['service_name']}:{tool['tool_name']}")
    return {}


MAKING: Mapping[str, Callable[[Memory, Row], Row]] = {
    "guidelines": _make_guideline,
    "journeys": _make_journey,
    "tags": _make_tag,
    "context-variables": _make_variable,
}


def _change_variable(row: Row, body: Row) -> None:
    if any(body.get(name) for name in ("name", "description", "tool_id", "freshness_rules")):
        row["freshness_rules"] = body.get("freshness_rules")


def _change_canned_response(row: Row, body: Row) -> None:
    if body.get("fields") and not body.get("value"):
        raise Refused(422, "fields come with a value")
    if body.get("value"):
        row["fields"] = body.get("fields") or []


CHANGING: Mapping[str, Callable[[Row, Row], None]] = {
    "context-variables": _change_variable,
    "canned_responses": _change_canned_response,
}


def refuse_invalid(path: str, body: Row, needed: Sequence[str]) -> None:
    """Raises Refused with 422 for a field that is `needed`, or of another length."""
    longest, faults = KINDS[path].longest, []
    for name in needed:
        if name not in body:
            told = {"type": "missing", "loc": ["body", name], "msg": "Field required"}
            faults.append({**told, "input": body})
    for name in longest.keys() & body.keys():
        if body[name] is not None and not 1 <= len(body[name]) <= longest[name]:
            told = {"type": "string_length", "loc": ["body", name], "input": body[name]}
            faults.append({**told, "msg": f"String should have 1 to {longest[name]} characters"})
    if faults:
        raise Refused(422, faults)


def copy_of(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else value
