"""What the parts of a bot are made of: their base, the types of their fields, and their words."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

CompositionMode = Literal["fluid", "composited", "strict"]
AgentMode = Literal[CompositionMode, "core_fluid"]
"""`core_fluid` knows no canned responses: what a server gives to agents that nobody gave a mode."""
PartMode = Literal[AgentMode, "none"]
"""With `none` a guideline or journey has no mode of its own: that of its agent holds."""
ToolServiceKind = Literal["mcp", "openapi", "sdk"]
MessageOutputMode = Literal["block", "stream"]
Criticality = Literal["low", "medium", "high"]
RelationshipKind = Literal[
    "entailment",
    "priority",
    "dependency",
    "dependency_any",
    "disambiguation",
    "overlap",
    "reevaluation",
]


def _with_words(value: str) -> str:
    """Refuses what is nothing once it is tidy: Parlant takes it, and then cannot read it back."""
    if value.strip():
        return value
    raise PydanticCustomError("blank", "it holds nothing but white space")


def _empty_or_with_words(value: str) -> str:
    return value if value == "" else _with_words(value)


_WORDS = AfterValidator(_with_words)
EXACT_ID = r"^(\.{0,2}[A-Za-z0-9_-]|\.{3})[A-Za-z0-9._-]*$"
"""What a target can hold and every client address: neither `.` nor `..`, which lead elsewhere."""
LONGEST_ID = 200
ExactId = Annotated[str, StringConstraints(pattern=EXACT_ID, max_length=LONGEST_ID)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), _WORDS]
Text = Annotated[str, StringConstraints(min_length=1), _WORDS]
TextOrNone = Annotated[str, AfterValidator(_empty_or_with_words)]
"""An empty text says that there is to be none."""
ServiceName = Annotated[str, StringConstraints(pattern=EXACT_ID, max_length=100)]
TagName = Annotated[str, StringConstraints(min_length=1, max_length=50), _WORDS]
TAGS = "Names of tags, at most 50 characters each. They are made if they are not there."
"""What the schema says of the tags of a part."""
Endpoint = Annotated[str, StringConstraints(pattern=r"^(guideline|journey|agent|tag|any|tool):.+$")]
"""`guideline:<id>`, `journey:<id>`, `agent:<id>`, `tag:<name>`, `tool:<service>:<tool>`; or
`any:<name>`, any one of what has the tag, where `tag:<name>` is all of it."""
ValueKey = Annotated[str, StringConstraints(pattern=r"^(default|tag:.+|customer:.+)$")]
"""For whom a value of a variable is: everybody, customers with a tag, or one customer."""


class Part(BaseModel):
    """Base of what a bot is made of: frozen, no unknown fields, no silent conversion.

    What a kind of part declares of itself, and `model.groups` hands to all who need it:
    `named_by` is the field that identifies a part without an id; `id_from` the one that an id is
    made from where a manifest gives none; `complete` says that ids stand in manifests as they are;
    `secret` has the fields in which a manifest may have a secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    named_by: ClassVar[str | None] = None
    id_from: ClassVar[str | None] = None
    complete: ClassVar[bool] = False
    secret: ClassVar[tuple[str, ...]] = ()


BUILT_IN = "built-in"
"""The service of the tools that are hosted with the server."""
LOCAL = "local"
"""The service of the tools that `run --tools` hosts."""
HOSTED = (BUILT_IN, LOCAL)
"""A bare name of a tool means one of these, so they are nobody's to give."""


def short_tool(name: str) -> str:
    """`look_up` for `built-in:look_up` and `local:look_up`; others keep their service."""
    service, _, tool = name.partition(":")
    return tool if tool and service in HOSTED else name
