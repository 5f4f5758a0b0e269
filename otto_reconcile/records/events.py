"""What the event log says: Source, Event, DesiredBot and their documents; `desired` gives them out.

What is wanted is a bot or a document that bots share. The field `bot_id` names either: the id of a
bot, or `glossary/<id>` and the like, which no bot can have.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from otto_reconcile.errors import SettingsError
from otto_reconcile.model import Bot, digest
from otto_reconcile.model.shared import Declaration, SharedDocument, called, shared_from, stream_of
from otto_reconcile.records.fields import said_of, text, text_or_none, whole
from otto_reconcile.runtime.limits import check
from otto_reconcile.store.base import DAMAGED, Document, Store

SCHEMA = 2
"""The form of an event's document; one with a higher number was written by a newer version."""

_OF_BOTS = 1  # what earlier versions read too
_TEXTS = ("bot_id", "event_id", "digest", "actor")

NEWER = "it was written by a newer otto-reconcile; update this one"
"""Why a revision cannot be read that only a newer version understands: nothing is put over it."""

ROWS = "rows"
"""The kind of source of what another program wrote into the collections."""

ROLLBACK = "rollback"
"""The kind of source of what brought an earlier revision back, see `records.rollbacks`."""


def refuse_newer(store: Store) -> None:
    """Raises SettingsError if a newer version has written in this store.

    Its file tells that of a store that is one. Raises StoreUnavailable.
    """
    if store.atomic:
        return
    if store.find("events", {"schema": {"$gt": SCHEMA}}, limit=1, fields=("event_id",)):
        raise SettingsError(
            f"{store.label} was written by a newer otto-reconcile",
            hint="update otto-reconcile, or name another database with --database",
        )


class EventType(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    SUSPENDED = "suspended"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a revision came from. `kind`: manifest, specification, rows, cli, adoption, ...

    `note` is what the person who did it said. `owner` is for whom Otto made a bot, see
    `otto.access`; None where nobody in a chat may change it. `author`, `subject` and `committed`
    (ISO 8601, UTC) are those of the commit, where commits are the source. Of a rollback, `path` and
    `root` are those of the manifest, and `over` the digest of what it says, if it says otherwise.
    """

    kind: str
    path: str | None = None
    root: str | None = None
    commit: str | None = None
    session: str | None = None
    note: str | None = None
    owner: str | None = None
    author: str | None = None
    subject: str | None = None
    committed: str | None = None
    over: str | None = None

    @property
    def origin(self) -> str:
        """Where the content is from, for a person: a file, or what was done."""
        return self.kind if self.kind == ROLLBACK else self.path or self.kind

    def to_document(self) -> Document:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Source:
        """Raises TypeError for a field that is no text."""
        found = {name: text_or_none(document.get(name)) for name in cls.__slots__}
        text(found["kind"])
        return cls(**found)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Event:
    """One revision of what is wanted. `declaration` is None where it was deleted."""

    bot_id: str
    revision: int
    type: EventType
    declaration: Declaration | None
    digest: str
    source: Source
    actor: str
    time: datetime
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def bot(self) -> Bot | None:
        """The bot, in an event of a bot that was not deleted."""
        return self.declaration if isinstance(self.declaration, Bot) else None

    @property
    def about(self) -> dict[str, Any]:
        """Who, when and why, without the content."""
        return {
            "bot_id": self.bot_id,
            "revision": self.revision,
            "type": str(self.type),
            "time": self.time,
            "actor": self.actor,
            "source": self.source.to_document(),
            "digest": self.digest,
        }

    def to_document(self) -> Document:
        document: Document = {
            "event_id": self.event_id,
            "schema": _OF_BOTS,
            "bot": None if self.bot is None else self.bot.to_document(),
            **self.about,
        }
        if self.declaration is None or isinstance(self.declaration, Bot):
            return document
        return {**document, "schema": SCHEMA, "shared": self.declaration.to_document()}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Event:
        """Raises ValueError with a sentence that says why it cannot be read."""
        schema = document.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise ValueError(NEWER)
        try:
            return cls._read(document)
        except KeyError as error:
            raise ValueError(f"its newest revision is damaged: it has no {error}") from error
        except ValidationError as error:
            raise ValueError(f"its newest revision is damaged: {said_of(error)}") from error
        except (TypeError, AttributeError) as error:
            said = "its newest revision is damaged: a field has a value of another kind"
            raise ValueError(said) from error
        except (ValueError, RecursionError) as error:
            said = " ".join(str(error).split())[:200]
            raise ValueError(f"its newest revision is damaged: {said}") from error

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> Event:
        if (why := document.get(DAMAGED)) is not None:
            raise ValueError(why)
        if not _is_as_written(document):
            check({name: document[name] for name in ("bot", "shared") if document.get(name)})
        told = {name: text(document[name]) for name in _TEXTS}
        declaration = _declaration(document)
        if declaration is not None and stream_of(declaration) != document["bot_id"]:
            raise ValueError(f"it is one of {called(stream_of(declaration))}")
        return cls(
            **told,
            revision=whole(document["revision"]),
            type=EventType(document["type"]),
            declaration=declaration,
            source=Source.from_document(document["source"]),
            time=utc(document["time"]),
        )


@dataclass(frozen=True, slots=True)
class DesiredBot:
    """A bot as it is wanted now, and who wanted it."""

    bot: Bot
    revision: int
    source: Source
    actor: str
    time: datetime


@dataclass(frozen=True, slots=True)
class DesiredShared:
    """A document that bots share, as it is wanted now, and who wanted it."""

    document: SharedDocument
    revision: int
    source: Source
    actor: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Desired:
    """All that is wanted. Bots in `unreadable` (with the reason) are wanted too: leave them be.

    `shared` and `unreadable_shared` are the same of the documents that bots share; `last_shared`
    has, of those that are damaged, the last revision that can be read.
    """

    bots: Mapping[str, DesiredBot]
    unreadable: Mapping[str, str]
    shared: Mapping[str, DesiredShared] = field(default_factory=dict)
    unreadable_shared: Mapping[str, str] = field(default_factory=dict)
    last_shared: Mapping[str, DesiredShared] = field(default_factory=dict)

    @property
    def is_readable(self) -> bool:
        """True if nothing of it is damaged."""
        return not (self.unreadable or self.unreadable_shared or self.last_shared)

    def with_moved(self, bot_ids: AbstractSet[str], now: Desired) -> Desired:
        """This with these bots as they are in `now`; sorted by bot id, as ever."""
        bots = {**self.bots, **now.bots}
        for bot_id in bot_ids - now.bots.keys():
            bots.pop(bot_id, None)
        if not now.bots.keys() <= self.bots.keys():
            bots = dict(sorted(bots.items()))
        unreadable = {n: why for n, why in self.unreadable.items() if n not in bot_ids}
        return replace(self, bots=bots, unreadable={**unreadable, **now.unreadable})


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one look at the rows gave: events recorded, rows not understood, bots that vanished.

    What was recorded and what vanished may be shared documents too. `faults` are those of the
    problems that concern single bots, by bot id; what is `amiss` has rows that are damaged or gone.
    What was `passed_over` was just being written, and is for the next look.
    """

    events: tuple[Event, ...] = ()
    problems: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amiss: frozenset[str] = frozenset()
    passed_over: frozenset[str] = frozenset()

    @property
    def nothing_odd(self) -> bool:
        """True if the rows say what is wanted, to the last one."""
        return not (self.problems or self.vanished or self.faults or self.amiss or self.passed_over)

    @property
    def bots_ingested(self) -> int:
        return len({event.bot_id for event in self.events if event.bot is not None})


def _is_as_written(document: Mapping[str, Any]) -> bool:
    """True if the digest says so: then it was checked when it was written."""
    bot = document.get("bot")
    if not isinstance(bot, dict) or document.get("shared") is not None:
        return False
    with suppress(TypeError, ValueError, RecursionError):
        said = {name: value for name, value in bot.items() if name != "suspended"}
        return digest(said) == document.get("digest")
    return False


def remedy(name: str, reason: str) -> str | None:
    """What to do about what cannot be read; what a newer version wrote says so itself."""
    if reason == NEWER:
        return None
    return f"apply its manifest, which writes it anew; to end it: otto-reconcile delete {name}"


def _declaration(document: Mapping[str, Any]) -> Declaration | None:
    if (shared := document.get("shared")) is not None:
        return shared_from(shared)
    bot = document.get("bot")
    if bot is not None and not isinstance(bot, Mapping):
        raise TypeError
    return None if bot is None else Bot.from_document(bot)


def utc(time: datetime) -> datetime:
    """A time without a zone is taken as UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def now_utc() -> datetime:
    """Now, in whole milliseconds, as every store keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
