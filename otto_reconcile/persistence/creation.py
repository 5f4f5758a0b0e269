"""persist_bot_creation: mirrors a bot that a program has just made in Parlant, as one revision."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from otto_reconcile.desired import Source
from otto_reconcile.errors import PermanentError, SettingsError
from otto_reconcile.manifest import ids
from otto_reconcile.persistence.arguments import must_be_persistence
from otto_reconcile.persistence.domain import DomainPersistence
from otto_reconcile.persistence.fitting import listed
from otto_reconcile.persistence.writes import KIND
from otto_reconcile.records.rows.projections import COLLECTION_NAMES
from otto_reconcile.records.rows.values import id_in
from otto_reconcile.store.base import Document

_log = logging.getLogger("otto_reconcile.persistence")

_NAMED_BY = {
    "guidelines": ("condition", "action"),
    "journeys": ("title", "description"),
    "terms": ("name", "description"),
}
_KEYS = {"guidelines": "guideline_id", "journeys": "journey_id", "terms": "term_id"}

Part = Mapping[str, Any]


async def persist_bot_creation(
    persistence: DomainPersistence,
    agent_id: str,
    agent_name: str,
    agent_description: str | None = None,
    composition_mode: str | None = None,
    max_engine_iterations: int | None = None,
    guidelines: Iterable[Part] | None = (),
    journeys: Iterable[Part] | None = (),
    metadata: Mapping[str, Any] | None = None,
    *,
    terms: Iterable[Part] | None = (),
    relationships: Iterable[Part] | None = (),
    session: str | None = None,
) -> bool:
    """Records the whole bot in one revision; True if nothing of it was left out. Never raises.

    Parts are mappings with the fields of their collections, and their id as Parlant has it under
    `guideline_id`, `journey_id`, `term_id` or `id`; a guideline's `tools` become tool mappings. A
    part without an id gets one made of its text, under which a restart brings it back. None means
    that there are none. A part that is not understood is left out and logged; where the bot's own
    fields are not understood, nothing is recorded. While the database is away the answer is False
    too; with a `journal` the bot is noted there, and recorded when the database answers. `session`
    is the chat in which the bot was wished for.
    """
    given = {
        "guidelines": guidelines,
        "journeys": journeys,
        "terms": terms,
        "relationships": relationships,
    }

    def write() -> None:
        bot_id = id_in({"agent_id": agent_id}, "agent_id")
        bot = {
            "bot_id": bot_id,
            "name": agent_name,
            "description": agent_description,
            "composition_mode": composition_mode,
            "max_engine_iterations": max_engine_iterations,
            "metadata": {} if metadata is None else metadata,
        }
        rows: dict[str, list[Document]] = {name: [] for name in COLLECTION_NAMES}
        rows["bots"] = [bot]
        problems: list[str] = []
        for group, parts in given.items():
            rows[group] = _parts(group, bot_id, parts, problems)
        source = Source(KIND, session=None if session is None else str(session))
        problems += persistence.recording.record_or_note(bot_id, rows, source=source)
        if problems:
            raise PermanentError("; ".join(problems))

    try:
        must_be_persistence(persistence)
    except SettingsError as error:
        _log.warning("not recorded: %s", error)
        return False
    return await persistence.attempt(write)


def _parts(group: str, bot_id: str, given: object, problems: list[str]) -> list[Document]:
    """The rows of these parts; what cannot be one is a problem."""
    parts = listed(given)
    if parts is not None and not isinstance(parts, list):
        problems.append(f"{group} of bot {bot_id!r}: not a list of mappings; it was left out")
        return []
    found: list[Document] = []
    for place, part in enumerate(parts or ()):
        if isinstance(part, Mapping):
            found.append(_part(group, bot_id, {str(k): listed(v) for k, v in part.items()}, found))
        else:
            problems.append(f"{group} of bot {bot_id!r}: no {place} is no mapping; it was left out")
    return found


def _part(group: str, bot_id: str, part: Document, before: Sequence[Document]) -> Document:
    if group not in _KEYS:  # relationships have no ids
        return {**part, "bot_id": bot_id}
    key = _KEYS[group]
    part_id = part.get(key) or part.get("id")
    if part_id is None:
        part_id = _made_up(group, bot_id, part, before)
        _log.warning("bot %s: %s has no %s and gets %s", bot_id, group, key, part_id)
    return {**part, key: str(part_id), "bot_id": bot_id}


def _made_up(group: str, bot_id: str, part: Document, before: Sequence[Document]) -> str:
    """Of the first text; of both texts, where a part before it has the first and not the second."""
    first, second = _NAMED_BY[group]
    text = str(part.get(first) or "")
    short = ids.complete(bot_id, ids.derived(text))
    same = [row for row in before if row[_KEYS[group]] == short]
    if all(row.get(second) == part.get(second) for row in same):
        return short
    return ids.complete(bot_id, ids.derived(f"{text} {part.get(second)}"))
