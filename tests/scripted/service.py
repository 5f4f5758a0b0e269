"""A language model that follows a script, so that Parlant's real engine runs a conversation.

A `Mind` decides what a model would: which guidelines apply, which tools are called with what, what
is said. All is read from the prompt's parts as Parlant hands them over; from its text only what is
nowhere else: a journey's title and the conditions under which it goes on.

    factory = service(MyMind)      for `otto-reconcile run --nlp tests.scripted.otto:factory`

A mind that is a `Walker` too decides where a journey of any shape goes next.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, get_args, runtime_checkable

from parlant.core.engines.alpha.prompt_builder import BuiltInSection
from parlant.core.nlp.generation import T
from parlant.core.nlp.generation_info import GenerationInfo, UsageInfo
from parlant.sdk import (
    NLPService,
    PromptBuilder,
    SchematicGenerationResult,
    SchematicGenerator,
    SchematicGeneratorHints,
)

from otto_reconcile.server.offline_nlp import OfflineGenerator, OfflineService


@dataclass(frozen=True)
class Turn:
    """What a model sees: the agent's name, what was said (who, text), what tools answered now."""

    agent: str
    said: tuple[tuple[str, str], ...]
    results: tuple[Mapping[str, Any], ...]
    earlier: tuple[Mapping[str, Any], ...] = ()
    """What tools answered in the turns before."""
    guided: tuple[str, ...] = ()
    """While it speaks: the actions of the guidelines and journey steps that are in force."""

    @property
    def last(self) -> str:
        """The customer's last message."""
        return next((text for who, text in reversed(self.said) if who == "user"), "")

    @property
    def before(self) -> str:
        """What the agent said last."""
        return next((text for who, text in reversed(self.said) if who == "ai_agent"), "")


class Interrupted(Exception):
    """Raised by `says` where the model is still at it when the customer writes again."""


class Mind(Protocol):
    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool: ...

    def calls(self, tool: str, turn: Turn) -> Sequence[Mapping[str, str]]: ...

    def goes_on(self, journey: str, turn: Turn) -> bool: ...

    def says(self, turn: Turn) -> str: ...


@runtime_checkable
class Walker(Protocol):
    def chooses(self, journey: str, conditions: Mapping[str, str], turn: Turn) -> str:
        """A key of `conditions` (their texts, "" for none), "0" to stay, "None" to leave."""
        ...


def service(mind: Callable[[], Mind]) -> Callable[[Any], NLPService]:
    """A factory for Parlant's `nlp_service`."""
    return lambda container: _Service(mind())


class _Service(OfflineService):
    def __init__(self, mind: Mind) -> None:
        self._mind = mind

    async def get_schematic_generator(
        self, t: type[T], hints: SchematicGeneratorHints | None = None
    ) -> SchematicGenerator[T]:
        generator = _Generator[t]()  # type: ignore[valid-type]
        generator.mind = self._mind
        return generator


class _Generator(OfflineGenerator[T], Generic[T]):
    mind: Mind

    async def generate(
        self, prompt: str | PromptBuilder, hints: Mapping[str, Any] = {}
    ) -> SchematicGenerationResult[T]:
        assert isinstance(prompt, PromptBuilder)
        prompt.build()  # as a real service does: what cannot be built is an error
        parts = {
            str(getattr(name, "name", name)): {**section.props, TEXT: section.template}
            for name, section in prompt.sections.items()
        }
        schema = self.schema
        if noted := os.environ.get("OTTO_TEST_ASKED"):
            with open(noted, "a") as asked:
                asked.write(f"{schema.__name__}\n")
        try:
            answer = _ANSWERS.get(schema.__name__, _nothing)(self.mind, parts)
        except Interrupted:
            await asyncio.Event().wait()  # Parlant cancels it
            raise
        content = schema.model_validate({**_least(schema), **answer})
        info = GenerationInfo(schema.__name__, "scripted", 0.0, UsageInfo(0, 0))
        return SchematicGenerationResult(content=content, info=info)


Parts = Mapping[str, Mapping[str, Any]]
TEXT = "text of the section"


def _turn(parts: Parts) -> Turn:
    said, earlier, results = [], [], []
    history = parts.get(BuiltInSection.INTERACTION_HISTORY.name, {}).get("interaction_events", [])
    for event in map(json.loads, history):
        if event["event_kind"] == "message":
            said.append((event["event_source"], event["data"]["message"]))
        elif event["event_kind"] == "tool":
            earlier += [call["result"] for call in event["data"]["tool_calls"]]
    staged = parts.get(BuiltInSection.STAGED_EVENTS.name, {}).get("staged_events_as_dict", [])
    for event in map(json.loads, staged if isinstance(staged, list) else []):
        results += [call["result"] for call in event["data"]["tool_calls"]]
    agent = parts.get(BuiltInSection.AGENT_IDENTITY.name, {}).get("agent_name", "")
    return Turn(agent, tuple(said), tuple(results), tuple(earlier))


def _matches(mind: Mind, parts: Parts) -> dict[str, Any]:
    turn = _turn(parts)
    guidelines = parts[BuiltInSection.GUIDELINES.name]["guidelines"]
    return {
        "checks": [
            {
                "guideline_id": str(place),
                "condition": guideline["condition"],
                # Models quote what they read, braces and all.
                "rationale": f"The customer wrote: {turn.last}",
                "applies": mind.applies(guideline["id"], guideline["condition"], turn),
            }
            for place, guideline in enumerate(guidelines, start=1)
        ]
    }


def _tool(mind: Mind, parts: Parts) -> dict[str, Any]:
    (definition,) = (p for p in parts.values() if "tool_description" in p)
    exact = definition["tool_name"]
    name = exact.partition(":")[2]
    staged = any(exact in part.get("staged_calls", "") for part in parts.values())
    calls = [] if staged else mind.calls(name, _turn(parts))
    return {"should_run": bool(calls), "calls": [{"args": dict(call)} for call in calls]}


def _step(mind: Mind, parts: Parts) -> dict[str, Any]:
    turn = _turn(parts)
    chosen = _chosen(mind, parts["journey-next-step-selection-journey-steps"][TEXT], turn)
    return {
        "journey_continues": chosen != "None",
        "current_step_completed": chosen not in ("0", "None"),
        "next_step_rationale": f"after {turn.last}",
        "applied_condition_id": chosen,
    }


def _chosen(mind: Mind, text: str, turn: Turn) -> str:
    title = re.search(r"^Journey: (.*)$", text, re.MULTILINE)
    journey = title[1] if title else ""
    if not isinstance(mind, Walker):
        return "1" if mind.goes_on(journey, turn) else "0"
    conditions = dict(re.findall(r"^Condition \((\w+)\): ?(.*)$", text, re.MULTILINE))
    return mind.chooses(journey, conditions, turn)


def _reachable(mind: Mind, parts: Parts) -> dict[str, Any]:
    """The steps that can follow one, as the format that is asked for lists them."""
    asked = parts["journey-reachable-nodes-evaluation-output-format"]["output_format"]
    fields = r'"(child_id|condition_to_child|id|path_condition)": "(.*?)",\n'
    children: list[dict[str, Any]] = []
    for name, value in re.findall(fields, asked, re.DOTALL):
        text = "" if value.startswith("<str") else value
        if name == "child_id":
            children.append(
                {name: value, "child_action": "", "conditions_to_child_and_forward": []}
            )
        elif name == "condition_to_child":
            children[-1] |= {name: text, f"{name}_and_stop": text}
        elif name == "id":
            children[-1]["conditions_to_child_and_forward"].append({name: value})
        else:
            last = children[-1]["conditions_to_child_and_forward"][-1]
            both = " and then ".join(filter(None, (children[-1]["condition_to_child"], text)))
            last |= {name: text, "condition_to_child_then_to_path": both}
    return {"children_conditions": children}


def _draft(mind: Mind, parts: Parts) -> dict[str, Any]:
    matches = parts["canned-response-generator-output-format"]["guidelines"]
    guided = tuple(sorted(match.guideline.content.action for match in matches))
    return {"response_body": mind.says(replace(_turn(parts), guided=guided))}


def _message(mind: Mind, parts: Parts) -> dict[str, Any]:
    said = mind.says(_turn(parts))
    revision = {"revision_number": 1, "content": said, "followed_all_instructions": True}
    return {"produced_reply": True, "revisions": [revision]}


def _nothing(mind: Mind, parts: Parts) -> dict[str, Any]:
    return {}


_ANSWERS: dict[str, Callable[[Mind, Parts], dict[str, Any]]] = {
    "GenericActionableGuidelineMatchesSchema": _matches,
    "GenericObservationalGuidelineMatchesSchema": _matches,
    "NonConsequentialToolBatchSchema": _tool,
    "JourneyNextStepSelectionSchema": _step,
    "ReachableNodesEvaluationSchema": _reachable,
    "CannedResponseDraftSchema": _draft,
    "MessageSchema": _message,
}


def _least(schema: type[Any]) -> dict[str, Any]:
    """A value for every required field: as little as is allowed."""
    fields = schema.model_fields.items()
    return {name: _empty(field.annotation) for name, field in fields if field.is_required()}


def _empty(annotation: Any) -> Any:
    simple = {str: "", bool: False, int: 0, float: 0.0}
    if annotation in simple:
        return simple[annotation]
    if type(None) in get_args(annotation):
        return None
    if hasattr(annotation, "model_fields"):
        return _least(annotation)
    members = getattr(annotation, "__members__", None)
    return next(iter(members.values())) if members else []
