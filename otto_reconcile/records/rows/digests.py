"""Digests of rows as they are stored, and of what rows can say of a declaration."""

from __future__ import annotations

from otto_reconcile.model import Bot, digest
from otto_reconcile.model.shared import Declaration
from otto_reconcile.records.rows import contents
from otto_reconcile.records.rows.projections import Rows, ours_of
from otto_reconcile.records.rows.shared import shared_view
from otto_reconcile.store.base import DAMAGED, Document


def rows_digest(rows: Rows) -> str:
    """Of rows as they are stored: of the fields that are ours but their times, in any order."""
    named = {
        name: sorted(_row_digest(name, row) for row in its) for name, its in rows.items() if its
    }
    return digest(named)


def _row_digest(name: str, row: Document) -> str:
    times = ("created_at", "updated_at")
    ours = ours_of(name, row) | {DAMAGED}
    said = {k: v for k, v in row.items() if k in ours and k not in times}
    try:
        return digest(said)
    except (TypeError, ValueError, RecursionError):  # a value that only other programs write
        return digest(repr(said))


def view_digest(declaration: Declaration) -> str:
    """Of all that rows can say of it, whatever their order and their spelling."""
    return (
        _bot_digest(declaration)
        if isinstance(declaration, Bot)
        else digest(shared_view(declaration))
    )


def _bot_digest(bot: Bot) -> str:
    document = bot.to_document()
    for name in ("masked", "suspended"):
        document.pop(name, None)
    by_id = ("guidelines", "journeys", "terms")
    for name in by_id:
        document[name] = sorted(document[name], key=lambda part: str(part["id"]))
    for name in contents.KEYS.keys() - set(by_id):
        if name in document:
            document[name] = sorted(document[name], key=digest)
    for guideline in document["guidelines"]:
        if guideline.get("tools"):
            guideline["tools"] = sorted(set(guideline["tools"]))
    pairs = {(r.kind, r.source, r.target, *filter(None, [r.group])) for r in bot.relationships}
    document["relationships"] = sorted(map(list, pairs))
    return digest(document)
