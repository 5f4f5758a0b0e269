"""persist_bot_creation: mirrors a bot that a program has just made in Parlant, as one revision."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from otto_reconcile.cells import NotUnderstood, id_in
from otto_reconcile.desired import Source
from otto_reconcile.errors import PermanentError
from otto_reconcile.manifest import ids
from otto_reconcile.persistence.domain import KIND, DomainPersistence
from otto_reconcile.store.base import Document

_log = logging.getLogger("otto_reconcile.persistence")

_NAMED_BY = {"guidelines": "condition", "journeys": "title", "terms": "name"}
_KEYS = {"guidelines": "guideline_id", "journeys": "journey_id", "terms": "term_id"}

Part = Mapping[str, Any]


async def persist_bot_creation(
    persistence: DomainPersistence,
    agent_id: str,
    agent_name: str,
    agent_description: str | None = None,
    composition_mode: str | None = None,
    max_engine_iterations: int | None = None,
    guidelines: Iterable[Part] = (),
    journeys: Iterable[Part] = (),
    metadata: Mapping[str, Any] | None = None,
    *,
    terms: Iterable[Part] = (),
    relationships: Iterable[Part] = (),
    session: str | None = None,
) -> bool:
    """Records the whole bot in one revision; True if nothing of it was left out. Never raises.

    Parts are mappings with the fields of their collections, and their id as Parlant has it under
    `guideline_id`, `journey_id`, `term_id` or `id`; a guideline's `tools` become tool mappings. A
    part without an id gets one made of its text, under which a restart brings it back. What is
    not understood is left out and logged. `session` is the chat in which the bot was wished for.
    """

    def write() -> None:
        bot_id = _bot_id(agent_id)
        bot = {
            "bot_id": bot_id,
            "name": agent_name,
            "description": agent_description,
            "composition_mode": composition_mode,
            "max_engine_iterations": max_engine_iterations,
            "metadata": dict(metadata or {}),
        }
        rows: dict[str, list[Document]] = {
            "bots": [bot],
            "guidelines": _parts("guidelines", bot_id, guidelines),
            "journeys": _parts("journeys", bot_id, journeys),
            "terms": _parts("terms", bot_id, terms),
            "relationships": [{**dict(one), "bot_id": bot_id} for one in relationships],
            "tool_mappings": [],
        }
        source = Source(KIND, session=session)
        problems = persistence.record(bot_id, lambda known: rows, strict=False, source=source)
        if problems:
            raise PermanentError("; ".join(problems))

    return await persistence.attempt(write)


def _bot_id(given: object) -> str:
    try:
        return id_in({"agent_id": given}, "agent_id")
    except NotUnderstood as error:
        raise PermanentError(str(error)) from error


def _parts(group: str, bot_id: str, parts: Iterable[Part]) -> list[Document]:
    return [_part(group, bot_id, dict(part)) for part in parts]


def _part(group: str, bot_id: str, part: Document) -> Document:
    key = _KEYS[group]
    part_id = part.get(key) or part.get("id")
    if part_id is None:
        text = str(part.get(_NAMED_BY[group]) or "")
        part_id = ids.complete(bot_id, ids.derived(text))
        _log.warning("bot %s: %s has no %s and gets %s", bot_id, group, key, part_id)
    return {**part, key: str(part_id), "bot_id": bot_id}
