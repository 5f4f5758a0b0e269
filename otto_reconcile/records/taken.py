"""Refuses a part under an id that another bot has: a target holds one thing to an id."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from otto_reconcile.errors import PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.shared import called
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.heads import Step
from otto_reconcile.records.revisions import Revisions
from otto_reconcile.records.rows.projections import SOLE
from otto_reconcile.store.collections import COLLECTIONS


def refuse_taken(
    log: Log, revisions: Revisions, steps: Sequence[Step], leaving: Collection[str] = ()
) -> None:
    """Raises PermanentError where a new part has the id of one of another bot that stays.

    The rows tell which bots to ask; what they say themselves may not be recorded yet.
    """
    after = {s.event.bot_id: s.event.bot for s in steps if s.event.bot is not None}
    for name in SOLE:
        new = dict(_new_ids(steps, name))
        key = COLLECTIONS[name].keys[0]
        rows = log.store.find(name, {key: {"$in": sorted(new)}}) if new else []
        others = {r["bot_id"] for r in rows if isinstance(r.get("bot_id"), str)} - set(leaving)
        asked = revisions.desired(log.settled(sorted(others - after.keys())))
        bots = {**{i: one.bot for i, one in asked.bots.items()}, **after}
        for bot_id, bot in sorted(bots.items()):
            for part_id in sorted({part.id for part in getattr(bot, name)} & new.keys()):
                if new[part_id] != bot_id:
                    raise _taken(name, part_id, bot_id, new[part_id])


def _new_ids(steps: Sequence[Step], name: str) -> Iterator[tuple[str, str]]:
    """The ids that the bots of these steps have and had not, each with its bot."""
    for step in steps:
        if isinstance(step.event.declaration, Bot):
            before = {part.id for part in getattr(step.before, name, ())}
            for part in getattr(step.event.declaration, name):
                if part.id not in before:
                    yield part.id, step.event.bot_id


def _taken(name: str, part_id: str, owner: str, bot_id: str) -> PermanentError:
    kind = GROUPS[name].kind.replace("_", " ")
    return PermanentError(
        f"{called(bot_id)} cannot have the {kind} {part_id!r}: it is that of {called(owner)}",
        hint=f"give one of them another id, or delete {owner} first",
    )
