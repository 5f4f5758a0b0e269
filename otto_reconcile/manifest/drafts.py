"""A document on its way to a bot, and the groups of parts that it may have: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from otto_reconcile.manifest.forms import (
    BotForm,
    CannedResponseForm,
    CapabilityForm,
    CustomerForm,
    GuidelineForm,
    JourneyForm,
    TermForm,
    VariableForm,
)
from otto_reconcile.manifest.interpolation import Unset
from otto_reconcile.manifest.shared_forms import GlossaryForm, SharedServiceForm
from otto_reconcile.manifest.tree import Faults, Node, Path
from otto_reconcile.model import Masked

GROUPS: dict[str, type[BaseModel]] = {
    "guidelines": GuidelineForm,
    "journeys": JourneyForm,
    "terms": TermForm,
    "canned_responses": CannedResponseForm,
    "variables": VariableForm,
    "capabilities": CapabilityForm,
    "customers": CustomerForm,
}
SOURCES_OF_IDS = {
    "guidelines": "condition",
    "journeys": "title",
    "terms": "name",
    "canned_responses": "value",
    "variables": "name",
    "capabilities": "title",
    "customers": "id",
}
_NOUNS = {"Bot": "bot", "Glossary": "glossary", "ToolService": "tool service"}
NATURAL = frozenset({"variables", "capabilities", "customers"})
"""Groups whose items have no id but what is named in SOURCES_OF_IDS, as it is."""


@dataclass
class Item:
    """A part of a bot or a relationship with its place; `id` is complete."""

    node: Node
    form: BaseModel
    id: str = ""


@dataclass
class Draft:
    """A document on its way to a Bot, or to what bots share, whose id is in `bot_id` then.

    `form` is None if something in it is wrong. `shared` are the parts that it gets of glossaries.
    `broken` has (group, complete id) of items in which something is wrong; `unsure` is True if
    there are items of which not even the id is known. `scopes` has the guidelines that stand in a
    journey, each with it.
    """

    faults: Faults
    root: Node
    form: BotForm | GlossaryForm | SharedServiceForm | None
    bot_id: str = ""
    kind: str = "Bot"
    groups: dict[str, list[Item]] = field(default_factory=dict)
    relationships: list[Item] = field(default_factory=list)
    tool_services: list[Item] = field(default_factory=list)
    masked: dict[str, Masked] = field(default_factory=dict)
    secrets: Mapping[Path, Masked] = field(default_factory=dict)
    guarded: Mapping[Path, list[str]] = field(default_factory=dict)
    unset: Mapping[Path, list[Unset]] = field(default_factory=dict)
    broken: list[tuple[str, str]] = field(default_factory=list)
    unsure: bool = False
    scopes: list[tuple[Node, Node]] = field(default_factory=list)
    shared: set[tuple[str, str]] = field(default_factory=set)

    @property
    def noun(self) -> str:
        """What messages call it."""
        return _NOUNS[self.kind]
