"""What a manifest may hold, with short ids. Checked by `checking`, described by `schema`.

The descriptions are what editors show; keep them in the words of docs/manifests.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from otto_reconcile.manifest.variables import FromVariable
from otto_reconcile.manifest.yaml_text import resolve
from otto_reconcile.resources import JSON
from otto_reconcile.resources.bot import (
    CompositionMode,
    Criticality,
    ExactId,
    MessageOutputMode,
    Name,
    RelationshipKind,
    ServiceName,
    TagName,
    Text,
    ToolServiceKind,
)

API_VERSION = "otto/v1"


def _reread(value: Any) -> Any:
    return resolve(str(value)) if isinstance(value, FromVariable) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _described(text: str) -> Any:
    return Field(default=None, description=text)


ShortId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=200)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_reread)]
Positive: TypeAlias = Annotated[int, Field(ge=1), BeforeValidator(_reread)]
Switch: TypeAlias = Annotated[bool, BeforeValidator(_reread)]
Free: TypeAlias = Annotated[dict[str, JSON], AfterValidator(_plain)]

_ID = (
    "Short id: lower-case letters, digits and hyphens. On the target it stands behind the bot's"
    " id and a dot. Without it, one is made from the text."
)
_EXACT = "In place of `id`: the complete id as the target has it, for what another program made."
_TAGS = "Names of tags, at most 50 characters each. They are made if they are not there."
_LABELS = "Labels on the target."
_MODE = "How freely the answer is worded; overrides the bot's mode."
_PRIORITY = "Where several match, the higher number comes first. Default 0."


class Form(BaseModel):
    """Base of all mappings in a manifest: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Identified(Form):
    id: ShortId | None = _described(_ID)
    exact_id: ExactId | None = _described(_EXACT)


class GuidelineForm(Identified):
    """When this is so, do that."""

    condition: Text = Field(description="When this guideline applies, as a sentence.")
    action: str | None = _described("What the bot then does.")
    description: str | None = _described("More about it, for the bot and for people.")
    criticality: Criticality | None = _described("How much it matters. Default medium.")
    composition_mode: CompositionMode | None = _described(_MODE)
    enabled: Switch | None = _described("False switches the guideline off. Default true.")
    priority: Whole | None = _described(_PRIORITY)
    track: Switch | None = _described(
        "Whether the bot remembers that it has done this, and does not do it again. Default true."
    )
    labels: list[str] | None = _described(_LABELS)
    tags: list[TagName] | None = _described(_TAGS)
    metadata: Free | None = _described("Data for the engine. Only the keys that stand here count.")
    tools: list[Text] | None = _described(
        "Tools that the guideline may use: `service:tool`, or `tool` for one hosted with the bot."
    )


class JourneyForm(Identified):
    """A way through a longer conversation."""

    title: Name = Field(description="Name of the journey, at most 100 characters.")
    description: str = Field(description="What happens on the way, step by step.")
    conditions: list[Text] = Field(description="When the journey starts: any one of these.")
    labels: list[str] | None = _described(_LABELS)
    priority: Whole | None = _described(_PRIORITY)
    composition_mode: CompositionMode | None = _described(_MODE)
    tags: list[TagName] | None = _described(_TAGS)


class TermForm(Identified):
    """A word of the bot's trade."""

    name: Name = Field(description="The word, at most 100 characters.")
    description: Text = Field(description="What it means.")
    synonyms: list[Text] | None = _described("Other words for the same.")
    tags: list[TagName] | None = _described(_TAGS)


class RelationshipForm(Form):
    """How two things bear on each other."""

    kind: RelationshipKind = Field(
        description="priority: if both apply, only the source does. entailment: with the source"
        " the target applies too. dependency: the source applies only if the target does."
        " disambiguation: if several targets apply, the bot asks which is meant."
        " overlap: two tools are looked at together. reevaluation: after the target, a tool, the"
        " source is looked at again."
    )
    source: Text = Field(
        description="Id of a guideline or journey of this bot, or `guideline:ID`, `journey:ID`,"
        " `agent:BOT`, `tag:NAME`, `tool:SERVICE:TOOL`."
    )
    target: Text = Field(description="As `source`.")


class ToolServiceForm(Form):
    """Tools that another server hosts."""

    name: ServiceName = Field(
        description="Guidelines and states name its tools as `NAME:TOOL`. Bots share it by name."
    )
    kind: ToolServiceKind = Field(
        description="mcp: a Model Context Protocol server. openapi: an HTTP API with an OpenAPI"
        " description. sdk: a server of Parlant's own kind (`PluginServer`)."
    )
    url: Text = Field(
        description="Where Parlant reaches it: http://HOST:PORT (an MCP server behind that at"
        " /mcp); for openapi, the address of the API."
    )
    source: Text | None = _described(
        "Of openapi: the URL of the OpenAPI description, or a file on Parlant's machine."
    )


class MetadataForm(Form):
    """Which bot this is."""

    id: ShortId | None = _described(
        "Id of the bot, and of its agent on every target, for ever: lower-case letters, digits"
        " and hyphens."
    )
    exact_id: ExactId | None = _described(_EXACT)
    labels: dict[str, str] | None = _described("Your own; they never reach a target.")
    annotations: Free | None = _described("Your own data; it never reaches a target.")


class SpecForm(Form):
    """The bot."""

    name: Name = Field(description="What customers see, at most 100 characters.")
    description: str | None = _described("Who the bot is and what it is for.")
    composition_mode: CompositionMode | None = _described(
        "How freely answers are worded: fluid, composited, or strict (only prepared answers)."
    )
    max_engine_iterations: Positive | None = _described(
        "How many rounds of tool use an answer may take. Default 3."
    )
    message_output_mode: MessageOutputMode | None = _described(
        "Whether an answer comes as a whole (block) or as it is written (stream)."
    )
    tags: list[TagName] | None = _described(_TAGS)
    guidelines: list[GuidelineForm] | None = _described("What the bot does when.")
    journeys: list[JourneyForm] | None = _described("Ways through longer conversations.")
    terms: list[TermForm] | None = _described("Words of the bot's trade.")
    relationships: list[RelationshipForm] | None = _described(
        "How guidelines, journeys, tags and tools bear on each other."
    )
    tool_services: list[ToolServiceForm] | None = _described("Services with tools, by URL.")


class BotForm(Form):
    """One bot of otto_reconcile."""

    apiVersion: Literal["otto/v1"] = Field(description="Always otto/v1.")
    kind: Literal["Bot"] = Field(description="Always Bot.")
    metadata: MetadataForm = Field(description="Which bot this is.")
    spec: SpecForm = Field(description="The bot.")
