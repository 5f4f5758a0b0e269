"""What the parts of a bot may hold in a manifest, with short ids.

A part whose form differs from its model only in its id needs none here (see `bot_forms`). The
descriptions are what editors show; keep them in the words of docs/manifests.md.
"""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from otto_reconcile.manifest.basics import (
    CANNED,
    LABELS,
    MODE,
    PART_MODE,
    PRIORITY,
    Form,
    Identified,
    Renamable,
    ShortId,
    Switch,
    Whole,
    described,
)
from otto_reconcile.manifest.field_types import (
    Cron,
    CustomerId,
    Free,
    Template,
    ToolName,
    ToolOrNone,
    Values,
)
from otto_reconcile.manifest.messages import said
from otto_reconcile.model.part import (
    TAGS,
    CompositionMode,
    Criticality,
    ExactId,
    Name,
    PartMode,
    RelationshipKind,
    ServiceName,
    TagName,
    Text,
    ToolServiceKind,
)


class GuidelineForm(Renamable):
    """When this is so, do that."""

    condition: Text = Field(description="When this guideline applies, as a sentence.")
    action: str | None = described("What the bot then does.")
    description: str | None = described("More about it, for the bot and for people.")
    criticality: Criticality | None = described("How much it matters. Default medium.")
    composition_mode: PartMode | None = described(PART_MODE)
    enabled: Switch | None = described("False switches the guideline off. Default true.")
    priority: Whole | None = described(PRIORITY)
    track: Switch | None = described(
        "Whether the bot remembers that it has done this, and does not do it again. Default true."
    )
    labels: list[str] | None = described(LABELS)
    tags: list[TagName] | None = described(TAGS)
    metadata: Free | None = described("Data for the engine. Only the keys that stand here count.")
    tools: list[ToolName] | None = described(
        "Tools that the guideline may use: `service:tool`, or `tool` for one hosted with the bot."
    )
    canned_responses: list[Text] | None = described(CANNED)


class TransitionForm(Form):
    """A way on."""

    when: Text | None = described("When it is taken. Only the one way of a state needs none.")
    to: ShortId = Field(description="Id of a state of this journey, or `end`.")


Ways: TypeAlias = Annotated[
    list[TransitionForm],
    BeforeValidator(
        lambda value: [{"to": value}] if isinstance(value, str) else value,
        json_schema_input_type=str | list[TransitionForm],
    ),
]


class CannedFieldForm(Form):
    """What a canned response leaves open."""

    name: Text = Field(description="Its name in the text: `{{name}}`.")
    description: str = Field(default="", description="What is to be put in its place.")
    examples: list[str] = Field(default=[], description="Examples of it.")


class CannedResponseForm(Identified):
    """An answer that is worded beforehand."""

    value: Template = Field(
        description="The text. `{{field}}` is filled with the value of a field."
    )
    fields: list[CannedFieldForm] | None = described("What is to be filled in, by the model.")
    signals: list[Text] | None = described("What customers say that this may answer.")
    field_dependencies: list[Text] | None = described(
        "Fields of tools or retrievers without which this is not considered."
    )
    preamble: Switch | None = described(
        "True: it is said at once, while the bot still thinks. Default false."
    )
    tags: list[TagName] | None = described(TAGS)
    metadata: Free | None = described("Data that goes with the message. Only these keys count.")


Words: TypeAlias = Annotated[
    list[Text],
    BeforeValidator(
        lambda value: value,  # `hoisting` has put ids in the places of those that stand there
        json_schema_input_type=list[Text | CannedResponseForm],
    ),
]


class StateForm(Form):
    """A step of a journey: one of chat, tool, tools, fork and journey."""

    id: ShortId | None = described("Unique in the journey; needed where something leads back.")
    renamedFrom: ExactId | None = described("The id that it had in this journey.")
    chat: Text | None = described("What the bot says or asks.")
    tool: ToolName | None = described("The tool that is called: `service:tool`, or `tool`.")
    tools: list[ToolName] | None = described("Several tools; `instruction` says what each is for.")
    instruction: Text | None = described("How the tool is to be used.")
    fork: list[TransitionForm] | None = described("Nothing is said; one of these ways is taken.")
    journey: ExactId | None = described("Id of another journey of this bot, which is gone through.")
    when: Text | None = described(
        "Of the first state only: the condition on the way to it from the start."
    )
    next: Ways | None = described(
        "Where it goes on: the id of a state, `end`, or a list of ways, each with `when` and `to`."
        " Without it: to the state below, and from the last to the end."
    )
    description: Text | None = described("More about it, for the bot and for people.")
    canned_responses: Words | None = described(CANNED)
    composition_mode: CompositionMode | None = described(MODE)
    labels: list[str] | None = described(LABELS)
    metadata: Free | None = described("Data for the engine.")

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [n for n in ("chat", "tool", "tools", "journey") if getattr(self, n)]
        given += ["fork"] if self.fork is not None else []
        if len(given) != 1:
            found = " and ".join(f"`{name}`" for name in given) or "none of them"
            raise said(f"a state has one of chat, tool, tools, fork, journey: this has {found}", "")
        if self.fork is not None and self.next is not None:
            raise said("a fork has its ways under `fork`", "move what is under `next` there")
        return self


class JourneyForm(Renamable):
    """A way through a longer conversation."""

    title: Name = Field(description="Name of the journey, at most 100 characters.")
    description: str = Field(description="What happens on the way, step by step.")
    conditions: list[Text] = Field(description="When the journey starts: any one of these.")
    labels: list[str] | None = described(LABELS)
    priority: Whole | None = described(PRIORITY)
    composition_mode: PartMode | None = described(PART_MODE)
    tags: list[TagName] | None = described(TAGS)
    canned_responses: Words | None = described(CANNED)
    guidelines: list[GuidelineForm] | None = described("What the bot does when, in this journey.")
    states: list[StateForm] | None = described("Its steps, the first one first.")


class VariableForm(Form):
    """Something that the bot knows of a customer."""

    name: Text = Field(description="What the bot calls it, and its identity within this bot.")
    description: str | None = described("What it says.")
    tool: ToolOrNone | None = described(
        "The tool that finds the value: `service:tool`, or `tool`. An empty text: no tool."
    )
    freshness_rules: Cron | None = described(
        "When the tool is asked again, as a cron expression: `0 8 * * *` is daily at eight."
    )
    values: Values | None = described(
        "Values by whom they are for: `default`, `tag:NAME`, `customer:ID`."
    )
    tags: list[TagName] | None = described(TAGS)

    @field_validator("freshness_rules")
    @classmethod
    def _of_a_tool(cls, rules: str | None, info: ValidationInfo) -> str | None:
        if rules and not info.data.get("tool", "unknown"):
            raise said("only a variable with a `tool` has `freshness_rules`", "name the tool")
        return rules

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.tool and self.values:
            raise said("a variable with a `tool` has no `values`", "the tool overwrites them")
        return self


class CustomerForm(Form):
    """A customer whom the bot knows by a fixed id. Bots may share one."""

    id: CustomerId = Field(description="Complete id of the customer on the target.")
    name: Text | None = described("Their name. Default the id.")
    metadata: dict[str, str] | None = described("Texts by name. Only the keys here count.")
    tags: list[TagName] | None = described("Tags that they have, beside those of others.")


class RelationshipForm(Form):
    """How two things bear on each other."""

    kind: RelationshipKind = Field(
        description="priority: if both apply, only the source does. entailment: with the source"
        " the target applies too. dependency: the source applies only if the target does."
        " dependency_any: only if one of its targets of this kind does."
        " disambiguation: if several targets apply, the bot asks which is meant."
        " overlap: two tools are looked at together. reevaluation: after the target, a tool, the"
        " source is looked at again."
    )
    source: Text = Field(
        description="Id of a guideline or journey of this bot, or `guideline:ID`, `journey:ID`,"
        " `agent:BOT`, `tag:NAME`, `tool:SERVICE:TOOL`."
    )
    target: Text = Field(
        description="As `source`; of a dependency also `any:NAME`: one of what has the tag."
    )
    group: Text | None = described(
        "Of dependency_any: one target of each group must apply. Without it: one of those without."
    )

    @model_validator(mode="after")
    def _group_of_any(self) -> Self:
        if self.group is not None and self.kind != "dependency_any":
            raise said("only a relationship of kind `dependency_any` has a `group`", "remove it")
        return self


class ServiceForm(Form):
    """Where tools are that another server hosts."""

    kind: ToolServiceKind = Field(
        description="mcp: a Model Context Protocol server. openapi: an HTTP API with an OpenAPI"
        " description. sdk: a server of Parlant's own kind (`PluginServer`)."
    )
    url: Text = Field(
        description="Where Parlant reaches it: http://HOST:PORT (an MCP server behind that at"
        " /mcp); for openapi, the address of the API."
    )
    source: Text | None = described(
        "Of openapi: the URL of the OpenAPI description, or a file on Parlant's machine."
    )


class ToolServiceForm(ServiceForm):
    """Tools that another server hosts."""

    name: ServiceName = Field(
        description="Guidelines and states name its tools as `NAME:TOOL`. Bots share it by name."
    )
