"""A document on its way to a bot, and the groups of parts that it may have: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from otto_reconcile.manifest.bot_forms import BotForm, form_of
from otto_reconcile.manifest.interpolation import Unset
from otto_reconcile.manifest.shared_forms import GlossaryForm, SharedServiceForm
from otto_reconcile.manifest.tree import Faults, Node, Path
from otto_reconcile.model import JSON, Masked
from otto_reconcile.model.groups import GROUPS

_APART = ("relationships", "tool_services")
PART_FORMS: Mapping[str, type[BaseModel]] = {
    name: form_of(group.model) for name, group in GROUPS.items() if name not in _APART
}
"""The form of a part of each group; relationships and tool services have no ids and come apart."""

_NOUNS = {"Bot": "bot", "Glossary": "glossary", "ToolService": "tool service"}


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
    there are items of which not even the id is known. `metadata` is as it is written.
    `scopes` has the guidelines that stand in a journey, each with it.
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
    metadata: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        """What messages call it."""
        return _NOUNS[self.kind]
