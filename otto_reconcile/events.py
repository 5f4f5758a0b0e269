"""What the event log says: Source, Event, Wanted and their documents; `desired` gives them out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from otto_reconcile.resources import Bot
from otto_reconcile.store.base import Document

SCHEMA = 1
"""The form of an event's document; one with a higher number was written by a newer version."""

ROWS = "rows"
"""The kind of source of what another program wrote into the collections."""


class EventType(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    SUSPENDED = "suspended"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a revision came from. `kind`: manifest, specification, rows, cli, adoption, ...

    `note` is what the person who did it said.
    """

    kind: str
    path: str | None = None
    root: str | None = None
    commit: str | None = None
    session: str | None = None
    note: str | None = None

    def to_document(self) -> Document:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Source:
        names = ("kind", "path", "root", "commit", "session", "note")
        return cls(**{name: document.get(name) for name in names})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Event:
    """One revision of one bot. `bot` is None where it was deleted. `digest` as `Bot.digest`."""

    bot_id: str
    revision: int
    type: EventType
    bot: Bot | None
    digest: str
    source: Source
    actor: str
    time: datetime
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def to_document(self) -> Document:
        return {
            "event_id": self.event_id,
            "schema": SCHEMA,
            "bot_id": self.bot_id,
            "revision": self.revision,
            "type": str(self.type),
            "bot": None if self.bot is None else self.bot.to_document(),
            "digest": self.digest,
            "source": self.source.to_document(),
            "actor": self.actor,
            "time": self.time,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Event:
        """Raises ValueError with a sentence that says why it cannot be read."""
        schema = document.get("schema")
        if not isinstance(schema, int) or schema > SCHEMA:
            raise ValueError("it was written by a newer otto-reconcile; update this one")
        try:
            bot = document.get("bot")
            return cls(
                bot_id=document["bot_id"],
                revision=int(document["revision"]),
                type=EventType(document["type"]),
                bot=None if bot is None else Bot.from_document(bot),
                digest=document["digest"],
                source=Source.from_document(document["source"]),
                actor=document["actor"],
                time=utc(document["time"]),
                event_id=document["event_id"],
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise ValueError(f"its record of revision is damaged: {said}") from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bot as it is wanted now, and who wanted it."""

    bot: Bot
    revision: int
    source: Source
    actor: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Desired:
    """All that is wanted. Bots in `unreadable` (with the reason) are wanted too: leave them be."""

    bots: Mapping[str, Wanted]
    unreadable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What one look at the rows gave: events recorded, rows not understood, bots that vanished."""

    events: tuple[Event, ...] = ()
    problems: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    @property
    def bots_absorbed(self) -> int:
        return len({event.bot_id for event in self.events if event.bot is not None})


def utc(time: datetime) -> datetime:
    """A time without a zone is taken as UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def now_utc() -> datetime:
    """Now, in whole milliseconds, as every store keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
