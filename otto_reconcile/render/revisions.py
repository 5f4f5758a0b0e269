"""Renders what differs between two revisions: as text, as markdown, and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from otto_reconcile.model import JSON
from otto_reconcile.planning.plan import Operation
from otto_reconcile.planning.redaction import shown
from otto_reconcile.planning.revisions import PieceChange
from otto_reconcile.render.changes import change_lines
from otto_reconcile.render.lines import Line, Tone, fenced, visible

_SIGNS = {
    Operation.CREATE: ("+", Tone.ADDED),
    Operation.UPDATE: ("~", Tone.CHANGED),
    Operation.DELETE: ("-", Tone.REMOVED),
}
_WORDS = {Operation.CREATE: "new", Operation.UPDATE: "changed", Operation.DELETE: "gone"}


def text_lines(title: str, sides: Sequence[str], found: Sequence[PieceChange]) -> Iterator[Line]:
    """For a person: the title, a line for each side, the changes, and how many there are."""
    yield Line(visible(title), Tone.HEADING)
    yield from (Line(visible(f"  {side}"), Tone.QUIET) for side in sides)
    yield from _piece_lines(found, indent="  ")
    yield Line(summary_line(found))


def _piece_lines(found: Sequence[PieceChange], *, indent: str = "") -> Iterator[Line]:
    for piece in found:
        sign, tone = _SIGNS[piece.operation]
        renamed = f" (renamed from {piece.former})" if piece.former else ""
        what = f"{piece.kind.replace('_', ' ')} {piece.id}{renamed}"
        yield Line(visible(f"{indent}{sign} {piece.operation} {what}"), tone)
        if piece.operation is Operation.DELETE:
            continue
        creating = piece.operation is Operation.CREATE
        for change in piece.changes:
            yield from change_lines(change, creating=creating, indent=f"{indent}    ", marking=True)


def summary_line(found: Sequence[PieceChange]) -> str:
    """`1 new, 2 changed`, or `no difference`."""
    counts = Counter(piece.operation for piece in found)
    told = [f"{counts[one]} {word}" for one, word in _WORDS.items() if counts[one]]
    return ", ".join(told) or "no difference"


def markdown(title: str, sides: Sequence[str], found: Sequence[PieceChange]) -> str:
    """For a review: a heading, a line for each side, and the changes as a fenced difference."""
    told = [f"- {visible(side)}" for side in sides]
    body = [line.text for line in _piece_lines(found)]
    parts = [f"### {visible(title)}", "\n".join(told), *([fenced(body)] if body else [])]
    return "\n\n".join([*parts, f"**{summary_line(found)}**"]) + "\n"


def document(found: Sequence[PieceChange]) -> dict[str, JSON]:
    """For a program: `changes` piece by piece, and `summary`."""
    counts = Counter(str(piece.operation) for piece in found)
    return {
        "changes": [_entry(piece) for piece in found],
        "summary": {str(operation): counts[str(operation)] for operation in _WORDS},
    }


def _entry(piece: PieceChange) -> dict[str, JSON]:
    changes = []
    for change in piece.changes:
        before, after = shown(change)
        changes.append({"field": change.field, "before": before, "after": after})
    return {
        "kind": piece.kind,
        "id": piece.id,
        **({"renamed_from": piece.former} if piece.former else {}),
        "operation": str(piece.operation),
        "changes": changes,
    }
