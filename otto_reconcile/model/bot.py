"""The Bot: an agent and all that belongs to it, as a person wants it. The unit of desired state.

None means "not declared": the target's own value is left alone and never shows as a difference.
Ids of guidelines, journeys and terms are complete (`order-desk.order-status`), as on every target.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import (
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from otto_reconcile.model.journey_rules import faults
from otto_reconcile.model.part import (
    TAGS,
    AgentMode,
    Criticality,
    Endpoint,
    ExactId,
    MessageOutputMode,
    Name,
    Part,
    PartMode,
    RelationshipKind,
    ServiceName,
    TagName,
    Text,
    TextOrNone,
    ToolServiceKind,
    ValueKey,
)
from otto_reconcile.model.resource import JSON, digest
from otto_reconcile.model.states import Journey

SUSPEND, IGNORE, WAVE = "otto/suspend", "otto/ignore", "otto/wave"
"""Annotations that say how a bot is looked after: `suspend` and `ignore` of a manifest, waves."""
WINDOWS = "otto/windows"
RENAMED = "otto/renamed"
"""An annotation that says which parts had another id: see `model.former`."""
SUSPENSIONS = ("suspended", "suspended by its manifest")


class Guideline(Part):
    id_from = "condition"
    secret = ("condition", "action", "description", "metadata")

    id: ExactId
    condition: Text
    action: str | None = None
    description: str | None = None
    criticality: Criticality | None = None
    composition_mode: PartMode | None = None
    enabled: bool | None = None
    priority: int | None = None
    track: bool | None = None
    labels: list[str] | None = None
    tags: list[TagName] | None = None
    metadata: dict[str, JSON] | None = None
    tools: list[Text] | None = None  # `service:tool`, or `tool` for one hosted with the server
    canned_responses: list[ExactId] | None = None


class Term(Part):
    """A word of the bot's trade."""

    id_from = "name"
    secret = ("name", "description", "synonyms")

    id: ExactId
    name: Name = Field(description="The word, at most 100 characters.")
    description: Text = Field(description="What it means.")
    synonyms: list[Text] | None = Field(default=None, description="Other words for the same.")
    tags: list[TagName] | None = Field(default=None, description=TAGS)


class CannedField(Part):
    """What a canned response leaves open, to be filled from the conversation."""

    name: Text
    description: str = ""
    examples: list[str] = Field(default=[])


class CannedResponse(Part):
    """One that guidelines, journeys or states name is for those only, else for the whole bot.

    A `preamble` is said at once, while the bot still thinks.
    """

    id_from = "value"
    secret = ("value", "fields", "signals", "metadata")

    id: ExactId
    value: Text
    fields: list[CannedField] | None = None
    signals: list[Text] | None = None
    field_dependencies: list[Text] | None = None
    preamble: bool | None = None
    tags: list[TagName] | None = None
    metadata: dict[str, JSON] | None = None


class Variable(Part):
    """Identified by its name. `values` has them by `default`, `tag:NAME` or `customer:ID`."""

    named_by = "name"
    secret = ("description", "values")

    name: Text
    description: str | None = None
    tool: TextOrNone | None = None
    freshness_rules: TextOrNone | None = None
    values: dict[ValueKey, JSON] | None = None
    tags: list[TagName] | None = None

    @property
    def id(self) -> str:
        return self.name


class Capability(Part):
    """Something that the bot can do for customers."""

    named_by = "title"
    secret = ("description", "signals")

    title: Name = Field(description="What it is, at most 100 characters; its identity.")
    description: Text = Field(description="What the bot can do, in a sentence or two.")
    signals: list[Text] | None = Field(default=None, description="What customers say who need it.")
    tags: list[TagName] | None = Field(default=None, description=TAGS)

    @property
    def id(self) -> str:
        return self.title


class Customer(Part):
    """Somebody whom bots know by a fixed id. Bots may share one; its tags add up."""

    complete = True
    secret = ("name", "metadata")

    id: ExactId
    name: Text | None = None
    metadata: dict[str, str] | None = None
    tags: list[TagName] | None = None


class Relationship(Part):
    """Of those of kind `dependency_any` with one source and `group`, one target is enough."""

    kind: RelationshipKind
    source: Endpoint
    target: Endpoint
    group: Text | None = None


class ToolService(Part):
    """Tools by URL. `source` is the OpenAPI description, a URL or a file that Parlant can read."""

    named_by = "name"
    secret = ("url", "source")

    name: ServiceName
    kind: ToolServiceKind
    url: Text
    source: Text | None = None

    @property
    def id(self) -> str:
        return self.name


class Masked(Part):
    """A text that was made with secrets: `template` is the text with its `${VAR}` in place."""

    template: str
    variables: list[str]


class Bot(Part):
    """One bot. `labels` and `annotations` are people's own and never reach a target.

    `masked` maps the path of a value (`description`, `guidelines/<id>/action`) to how it was made.
    `suspended` stops the reconciler, not the bot.
    """

    id: ExactId
    name: Name
    description: str | None = None
    composition_mode: AgentMode | None = None
    max_engine_iterations: Annotated[int, Field(ge=1)] | None = None
    message_output_mode: MessageOutputMode | None = None
    tags: list[TagName] | None = None
    labels: dict[str, str] = Field(default={})
    annotations: dict[str, JSON] = Field(default={})
    guidelines: list[Guideline] = Field(default=[], description="What the bot does when.")
    journeys: list[Journey] = Field(default=[], description="Ways through longer conversations.")
    terms: list[Term] = Field(default=[], description="Words of the bot's trade.")
    relationships: list[Relationship] = Field(
        default=[], description="How guidelines, journeys, tags and tools bear on each other."
    )
    canned_responses: list[CannedResponse] = Field(
        default=[], description="Answers that are worded beforehand."
    )
    variables: list[Variable] = Field(
        default=[], description="What the bot knows of its customers."
    )
    capabilities: list[Capability] = Field(default=[], description="What the bot can do for them.")
    customers: list[Customer] = Field(
        default=[], description="Customers with a fixed id, and their tags."
    )
    tool_services: list[ToolService] = Field(default=[], description="Services with tools, by URL.")
    masked: dict[str, Masked] = Field(default={})
    suspended: bool = False

    @property
    def suspension(self) -> str | None:
        """Why nothing is done about it: by hand, or as its manifest says; None if it is."""
        if self.suspended:
            return SUSPENSIONS[0]
        return SUSPENSIONS[1] if self.annotations.get(SUSPEND) is True else None

    @property
    def wave(self) -> int:
        """Those of a lower one come first; 0 where the annotation has no whole number."""
        said = str(self.annotations.get(WAVE, 0))
        return int(said) if re.fullmatch(r"[+-]?[0-9]{1,9}", said) else 0

    @model_validator(mode="after")
    def _keeps_the_rules_of_states(self) -> Self:
        for journey, found in zip(self.journeys, faults(self.journeys), strict=True):
            for fault in found:
                told = {"id": journey.id, "at": fault.path[0], "fault": fault.message}
                raise PydanticCustomError("states", "state {at} of journey {id}: {fault}", told)
        return self

    def to_document(self) -> dict[str, JSON]:
        """Plain JSON data with the declared fields only; `from_document` takes it back.

        Groups that the first bots did not have are left out if empty: digests stay as they were.
        """
        document = self.model_dump(mode="json", exclude_none=True)
        return {n: value for n, value in document.items() if value or n not in _LATER_GROUPS}

    @classmethod
    def from_document(cls, document: Mapping[str, JSON]) -> Self:
        """Raises pydantic.ValidationError."""
        return cls.model_validate(dict(document))

    def digest(self) -> str:
        """Of what is wanted: everything but `suspended`, which is about us, not about the bot."""
        document = self.to_document()
        document.pop("suspended", None)
        return digest(document)


_FIRST_GROUPS = ("guidelines", "journeys", "terms", "relationships")
_LATER_GROUPS = {n for n, f in Bot.model_fields.items() if f.default == []} - {*_FIRST_GROUPS}
