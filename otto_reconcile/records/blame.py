"""Which revision last changed each piece of what is wanted. Pure; the command `blame` shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from otto_reconcile.model.pieces import OWN, Piece, pieces_of
from otto_reconcile.records.events import Event


@dataclass(frozen=True, slots=True)
class Blamed:
    """One piece, or with `field` one of the own fields, and the revision that it is from."""

    kind: str
    id: str
    field: str | None
    event: Event


def blame(events: Iterable[Event]) -> list[Blamed]:
    """The pieces of the newest revision; `events` are all that can be read, the first one first.

    What was deleted and came back is from the revision that brought it back.
    """
    since: dict[tuple[str, str, str | None], tuple[object, Event]] = {}
    for event in events:
        now = {
            key: value
            for piece in pieces_of(event.declaration).values()
            for key, value in _values(piece)
        }
        since = {
            key: since[key] if key in since and since[key][0] == value else (value, event)
            for key, value in now.items()
        }
    return [Blamed(*key, event) for key, (_, event) in since.items()]


def _values(piece: Piece) -> list[tuple[tuple[str, str, str | None], object]]:
    """The own fields are told one by one, a part as a whole."""
    if piece.kind in OWN:
        return [((*piece.place, name), value) for name, value in piece.fields.items()]
    return [((*piece.place, None), piece.fields)]
