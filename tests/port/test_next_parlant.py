"""The Parlant after 3.3: known by its API, whatever it says of its version. No network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from otto_reconcile.diff import plan
from otto_reconcile.errors import TargetRefused
from otto_reconcile.model import Bot, Ref, Snapshot, snapshot_of
from otto_reconcile.observed import observe
from otto_reconcile.planning.plan import Operation, Result
from otto_reconcile.port.capabilities import UnknownForm, read
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.executor import apply
from otto_reconcile.sources.adoption import find
from tests.parlant_server.next_parlant import DESCRIPTION, NextParlant

WANTED = snapshot_of(
    Bot.from_document(
        {
            "id": "b",
            "name": "B",
            "tags": ["vip"],
            "guidelines": [
                {"id": "b.g", "condition": "c", "action": "a", "labels": ["x"], "enabled": False}
            ],
            "journeys": [
                {"id": "b.j", "title": "J", "description": "d", "conditions": ["one", "two"]}
            ],
            "terms": [{"id": "b.t", "name": "T", "description": "d", "synonyms": ["s"]}],
            "canned_responses": [{"id": "b.c", "value": "v"}],
            "variables": [{"name": "v", "description": "d"}],
            "capabilities": [{"title": "c", "description": "d"}],
        }
    )
)


@pytest.fixture
async def target() -> AsyncIterator[tuple[RestPort, NextParlant]]:
    parlant = NextParlant()
    port = RestPort.over_http("http://127.0.0.1:9")
    port._wire.http._transport = parlant.transport()
    yield port, parlant
    await port.close()


async def converge(port: RestPort) -> list[str]:
    """Does what a daemon would; gives what was done."""
    await port.list_agents()
    seen = await observe(port, "b", WANTED, WANTED)
    outcomes = await apply(plan(WANTED, seen, WANTED), port)
    assert [o.error for o in outcomes if o.result is not Result.SUCCEEDED] == []
    return [f"{o.action.operation} {o.action.ref}" for o in outcomes]


async def test_the_next_parlant_is_converged_and_nothing_differs(
    target: tuple[RestPort, NextParlant],
) -> None:
    port, parlant = target
    assert len(await converge(port)) == len(WANTED)
    assert parlant.faults == []
    journey = parlant.things("journeys")["b.j"]
    texts = [parlant.things("guidelines")[key]["condition"] for key in journey["triggers"]]
    assert texts == ["one", "two"]
    assert await converge(port) == []


async def test_its_triggers_are_healed_and_adopted(target: tuple[RestPort, NextParlant]) -> None:
    port, parlant = target
    await converge(port)
    first = parlant.things("journeys")["b.j"]["triggers"][0]
    parlant.things("guidelines")[first]["condition"] = "other"
    parlant.things("guidelines")["b.g"]["title"] = "Theirs"  # nobody declares it
    assert await converge(port) == ["replace journey/b.j"]
    assert parlant.things("guidelines")["b.g"]["title"] == "Theirs"
    assert parlant.faults == []


@pytest.mark.parametrize(
    ("schema", "change", "said"),
    [
        ("JourneyCreationParamsDTO", {"rename": ("triggers", "signals")}, "neither conditions nor"),
        ("GuidelineCreationParamsDTO", {"require": "scope"}, "guideline: unknown `scope` is requ"),
        ("TermCreationParamsDTO", {"rename": ("name", "word")}, "term: no name"),
        (None, {"path": "/terms/{term_id}"}, r"no DELETE /terms/\*"),
    ],
)
async def test_an_unknown_form_is_refused_before_anything_is_changed(
    target: tuple[RestPort, NextParlant], schema: str | None, change: dict[str, Any], said: str
) -> None:
    port, parlant = target
    assert parlant.description is not None
    if schema is None:
        del parlant.description["paths"][change["path"]]
    else:
        form = parlant.description["components"]["schemas"][schema]
        before, after = change.get("rename", (None, change.get("require")))
        form["properties"][after] = form["properties"].pop(before, {"type": "string"})
        form["required"] = [after if name == before else name for name in form["required"]]
        form["required"] += [after] if before is None else []
    with pytest.raises(TargetRefused, match=said):
        await converge(port)
    with pytest.raises(TargetRefused, match="a form that this version does not know"):
        await port.health()
    assert parlant.calls == []


async def test_a_hidden_description_is_said_and_both_forms_are_sent(
    target: tuple[RestPort, NextParlant],
) -> None:
    port, parlant = target
    parlant.description = None
    assert len(await converge(port)) == len(WANTED)
    assert len(parlant.things("journeys")["b.j"]["triggers"]) == 2
    note = (await port.health()).note
    assert note == "it does not show its /openapi.json: taken for a Parlant 3.3"


async def test_newer_version_with_a_known_api_is_taken_for_what_it_can(
    target: tuple[RestPort, NextParlant],
) -> None:
    port, parlant = target
    assert parlant.description is not None
    parlant.description["info"]["version"] = "4.1.0"
    del parlant.description["components"]["schemas"]["JourneyCreationParamsDTO"]["properties"][
        "priority"
    ]
    del parlant.description["components"]["schemas"]["JourneyUpdateParamsDTO"]["properties"][
        "priority"
    ]
    assert (await port.health()).version == "4.1.0"
    journey = WANTED[Ref("journey", "b.j")]
    urgent = Bot.from_document(
        {"id": "b", "name": "B", "journeys": [{"id": "b.j", "title": "J", "description": "d",
         "conditions": ["one"], "priority": 2}]}
    )  # fmt: skip
    assert await port.unable(journey) is None
    said = await port.unable(snapshot_of(urgent)[Ref("journey", "b.j")])
    assert said == "Parlant 4.1 has no priority of a journey"


async def test_version_older_than_those_known_is_refused_by_number(
    target: tuple[RestPort, NextParlant],
) -> None:
    port, parlant = target
    assert parlant.description is not None
    parlant.description["info"]["version"] = "3.1.4"
    with pytest.raises(TargetRefused, match=r"Parlant 3\.1\.4"):
        await port.list_agents()


def test_all_that_is_unknown_of_an_api_is_told_at_once() -> None:
    with pytest.raises(UnknownForm) as caught:
        read({**DESCRIPTION, "paths": {"/agents": {"get": {}}}})
    assert "no POST /agents" in str(caught.value)
    assert "no PUT /services/*" in str(caught.value)
    assert read({"info": {}}) is None


async def test_bots_of_the_next_parlant_are_adopted(target: tuple[RestPort, NextParlant]) -> None:
    port, _ = target
    await converge(port)
    (adoptee,) = (await find(port)).bots
    assert adoptee.left_out == ()
    assert sorted(adoptee.bot.journeys[0].conditions) == ["one", "two"]
    ours = snapshot_of(adoptee.bot)
    known = Snapshot(WANTED[ref] for ref in WANTED if ref in ours)
    assert not [a for a in plan(ours, adoptee.observed, known) if a.operation is Operation.CREATE]
