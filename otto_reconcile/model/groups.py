"""The groups of parts that a bot has, as its model names them: the one list of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.part import Part

_CAPTIONS = ("condition", "title", "name", "value", "id")
"""What a person knows a part by: the first of these fields that it has and that says something."""


@dataclass(frozen=True, slots=True)
class Group:
    """A list of a Bot. `name` is the field, `kind` that of the resources its parts become."""

    name: str
    kind: str
    model: type[Part]

    @property
    def identity(self) -> str | None:
        """The field of a part that has its identity; None for what is nothing but its fields."""
        return self.model.named_by or ("id" if "id" in self.model.model_fields else None)

    @property
    def key(self) -> str | None:
        """The field of a row that has the identity of a part."""
        return f"{self.kind}_id" if self.identity == "id" else self.identity

    @property
    def is_sole(self) -> bool:
        """True where no two bots may have a part with one id: it is one thing on a target."""
        return self.identity == "id" and not self.model.complete

    @property
    def is_written_whole(self) -> bool:
        """True where a manifest has the identity as it is: a name, or a complete id."""
        return self.model.named_by is not None or self.model.complete

    @property
    def id_from(self) -> str:
        """The field of a manifest's part that its identity is made from, or is."""
        return self.model.named_by or self.model.id_from or "id"

    def of(self, bot: Any) -> list[Any]:
        """The parts of a bot, or of a document that bots share; such a one may lack the group."""
        return list(getattr(bot, self.name, ()))

    def counted(self, number: int) -> str:
        """`1 tool service`, `2 tool services`."""
        return f"{number} {(self.kind if number == 1 else self.name).replace('_', ' ')}"


def _groups() -> Iterator[Group]:
    for name, field in Bot.model_fields.items():
        for model in get_args(field.annotation):
            if isinstance(model, type) and issubclass(model, Part) and field.default == []:
                kind = re.sub(r"(?<!^)([A-Z])", r"_\1", model.__name__).lower()
                yield Group(name, kind, model)


GROUPS: Mapping[str, Group] = {group.name: group for group in _groups()}
"""All of them by name, in the order of the Bot's fields."""

BY_KIND: Mapping[str, Group] = {group.kind: group for group in GROUPS.values()}

TAGGED: tuple[Group, ...] = tuple(g for g in GROUPS.values() if "tags" in g.model.model_fields)
"""Those whose parts name tags."""


def caption(part: Any) -> str:
    """A part in words, for a list of what is there."""
    if hasattr(part, "source") and hasattr(part, "target"):
        return f"{part.source} {part.kind} {part.target}"
    return next(str(text) for name in _CAPTIONS if (text := getattr(part, name, None)))
