"""A language model that follows a script, so that Parlant's real engine runs a conversation.

A `Mind` decides what a model would: which guidelines apply, which tools are called with what, what
is said. Everything is read from the prompt's parts as Parlant hands them over, never from its text.

    factory = service(MyMind)      for `otto-reconcile run --nlp tests.scripted.otto:factory`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, get_args

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

from otto_reconcile.server.offline import OfflineGenerator, OfflineService


@dataclass(frozen=True)
class Turn:
    """What a model sees: the agent's name, what was said (who, text), what tools answered now."""

    agent: str
    said: tuple[tuple[str, str], ...]
    results: tuple[Mapping[str, Any], ...]
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


class Mind(Protocol):
    def applies(self, guideline_id: str, condition: str, turn: Turn) -> bool: ...

    def calls(self, tool: str, turn: Turn) -> Sequence[Mapping[str, str]]: ...

    def goes_on(self, journey: str, turn: Turn) -> bool: ...

    def says(self, turn: Turn) -> str: ...


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
        parts = {str(getattr(k, "name", k)): s.props for k, s in prompt.sections.items()}
        schema = self.schema
        answer = _ANSWERS.get(schema.__name__, _nothing)(self.mind, parts)
        content = schema.model_validate({**_least(schema), **answer})
        info = GenerationInfo(schema.__name__, "scripted", 0.0, UsageInfo(0, 0))
        return SchematicGenerationResult(content=content, info=info)


Parts = Mapping[str, Mapping[str, Any]]


def _turn(parts: Parts) -> Turn:
    said, results = [], []
    history = parts.get(BuiltInSection.INTERACTION_HISTORY.name, {}).get("interaction_events", [])
    for event in map(json.loads, history):
        if event["event_kind"] == "message":
            said.append((event["event_source"], event["data"]["message"]))
    staged = parts.get(BuiltInSection.STAGED_EVENTS.name, {}).get("staged_events_as_dict", [])
    for event in map(json.loads, staged if isinstance(staged, list) else []):
        results += [call["result"] for call in event["data"]["tool_calls"]]
    agent = parts.get(BuiltInSection.AGENT_IDENTITY.name, {}).get("agent_name", "")
    return Turn(agent, tuple(said), tuple(results))


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
    name = definition["tool_name"].partition(":")[2]
    staged = any("staged_calls" in part for part in parts.values())
    calls = [] if staged else mind.calls(name, _turn(parts))
    return {"should_run": bool(calls), "calls": [{"args": dict(call)} for call in calls]}


def _step(mind: Mind, parts: Parts) -> dict[str, Any]:
    on = mind.goes_on("", _turn(parts))
    return {
        "journey_continues": True,
        "current_step_completed": on,
        "next_step_rationale": f"after {_turn(parts).last}",
        "applied_condition_id": "1" if on else "0",
    }


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
