"""What a specification may hold, and the lines that its answers become. For its reading."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from otto_reconcile.manifest.basics import ShortId
from otto_reconcile.manifest.field_types import ToolName
from otto_reconcile.model.part import AgentMode, Criticality, Name, Text

LINES = (
    "purpose", "scope", "target_users", "use_cases", "tone", "personality", "tools",
    "constraints", "guardrails",
)  # fmt: skip
"""The fields that become a line each of the bot's description, in this order."""


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _tool_text(value: Any) -> Any:
    """A tool is a wish in words here: its name and what it is to do."""
    if not isinstance(value, dict):
        return value
    name, about = value.get("name"), value.get("description")
    parts = [part for part in (name, about) if isinstance(part, str) and part]
    return ": ".join(parts) if parts else value


Words = Annotated[list[Text], BeforeValidator(_as_list)]
ToolWords = Annotated[list[Annotated[Text, BeforeValidator(_tool_text)]], BeforeValidator(_as_list)]
Mode = Annotated[AgentMode, BeforeValidator(_lower)]
Side = Annotated[Literal["guideline", "journey"], BeforeValidator(_lower)]
Bearing = Annotated[
    Literal["entailment", "priority", "dependency", "disambiguation"], BeforeValidator(_lower)
]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class GuidelineForm(_Form):
    condition: Text = Field(description="when the guideline applies")
    action: str | None = None
    description: str | None = None
    criticality: Annotated[Criticality, BeforeValidator(_lower)] | None = None
    key: Text | None = None
    tools: list[ToolName] | None = None


class JourneyForm(_Form):
    title: Name
    description: str = Field(description="what happens on the way")
    conditions: list[Text] = Field(description="a list: when the journey starts")
    key: Text | None = None


class RelationshipForm(_Form):
    type: Bearing
    source: Text = Field(description="a key, a guideline's condition or a journey's title")
    target: Text | None = None
    targets: list[Text] | None = None
    source_kind: Side | None = None
    target_kind: Side | None = None


class SpecificationForm(_Form):
    id: ShortId | None = None
    name: Name
    purpose: Words
    scope: Words
    target_users: Words
    use_cases: Words
    tone: Words
    personality: Words
    tools: ToolWords
    constraints: Words
    guardrails: Words
    guidelines: list[GuidelineForm]
    journeys: list[JourneyForm]
    relationships: list[RelationshipForm] | None = None
    composition_mode: Mode | None = None
    max_engine_iterations: Annotated[int, Field(ge=1)] | None = None


def description(form: SpecificationForm) -> str:
    """The lines of the bot's description, one to a field: line ends in a text become spaces."""
    lines = []
    for name in LINES:
        words = [" ".join(item.splitlines()) for item in getattr(form, name)]
        if words:
            lines.append(f"{name.replace('_', ' ').capitalize()}: {'; '.join(words)}")
    return "\n".join(lines)
