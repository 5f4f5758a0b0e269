"""What is wanted, taken to pieces: its own fields, each part, and each state of a journey. Pure.

`planning.revisions` compares two revisions by it, and `records.blame` says who changed what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from otto_reconcile.model.bot import RENAMED, Bot
from otto_reconcile.model.groups import GROUPS, Group, caption
from otto_reconcile.model.resource import JSON
from otto_reconcile.model.shared import Declaration, SharedToolService
from otto_reconcile.model.states import Journey

STATE = "state"
OWN = ("bot", "glossary", "tool_service")
"""The kinds of the piece that has the own fields of a bot, or of what bots share."""
_APART = frozenset({"id", "kind", "masked", "suspended", "service", *GROUPS})
RENAMES = "renamedFrom"
"""The own field that has which parts had another id."""
_PEOPLES = ("labels", "annotations")  # there is no way to declare that there are none

Place: TypeAlias = tuple[str, str]
"""The kind and the id of a piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One part, one state (`<journey>/<state>`), or the own fields of the whole.

    `fields` are those that are declared; the `masked` ones hold a secret and are never shown.
    """

    kind: str
    id: str
    fields: Mapping[str, JSON]
    masked: frozenset[str] = frozenset()

    @property
    def place(self) -> Place:
        return self.kind, self.id


def pieces_of(declaration: Declaration | None) -> dict[Place, Piece]:
    """All pieces by their places, the own fields first; nothing of what is not wanted."""
    if declaration is None:
        return {}
    pieces = [_own(declaration)]
    for group in GROUPS.values():
        pieces += (
            piece for part in group.of(declaration) for piece in _part(declaration, group, part)
        )
    return {piece.place: piece for piece in pieces}


def orders_of(declaration: Declaration | None) -> dict[str, list[str]]:
    """The ids of the parts by group, in their order."""
    return {
        group.name: [_id(group, part) for part in group.of(declaration)]
        for group in GROUPS.values()
        if declaration is not None
    }


def _own(declaration: Declaration) -> Piece:
    document = declaration.to_document()
    if isinstance(declaration, SharedToolService):
        document |= {name: v for name, v in document["service"].items() if name != "name"}
        apart = _APART - {"kind"}
    else:
        apart = _APART
    annotations = dict(document.get("annotations", {}))
    renames = {RENAMES: annotations.pop(RENAMED)} if RENAMED in annotations else {}
    document |= {"annotations": annotations, **renames}
    fields = {
        n: value for n, value in document.items() if n not in apart and (value or n not in _PEOPLES)
    }
    masked = {path.split("/")[0] for path in declaration.masked}
    kind = "bot" if isinstance(declaration, Bot) else _kind_of(declaration)
    return Piece(kind, declaration.id, fields, frozenset(masked & fields.keys()))


def _kind_of(declaration: Any) -> str:
    return "tool_service" if isinstance(declaration, SharedToolService) else "glossary"


def _part(declaration: Declaration, group: Group, part: Any) -> Iterator[Piece]:
    identity = _id(group, part)
    prefix = f"{group.name}/{identity.replace('~', '~0').replace('/', '~1')}/"
    paths = [p.removeprefix(prefix) for p in declaration.masked if p.startswith(prefix)]
    masked = frozenset(path.split("/")[0] for path in paths)
    document = part.model_dump(mode="json", exclude_none=True) if group.identity else {}
    states = document.pop("states", None) if isinstance(part, Journey) else None
    fields = {name: value for name, value in document.items() if name != group.identity}
    yield Piece(group.kind, identity, fields, masked & fields.keys())
    for state in states or ():
        said = {name: value for name, value in state.items() if name != "id"}
        hidden = frozenset(said) if "states" in masked else frozenset()
        yield Piece(STATE, f"{identity}/{state['id']}", said, hidden)


def _id(group: Group, part: Any) -> str:
    """Of a relationship, which has no identity, all that it says."""
    if group.identity is not None:
        return str(getattr(part, group.identity))
    return f"{caption(part)} ({part.group})" if part.group else caption(part)
