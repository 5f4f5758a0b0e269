"""Which revision last changed each piece of what is wanted. Pure; the command `blame` shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from otto_reconcile.model.former import carried
from otto_reconcile.model.pieces import OWN, RENAMES, Piece, pieces_of
from otto_reconcile.model.shared import Declaration
from otto_reconcile.records.events import Event

_Key: TypeAlias = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Blamed:
    """One piece, or with `field` one of the own fields, and the revision that it is from."""

    kind: str
    id: str
    field: str | None
    event: Event


def blame(events: Iterable[Event]) -> list[Blamed]:
    """The pieces of the newest revision; `events` are all that can be read, the first one first.

    Those that a bot had under a former id come before those that it has now.
    What was deleted and came back is from the revision that brought it back. What only got another
    id is from the one that last changed anything else of it.
    """
    since: dict[_Key, Event] = {}
    before: Declaration | None = None
    bot_id: str | None = None
    for event in events:
        then = carried(before, event.declaration)
        known = dict(zip(_values(before), _values(then).items(), strict=True))
        had = {key: (value, since[old]) for old, (key, value) in known.items()}
        if bot_id is not None and bot_id != event.bot_id:
            had = {_moved(k, bot_id, event.bot_id): one for k, one in had.items()}
        former, bot_id = bot_id or event.bot_id, event.bot_id
        since = {
            key: had[key][1]
            if key in had and value in (had[key][0], _moved(had[key][0], former, bot_id))
            else event
            for key, value in _values(event.declaration).items()
        }
        before = event.declaration
    return [Blamed(*key, event) for key, event in since.items()]


def _moved(said: Any, former: str, now: str) -> Any:
    """Ids of a bot and of its parts, in whatever this is, as they are under its new id."""
    if isinstance(said, str):
        return re.sub(rf"(?<![\w.-]){re.escape(former)}(?=\.|$)", lambda _: now, said)
    if isinstance(said, Mapping):
        return {name: _moved(value, former, now) for name, value in said.items()}
    if isinstance(said, list | tuple):
        return type(said)(_moved(item, former, now) for item in said)
    return said


def _values(declaration: Declaration | None) -> dict[_Key, object]:
    return {key: value for piece in pieces_of(declaration).values() for key, value in _told(piece)}


def _told(piece: Piece) -> list[tuple[_Key, object]]:
    """The own fields are told one by one, a part as a whole."""
    if piece.kind in OWN:
        fields = piece.fields.items()
        return [((*piece.place, name), value) for name, value in fields if name != RENAMES]
    return [((*piece.place, None), piece.fields)]
