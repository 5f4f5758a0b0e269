"""What is adopted is declared in full: whatever of it somebody changes is seen, and healed.

Walks the tables of kinds, so that a new field cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.diff import Policy, plan
from otto_reconcile.model import Bot, kinds, snapshot_of
from otto_reconcile.observed import observe
from otto_reconcile.planning.plan import Operation, Plan, Result
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.executor import apply
from otto_reconcile.sources.adoption import Adoptee, find, managed
from tests.parlant_server.rest import Rest

OWN = ["agent:bare"]
LABELS = {"upsert": ["x"]}
EXTRA = {"set": {"added": "by hand"}}
LOOK_UP = {"service_name": "built-in", "tool_name": "look_up"}
HARM: Mapping[str, Mapping[str, Any]] = {
    "agent": {
        "name": "Other",
        "description": "Other",
        "composition_mode": "strict_canned",
        "max_engine_iterations": 9,
        "message_output_mode": "stream",
        "tags": {"add": ["TAG"]},
    },
    "guideline": {
        "condition": "Other",
        "action": "Other",
        "description": "Other",
        "criticality": "high",
        "composition_mode": "strict_canned",
        "enabled": False,
        "priority": 7,
        "labels": LABELS,
        "tags": {"add": ["TAG"]},
        "metadata": EXTRA,
        "tools": {"tool_associations": {"add": [LOOK_UP]}},
    },
    "journey": {"labels": LABELS, "tags": {"add": ["TAG"]}},
    "term": {"name": "Other", "description": "Other", "synonyms": ["s"], "tags": {"add": ["TAG"]}},
    "canned_response": {
        "value": "Other",
        "fields": {"value": "Other", "fields": [{"name": "f", "description": "d", "examples": []}]},
        "tags": {"add": ["TAG"]},
        "metadata": EXTRA,
    },
    "variable": {
        "description": "Other",
        "tool": {"tool_id": LOOK_UP},
        "freshness_rules": "0 8 * * *",
        "tags": {"add": ["TAG"]},
    },
    "capability": {"description": "Other", "signals": ["s"], "tags": {"add": ["TAG"]}},
}  # fmt: skip
"""What is sent for each field: its value, or a whole body where the field has another name."""
BODIES = ("tools", "tool", "fields")
NOT_OVER_REST = {
    "guideline": {"track"},
    "journey": {"title", "description", "conditions", "priority", "composition_mode", "states"},
    "canned_response": {"signals", "field_dependencies", "applies_to", "preamble"},
    "variable": {"name", "values"},  # its name is what it is known by; values have a test below
    "capability": {"title"},
    "relationship": {"kind", "source", "target", "group"},
    "tool_service": {"kind", "url", "source"},  # all required, or never shown
    "customer": {"name", "metadata", "tags"},  # never adopted: others have them too
}
"""Fields that cannot be changed there, or (of a journey) only at the price of the server."""


@pytest.fixture
async def bare(parlant_rest: Rest, parlant_url: str) -> AsyncIterator[tuple[RestPort, Rest, str]]:
    """A bot of others on which nearly all is as a server has it by default; the id of a tag."""
    rest = parlant_rest
    tag = (await rest.post("/tags", name="t"))["id"]
    await rest.post("/agents", id="bare", name="Bare")
    await rest.post("/guidelines", id="bare.g", condition="c", tags=OWN)
    await rest.post("/journeys", id="j", title="J", description="d", conditions=["c"], tags=OWN)
    await rest.post("/terms", id="t", name="T", description="d", tags=OWN)
    await rest.post("/canned_responses", value="v", fields=[], tags=OWN)
    await rest.post("/context-variables", name="v", tags=OWN)
    await rest.post("/capabilities", title="c", description="d", signals=[], tags=OWN)
    port = RestPort.over_http(parlant_url)
    yield port, rest, tag
    await port.close()


async def planned(port: RestPort, adoptee: Adoptee, **policy: Any) -> Plan:
    wanted, ours = snapshot_of(adoptee.bot), managed(adoptee)
    seen = await observe(port, "bare", wanted, ours)
    return plan(wanted, seen, ours, Policy(**policy))


async def harm(rest: Rest, adoptee: Adoptee, tag: str) -> set[tuple[str, str]]:
    """Does each thing on its own, for Parlant refuses some together; gives what was done."""
    paths = {"canned_response": "canned_responses", "variable": "context-variables"}
    paths |= {"capability": "capabilities"}
    done = set()
    for ref, resource in adoptee.observed.items():
        path = f"/{paths.get(ref.kind, f'{ref.kind}s')}/{resource.remote_id}"
        for field, value in HARM[ref.kind].items():
            value = {"add": [tag]} if field == "tags" else value
            await rest.patch(path, **(value if field in BODIES else {field: value}))
            done.add((ref.kind, field))
    return done


def told(found: Plan) -> set[tuple[str, str]]:
    return {(action.ref.kind, change.field) for action in found for change in action.changes}


def test_the_harm_covers_each_field_of_each_kind() -> None:
    for kind in kinds():
        covered = HARM.get(kind.name, {}).keys() | NOT_OVER_REST.get(kind.name, set())
        assert covered == {field.name for field in kind.fields}, kind.name


async def test_each_field_of_what_was_adopted_is_seen_and_healed(
    bare: tuple[RestPort, Rest, str],
) -> None:
    port, rest, tag = bare
    (adoptee,) = (await find(port)).bots
    assert adoptee.left_out == ()
    assert not (await planned(port, adoptee)).acting
    done = await harm(rest, adoptee, tag)
    found = await planned(port, adoptee)
    assert done - told(found) == set()
    reported = {a.ref.kind for a in found if a.operation is Operation.REPORT}
    assert reported == {"guideline", "canned_response"}  # whose metadata got a key
    outcomes = await apply(await planned(port, adoptee, prune_unmanaged=True), port)
    assert {o.result for o in outcomes} == {Result.SUCCEEDED}, [o.error for o in outcomes]
    (again,) = (await find(port)).bots
    assert snapshot_of(again.bot) == snapshot_of(adoptee.bot)


async def test_values_that_others_add_are_reported_but_a_customer_s(
    bare: tuple[RestPort, Rest, str],
) -> None:
    port, rest, _ = bare
    (adoptee,) = (await find(port)).bots
    ((variable,),) = [[r for r in adoptee.observed.values() if r.kind == "variable"]]
    for key in ("DEFAULT", "guest"):
        await rest.put(f"/context-variables/{variable.remote_id}/{key}", data=1)
    (action,) = await planned(port, adoptee)
    assert [change.before for change in action.changes] == [{"default": 1}]
    assert action.operation is Operation.REPORT
    await apply(await planned(port, adoptee, prune_unmanaged=True), port)
    assert not len(await planned(port, adoptee))
    held = await rest.get(f"/context-variables/{variable.remote_id}", include_values="true")
    assert list(held["key_value_pairs"]) == ["guest"]


async def test_the_manifest_of_what_was_adopted_is_the_same_bot(
    bare: tuple[RestPort, Rest, str], tmp_path: Any
) -> None:
    (adoptee,) = (await find(bare[0])).bots
    path = tmp_path / "bare.yaml"
    path.write_text(manifest.dump([adoptee.bot]))
    (loaded,) = manifest.load([path], environ={}).bots
    assert loaded.bot == adoptee.bot
    guideline = {
        "id": "bare.g", "condition": "c", "action": "", "description": "", "enabled": True,
        "criticality": "medium", "composition_mode": "none", "priority": 0, "track": True,
        "labels": [], "tags": [], "metadata": {}, "tools": [],
    }  # fmt: skip
    assert loaded.bot.to_document()["guidelines"] == [guideline]
    assert isinstance(loaded.bot, Bot)
