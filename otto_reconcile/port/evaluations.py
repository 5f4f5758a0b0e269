"""Parlant's evaluations: asks for one, and puts what is known of one where it belongs.

`rest` and the adapters call it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from otto_reconcile.errors import NotApplied, OttoError, TemporaryError
from otto_reconcile.model import JSON, Resource, State
from otto_reconcile.model.evaluation import (
    Evaluation,
    EvaluationCheck,
    EvaluationGap,
    Question,
    conditions_of,
    evaluation_in,
    questions_of,
    states_of,
)
from otto_reconcile.model.journey_graph import identity, is_fork
from otto_reconcile.model.reachability import ways_on
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.reader import View
from otto_reconcile.port.session import Wire
from otto_reconcile.port.tools import not_there

LONGEST = 300.0
"""Seconds that an evaluation, which may ask a model nine times, has until it counts as failed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
_LONGEST_REASON = 200
# A traceback is told as Python shows a list of lines: quotes and commas are between them.
_RAISED = re.compile(r"""^(?:['"], ['"])?([A-Za-z_][\w.]*(?:Error|Exception)\b.*)$""", re.MULTILINE)


async def evaluate(wire: Wire, question: Question) -> Evaluation:
    """What Parlant's model says to it. Raises TemporaryError if it says nothing (usable)."""
    made = await wire.call(
        wire.parlant.evaluations.create(payloads=[await _payload(wire, question)])
    )
    pause, left = _FIRST_PAUSE, LONGEST
    while made.status in ("pending", "running"):
        if left <= 0:
            raise TemporaryError(f"the model gave no evaluation within {LONGEST:g} s")
        await asyncio.sleep(pause)
        left, pause = left - pause, min(_LONGEST_PAUSE, 2 * pause)
        call = wire.parlant.evaluations.retrieve(made.id, wait_for_completion=0)
        made = await wire.call(call)
    said = _said(made) if made.status == "completed" else None
    if said is None:
        raise TemporaryError(f"the model gave no evaluation: {_reason(made.error)}")
    return said


async def _payload(wire: Wire, question: Question) -> Any:
    from parlant.client.types import GuidelineContent, GuidelinePayload, Payload, ToolId

    if missing := await wire.tools.missing(question.tools):
        raise not_there(missing.values())
    tools = [ToolId(**await wire.tools.to_wire(tool)) for tool in question.tools]
    return Payload(
        kind="guideline",
        guideline=GuidelinePayload(
            content=GuidelineContent(condition=question.condition, action=question.action),
            tool_ids=tools,
            operation="add",
            action_proposition=True,
            properties_proposition=not question.state,
            journey_node_proposition=question.state,
        ),
    )


def _said(evaluation: Any) -> Evaluation | None:
    for invoice in evaluation.invoices:
        if invoice.approved and invoice.data and invoice.data.guideline:
            said: Evaluation | None = invoice.data.guideline.properties_proposition
            return said
    return None


def _reason(error: str | None) -> str:
    """What was raised first, of the traceback that Parlant gives for a reason."""
    raised = _RAISED.findall((error or "").replace("\\n", "\n"))
    reason = raised[0].strip("',\" ") if raised else "Parlant does not say why"
    return reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…"


async def evaluated(view: View, resources: Iterable[Resource]) -> dict[Question, Evaluation]:
    """What the target has of earlier evaluations of these very texts; it asks no model."""
    found: dict[Question, Evaluation] = {}
    pairs: list[tuple[Question, Any]]
    for resource in resources:
        if resource.kind == "guideline":
            listed = {guideline.id: guideline for guideline in await view.guidelines()}
            guideline = listed.get(resource.key)
            same = _is_same(guideline, resource)
            pairs = [(question, guideline) for question in questions_of(resource) if same]
        else:
            by_text = {g.condition: g for g in await view.conditions(resource.key)}
            asked = conditions_of(resource)
            pairs = [(q, by_text[q.condition]) for q in asked if q.condition in by_text]
        said = ((question, evaluation_in(holder.metadata)) for question, holder in pairs)
        found.update((question, evaluation) for question, evaluation in said if evaluation)
    return found


async def checked(view: View, resources: Sequence[Resource]) -> list[EvaluationCheck]:
    """What is known, beside what is there of it, of what is there as it is wanted.

    What is not there, or not as it is wanted, is left to the next look and counts as not placed.
    """
    found: list[EvaluationCheck] = []
    cache = view.wire.evaluation_cache
    for resource in resources:
        if resource.kind == "guideline":
            listed = {guideline.id: guideline for guideline in await view.guidelines()}
            found += checked_guideline(view.wire, resource, listed.get(resource.key))
        elif keys := view.wire.new_conditions.pop(resource.key, None):
            asked = zip(conditions_of(resource), keys, strict=True)
            checks = (cache.check(resource, question, key, {}) for question, key in asked)
            found += [check for check in checks if check is not None]
        else:
            found += checked_conditions(view.wire, resource, await view.conditions(resource.key))
    return found


def checked_guideline(wire: Wire, resource: Resource, guideline: Any) -> list[EvaluationCheck]:
    """The same of one guideline that was read, at each look; nothing if its text is another."""
    if not wire.evaluation_cache.known or not _is_same(guideline, resource):
        return []
    asked, held = questions_of(resource), guideline.metadata
    cache = wire.evaluation_cache
    checks = (cache.check(resource, question, guideline.id, held) for question in asked)
    return [check for check in checks if check is not None]


def checked_conditions(
    wire: Wire, journey: Resource, guidelines: Iterable[Any]
) -> list[EvaluationCheck]:
    """The same of the conditions of a journey that were read, at each look."""
    by_text = {guideline.condition: guideline for guideline in guidelines}
    asked = [(q, by_text[q.condition]) for q in conditions_of(journey) if q.condition in by_text]
    cache = wire.evaluation_cache
    checks = (cache.check(journey, question, g.id, g.metadata) for question, g in asked)
    return [check for check in checks if check is not None]


async def place(wire: Wire, gap: EvaluationGap) -> None:
    """Closes the gap. Raises NotApplied."""
    await _patch(wire, gap.key, gap.after, gap.before.keys() - gap.after.keys())
    wire.evaluation_cache.place(gap.resource, [gap.question])


def _is_same(guideline: Any, resource: Resource) -> bool:
    if guideline is None:
        return False
    wanted = (resource.spec.get("condition"), resource.spec.get("action") or None)
    return (guideline.condition, guideline.action or None) == wanted


async def place_new_conditions(
    wire: Wire, journey: Resource, keys: Sequence[str], *, later: bool = False
) -> None:
    """Puts what is known on the condition guidelines of a journey made just now, in their order.

    With `later` they are only remembered: it takes a call for each, ever dearer the more guidelines
    there are, and a restore must not wait for that. A failure is no failure of the journey: it is
    tried again.
    """
    wire.new_conditions.pop(journey.key, None)
    if later:
        wire.new_conditions[journey.key] = keys
        return
    for question, key in zip(conditions_of(journey), keys, strict=True):
        if evaluated := wire.evaluation_cache.of(question):
            with suppress(OttoError):
                await _patch(wire, key, evaluated)
                wire.evaluation_cache.place(journey, [question])


def metadata_of_states(wire: Wire, journey: Resource) -> Mapping[str, Mapping[str, JSON]]:
    """What a journey's states are to be told, by their `identity`, by whoever makes it now."""
    states = [State.model_validate(state) for state in journey.spec["states"]]
    ways, asked = ways_on(journey.key, states), states_of(journey)
    told: dict[str, Mapping[str, JSON]] = {}
    for state in states:
        if is_fork(state):
            told |= {own: ways[own] for own in [identity(journey.key, state)] if own in ways}
        if state.id in asked:
            said = wire.evaluation_cache.of(asked[state.id])
            known = {key: value for key, value in said.items() if value is not None}
            own = identity(journey.key, state)
            told[own] = _besides(state.metadata or {}, {**known, **ways[own]})
    wire.evaluation_cache.place(journey, asked.values())
    return told


def _besides(declared: Mapping[str, JSON], told: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """What is told without what a person declared, of Parlant's own `journey_node` key by key."""
    node, own = told["journey_node"], declared.get("journey_node") or {}
    rest = {key: value for key, value in told.items() if key not in declared}
    return {**rest, "journey_node": {key: node[key] for key in node.keys() - own.keys()}}


async def _patch(wire: Wire, key: str, evaluated: Evaluation, unset: Collection[str] = ()) -> None:
    changes = {"set": dict(evaluated), "unset": sorted(unset)}
    metadata: Any = {name: values for name, values in changes.items() if values}
    try:
        call = wire.parlant.guidelines.update(addressed(key), metadata=metadata)
        answer = await wire.call(call, may_fail=True)
    except (Absent, Failed) as error:
        # Applied all the same, if Parlant only failed to show the guideline's relationships.
        if isinstance(error, Absent) and error.item in ("", key):
            raise
        return
    held = answer.guideline.metadata
    lost = [name for name, value in evaluated.items() if held.get(name) != value]
    if lost := sorted([*lost, *(name for name in unset if held.get(name) is not None)]):
        raise NotApplied(f"Parlant accepted metadata of {key} but did not keep: {', '.join(lost)}")
