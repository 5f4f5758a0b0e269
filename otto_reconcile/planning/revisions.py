"""What differs between two revisions of what is wanted, piece by piece. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from otto_reconcile.model.former import carried
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.pieces import OWN, STATE, Piece, Place, orders_of, pieces_of
from otto_reconcile.model.shared import Declaration
from otto_reconcile.planning.plan import Change, Operation

_KINDS = [*OWN, *(group.kind for group in GROUPS.values())]
_KINDS.insert(_KINDS.index("journey") + 1, STATE)
_RENAMABLE = ("guideline", "journey", STATE)
ORDER = "order of "
"""How the name of a field begins that has the ids of a group in their order."""


@dataclass(frozen=True, slots=True)
class PieceChange:
    """What became of one piece: it was made, deleted, renamed, or its fields changed.

    `former` is the id of one that was renamed.
    """

    operation: Operation
    kind: str
    id: str
    changes: tuple[Change, ...] = ()
    former: str | None = None


def compare(
    before: Declaration | None,
    after: Declaration | None,
    between: Sequence[Declaration | None] = (),
) -> tuple[PieceChange, ...]:
    """All that differs, sorted by kind and id; None stands for what is not wanted.

    Whether a bot is suspended is no difference. Where parts that both have come in another order,
    the own fields say so. What a manifest says to be renamed is the same piece, also where it was
    renamed in one of the revisions `between`, which come in their order.
    """
    written, before = before, carried(before, *between, after)
    former = _former(written, before)
    old, new = pieces_of(before), pieces_of(after)
    moved = tuple(_moved(before, after)) if before is not None and after is not None else ()
    found = []
    for place in old.keys() | new.keys():
        more = moved if place[0] in OWN else ()
        change = _changed(old.get(place), new.get(place), more, former.get(place))
        if change is not None:
            found.append(change)
    return tuple(sorted(found, key=lambda change: (_KINDS.index(change.kind), change.id)))


def _former(written: Declaration | None, carried: Declaration | None) -> Mapping[Place, str]:
    """The former ids of what was renamed itself: not those of the states of such a journey."""
    if carried is written:
        return {}
    pairs = zip(pieces_of(written).values(), pieces_of(carried).values(), strict=True)
    return {
        new.place: old.id
        for old, new in pairs
        if new.kind in _RENAMABLE and _name(new) != _name(old)
    }


def _name(piece: Piece) -> str:
    return piece.id.rpartition("/")[2]


def _changed(
    old: Piece | None, new: Piece | None, moved: tuple[Change, ...], former: str | None
) -> PieceChange | None:
    piece = new or old
    assert piece is not None
    changes = (*_changes(old, new), *moved)
    if old is not None and new is not None:
        if not changes and former is None:
            return None
        return PieceChange(Operation.UPDATE, piece.kind, piece.id, changes, former)
    operation = Operation.CREATE if old is None else Operation.DELETE
    return PieceChange(operation, piece.kind, piece.id, changes)


def _changes(old: Piece | None, new: Piece | None) -> Iterator[Change]:
    before, after = old.fields if old else {}, new.fields if new else {}
    masked = (old.masked if old else frozenset()) | (new.masked if new else frozenset())
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name), name in masked)


def _moved(before: Declaration, after: Declaration) -> Iterator[Change]:
    old, new = orders_of(before), orders_of(after)
    for group in old:
        earlier = [identity for identity in old[group] if identity in new[group]]
        later = [identity for identity in new[group] if identity in old[group]]
        if earlier != later:
            yield Change(f"{ORDER}{group.replace('_', ' ')}", earlier, later)
