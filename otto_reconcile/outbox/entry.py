"""One desired write on its way to the store, and how it gets there once and only once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import Conflict, NotFound, PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.records.events import DesiredBot, Source, utc
from otto_reconcile.records.fields import text


@dataclass(frozen=True, slots=True)
class Pending:
    """One write. `bot` None is a deletion.

    `expect` is the revision that it was decided on; 0: that there is no such bot. None follows
    another pending write of the same bot, whose revision is not known yet.
    """

    bot_id: str
    bot: Bot | None
    expect: int | None
    source: Source
    actor: str
    time: datetime
    entry_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def wanted(self) -> DesiredBot | None:
        """What it makes of the bot; its revision is not known yet. None: the bot is to go."""
        if self.bot is None:
            return None
        return DesiredBot(self.bot, 0, self.source, self.actor, self.time)

    def to_document(self) -> dict[str, Any]:
        return {
            "do": "write",
            "id": self.entry_id,
            "bot_id": self.bot_id,
            "bot": None if self.bot is None else self.bot.to_document(),
            "expect": self.expect,
            "source": self.source.to_document(),
            "actor": self.actor,
            "time": self.time.isoformat(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Pending:
        """Raises KeyError, TypeError or ValueError for what is none."""
        bot = document["bot"]
        return cls(
            bot_id=text(document["bot_id"]),
            bot=None if bot is None else Bot.from_document(bot),
            expect=document["expect"],
            source=Source.from_document(document["source"]),
            actor=text(document["actor"]),
            time=utc(datetime.fromisoformat(document["time"])),
            entry_id=text(document["id"]),
        )


def save(pending: Pending, desired: DesiredState) -> str | None:
    """None if it is in the store now; else why it never will be. Raises StoreUnavailable."""
    if _recorded(pending, desired):
        return None
    how: dict[str, Any] = {"source": _marked(pending), "actor": pending.actor}
    try:
        how["expect"] = pending.expect or _vacant(pending, desired)
        if pending.bot is None:
            desired.delete(pending.bot_id, **how)
        else:
            desired.put(pending.bot, **how)
    except NotFound:
        return None  # it was to be deleted
    except PermanentError as error:
        return error.message
    return None


def _vacant(pending: Pending, desired: DesiredState) -> int | None:
    """The revision that a creation follows: a bot that was deleted has one. Raises Conflict."""
    if pending.expect is None:
        return None
    newest = next(iter(desired.history(pending.bot_id, limit=1)), None)
    if newest is not None and newest.bot is not None:
        raise Conflict(
            f"there is a bot {pending.bot_id!r} already, named {newest.bot.name!r}, "
            f"at revision {newest.revision} from {newest.source.path or newest.source.kind}"
        )
    return newest.revision if newest is not None else 0


def _recorded(pending: Pending, desired: DesiredState) -> bool:
    """True if the store has the event already: it was written, and the process died then."""
    mark = _marked(pending)
    return any(event.source == mark for event in desired.history(pending.bot_id))


def _marked(pending: Pending) -> Source:
    """Its source with the entry's own id: the same wish may come twice, with another between."""
    return replace(pending.source, note=f"journal {pending.entry_id[:12]}")
