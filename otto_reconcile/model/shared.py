"""What several bots share: documents beside the bots, and how they are woven into them. Pure.

The ids of the parts in a Glossary are short: each bot has its own copy on the target, under the
bot's id, a dot and the short one; variables and capabilities go by their names, as in a bot. A part
that the bot itself has goes before a shared one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypeGuard

from pydantic import Field, model_validator

from otto_reconcile.model.bot import (
    Bot,
    CannedResponse,
    Capability,
    Guideline,
    Masked,
    Term,
    ToolService,
    Variable,
)
from otto_reconcile.model.groups import GROUPS as ALL_GROUPS
from otto_reconcile.model.part import ExactId, Part
from otto_reconcile.model.resource import JSON, digest
from otto_reconcile.runtime.limits import MOST_DESIRED, Unfit, check

_SHORT = re.compile(r"[a-z0-9][a-z0-9-]*")

BY_NAME = ("variables", "capabilities")
"""Lists of a Glossary whose parts have no id but their name."""
GROUPS = ("guidelines", "terms", "canned_responses", *BY_NAME)
"""The lists of a Glossary, named as the bot's own."""
SHAREABLE = frozenset({"tool_service", *(ALL_GROUPS[name].kind for name in GROUPS)})
"""The kinds of which a bot may have something from a shared document."""


class UsedBy(Part):
    """Which bots: all, or those named and those that have every one of the labels."""

    all: bool = False
    bots: list[ExactId] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not (self.all or self.bots or self.labels):
            raise ValueError("it fits no bot")
        return self

    def picks(self, bot: Bot) -> bool:
        labelled = bool(self.labels) and self.labels.items() <= bot.labels.items()
        return self.all or labelled or bot.id in self.bots


class Shared(Part):
    """Base of the documents that bots share. `labels` and `annotations` are people's own.

    `masked` maps the path of a value to how it was made of secrets, as in a Bot; in a tool service
    the path is that of one of its own fields.
    """

    prefix: ClassVar[str]

    id: ExactId
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, JSON] = Field(default_factory=dict)
    masked: dict[str, Masked] = Field(default_factory=dict)

    @property
    def stream(self) -> str:
        """What its revisions are kept under; no bot has an id with a slash."""
        return f"{self.prefix}/{self.id}"

    def to_document(self) -> dict[str, JSON]:
        """Plain JSON data with the declared fields only; `from_document` takes it back."""
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def from_document(cls, document: Mapping[str, JSON]) -> Self:
        """Raises pydantic.ValidationError."""
        return cls.model_validate(dict(document))

    def digest(self) -> str:
        return digest(self.to_document())


class Glossary(Shared):
    """Words, and what is said and done, that several bots have alike."""

    prefix = "glossary"

    kind: Literal["Glossary"] = "Glossary"
    used_by: UsedBy
    guidelines: list[Guideline] = Field(
        default_factory=list,
        description="What the bots do when. They name canned responses of these.",
    )
    terms: list[Term] = Field(default_factory=list, description="Words of their trade.")
    canned_responses: list[CannedResponse] = Field(
        default_factory=list, description="Answers that are worded beforehand."
    )
    variables: list[Variable] = Field(
        default_factory=list, description="What the bots know of their customers."
    )
    capabilities: list[Capability] = Field(
        default_factory=list, description="What the bots can do for them."
    )

    @model_validator(mode="after")
    def _ids(self) -> Self:
        for group in GROUPS:
            ids = [part.id for part in getattr(self, group)]
            short = [i for i in ids if group in BY_NAME or _SHORT.fullmatch(i)]
            if wrong := sorted(i for i in set(ids) if i not in short or ids.count(i) > 1):
                raise ValueError(f"{group}: an id that is not short, or there twice: {wrong[0]}")
        return self

    def to_document(self) -> dict[str, JSON]:
        """Without the lists that came later where they are empty: so it was kept before them."""
        document = super().to_document()
        return {name: v for name, v in document.items() if v != [] or name not in BY_NAME}


class SharedToolService(Shared):
    """A tool service for every bot that names one of its tools; `id` is its name."""

    prefix = "toolservice"

    kind: Literal["ToolService"] = "ToolService"
    service: ToolService


SharedDocument: TypeAlias = Glossary | SharedToolService
Declaration: TypeAlias = Bot | SharedDocument
"""What can be wanted: each has revisions of its own."""

KINDS: Mapping[str, type[SharedDocument]] = {
    "Glossary": Glossary,
    "ToolService": SharedToolService,
}
"""The models of shared documents by their kind."""

_PREFIXES = frozenset(kind.prefix for kind in KINDS.values())


def stream_of(declaration: Declaration) -> str:
    """What the revisions of a bot or of a shared document are kept under."""
    return declaration.id if isinstance(declaration, Bot) else declaration.stream


def is_shared(stream: str) -> bool:
    """True for what the revisions of a shared document are kept under."""
    return "/" in stream


def is_stream(name: object) -> TypeGuard[str]:
    """True for what the revisions of a bot or of a shared document can be kept under."""
    return isinstance(name, str) and (not is_shared(name) or name.partition("/")[0] in _PREFIXES)


def called(stream: str) -> str:
    """How messages name it."""
    return repr(stream) if is_shared(stream) else f"bot {stream!r}"


def unfit(declaration: Declaration) -> Unfit | None:
    """Why a bot or shared document would not be read back as it is; None if it would."""
    try:
        check(declaration.model_dump(exclude_none=True), most=MOST_DESIRED, times=False)
    except Unfit as error:
        return error
    return None


def shared_from(document: Mapping[str, JSON]) -> SharedDocument:
    """Raises KeyError for a kind that is not known, and pydantic.ValidationError."""
    return KINDS[document["kind"]].from_document(document)


def compose(bot: Bot, library: Iterable[SharedDocument]) -> Bot:
    """The bot with all that it shares; the very same object where it shares nothing.

    Where two documents have a part of one id, the first in the order of their ids is taken.
    """
    documents = sorted(library, key=stream_of)
    for document in documents:
        if isinstance(document, Glossary) and document.used_by.picks(bot):
            bot = _with_parts(bot, document)
    services = [document for document in documents if isinstance(document, SharedToolService)]
    named = services_named(bot) if services else frozenset()
    for service in services:
        if service.id in named:
            bot = _with_service(bot, service)
    return bot


def may_use(bot: Bot, stream: str) -> bool:
    """False if a bot surely has nothing of the shared document under this name."""
    prefix, _, name = stream.partition("/")
    return prefix != SharedToolService.prefix or name in services_named(bot)


def services_named(bot: Bot) -> frozenset[str]:
    """The services of the tools that anything of the bot names, as `service:tool`."""
    return frozenset(tool.partition(":")[0] for tool in tools_named(bot))


def tools_named(bot: Bot) -> frozenset[str]:
    """The tools of services that anything of the bot names, as `service:tool`."""
    tools = [tool for guideline in bot.guidelines for tool in guideline.tools or ()]
    states = (state for journey in bot.journeys for state in journey.states or ())
    tools += [tool for state in states for tool in state.tools or ()]
    tools += [variable.tool for variable in bot.variables if variable.tool is not None]
    ends = (end for pair in bot.relationships for end in (pair.source, pair.target))
    tools += [end.removeprefix("tool:") for end in ends if end.startswith("tool:")]
    return frozenset(tool for tool in tools if ":" in tool)


def _with_parts(bot: Bot, glossary: Glossary) -> Bot:
    changes: dict[str, Any] = {}
    for group in GROUPS:
        own = {part.id for part in getattr(bot, group)}
        copies = [_copy(part, bot.id) for part in getattr(glossary, group)]
        new = [part for part in copies if part.id not in own]
        if new:
            changes[group] = [*getattr(bot, group), *new]
    if not changes:
        return bot
    masked = dict(bot.masked) | dict(_masked(bot, glossary))
    return bot.model_copy(update={**changes, "masked": masked})


def _copy(part: Any, bot_id: str) -> Any:
    if isinstance(part, Variable | Capability):
        return part
    changes: dict[str, Any] = {"id": f"{bot_id}.{part.id}"}
    if isinstance(part, Guideline) and part.canned_responses is not None:
        changes["canned_responses"] = [f"{bot_id}.{name}" for name in part.canned_responses]
    return part.model_copy(update=changes)


def _masked(bot: Bot, glossary: Glossary) -> Iterator[tuple[str, Masked]]:
    """The glossary's masks, of the parts that the bot does not have itself."""
    own = {f"{group}/{_step(part.id)}" for group in GROUPS for part in getattr(bot, group)}
    for path, masked in glossary.masked.items():
        group, short, rest = path.split("/", 2)
        part = f"{group}/{short if group in BY_NAME else f'{bot.id}.{short}'}"
        if part not in own:
            yield f"{part}/{rest}", masked


def _step(identity: str) -> str:
    """As a step of a path of `masked`."""
    return identity.replace("~", "~0").replace("/", "~1")


def _with_service(bot: Bot, document: SharedToolService) -> Bot:
    if document.id in {service.name for service in bot.tool_services}:
        return bot
    masked = {f"tool_services/{document.id}/{p}": how for p, how in document.masked.items()}
    services = [*bot.tool_services, document.service]
    return bot.model_copy(update={"tool_services": services, "masked": {**bot.masked, **masked}})
