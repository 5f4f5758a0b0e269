"""Documents of the collections to bots and back: the rows' own reading."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from otto_reconcile.errors import PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.records.events import DesiredBot
from otto_reconcile.records.rows.decoding import OWN, bot_from, is_otto
from otto_reconcile.records.rows.projections import COLLECTION_NAMES, SOLE, Rows, rows_of
from otto_reconcile.records.rows.values import NotUnderstood, needed, time_in
from otto_reconcile.store.base import Document, Store
from otto_reconcile.store.collections import COLLECTIONS, key_of

UNKNOWN = time_in({}, "created_at")
"""What a time that is missing or not understood is read as."""

_UNDATED = ("tool_mappings", "relationships")  # these have created_at only


def with_document(known: Bot | None, collection: str, document: Document) -> dict[str, Any]:
    """The rows of a bot with this document among them; fields that it does not name stay."""
    rows = rows_of(known) if known is not None else {name: [] for name in COLLECTION_NAMES}
    definition = COLLECTIONS[collection]
    ids = {k: str(document[k]) for k in definition.keys if document.get(k) is not None}
    document = {**document, **ids}
    key = key_of(definition, document)
    same = [row for row in rows[collection] if key_of(definition, row) == key]
    others = [row for row in rows[collection] if key_of(definition, row) != key]
    rows[collection] = [*others, {**(same[0] if same else {}), **document}]
    return rows


def must_belong(known: Bot | None, collection: str, document: Document) -> None:
    """Raises PermanentError for a part of a bot, or a tool of a guideline, that is not there."""
    if known is None:
        raise PermanentError(f"there is no bot {document['bot_id']!r}: persist it first")
    if collection != "tool_mappings":
        return
    owner = str(document["guideline_id"])
    if owner not in {guideline.id for guideline in known.guidelines}:
        raise PermanentError(f"bot {known.id!r} has no guideline {owner!r}: persist it first")
    try:
        needed(document, "tool_name")
    except NotUnderstood as error:
        raise PermanentError(f"tool_mappings of bot {known.id!r}: {error}") from error


def understood(bot_id: str, rows: Rows, known: Bot | None) -> tuple[Bot, list[str]]:
    """The bot that the rows mean, and what of them was not understood.

    Raises PermanentError if there is none to be made of them, or if it is Otto.
    """
    if is_otto(bot_id, rows):
        raise PermanentError(f"bot {bot_id!r}: {OWN}")
    bot, problems = bot_from(bot_id, rows, known)
    if bot is None:
        raise PermanentError("; ".join(problems))
    return bot, problems


def taken(store: Store, bot: Bot, known: Bot | None) -> dict[tuple[str, str], str]:
    """The new parts, by collection and id, whose id another bot's part has, with the reason.

    They would be one row.
    """
    lost = {}
    for name in SOLE:
        key = COLLECTIONS[name].keys[0]
        before = {part.id for part in getattr(known, name)} if known is not None else set()
        new = sorted({part.id for part in getattr(bot, name)} - before)
        if not new:
            continue
        found = store.find(name, {key: {"$in": new}}, fields=(key, "bot_id"))
        for row in found:
            if str(owner := row.get("bot_id")) != bot.id:
                lost[name, str(row[key])] = f"{key} {row[key]!r} is that of bot {owner!r}"
    return lost


def without(rows: Rows, lost: Collection[tuple[str, str]]) -> dict[str, list[Document]]:
    """The rows but those, by collection and id."""
    keys = {name: COLLECTIONS[name].keys[0] for name in rows}
    return {
        name: [row for row in of_name if (name, str(row.get(keys[name]))) not in lost]
        for name, of_name in rows.items()
    }


def documents(store: Store, collection: str, wanted: Sequence[DesiredBot]) -> Iterator[Document]:
    """The documents of these bots in a collection, with the times of their rows."""
    definition = COLLECTIONS[collection]
    where = {"bot_id": {"$in": [one.bot.id for one in wanted]}}
    stored = {key_of(definition, row): row for row in store.find(collection, where)}
    for one in wanted:
        for row in rows_of(one.bot)[collection]:
            yield {**row, **_times(collection, stored.get(key_of(definition, row), {}), one.time)}


def _times(collection: str, row: Mapping[str, Any], otherwise: datetime) -> Document:
    names = ("created_at",) if collection in _UNDATED else ("created_at", "updated_at")
    found = {name: time_in(dict(row), name) for name in names}
    return {name: otherwise if time == UNKNOWN else time for name, time in found.items()}
