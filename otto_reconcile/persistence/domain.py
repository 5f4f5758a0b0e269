"""DomainPersistence: the desired state of bots for programs that embed this package, async.

A thin face over `writes`, and that over `desired`: nothing is kept here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from otto_reconcile.errors import OttoError, PermanentError, SettingsError
from otto_reconcile.model import Bot
from otto_reconcile.persistence.connection import DISABLED, Opening
from otto_reconcile.persistence.documents import must_belong, with_document
from otto_reconcile.persistence.fitting import listed
from otto_reconcile.persistence.writes import Recording
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.rows.projections import Rows
from otto_reconcile.records.rows.values import NotUnderstood, id_in
from otto_reconcile.settings import DEFAULT_DATABASE
from otto_reconcile.store.base import Document, Store

_log = logging.getLogger("otto_reconcile.persistence")


class DomainPersistence:
    """One database. Without a URI it is disabled: writes answer False, and lists are empty.

    Writes (`persist_*`, `delete_bot`) never raise, whatever they are given: they answer False, and
    the reason is logged and kept in `problem`. Reads (`list_*`, `get_bot`) raise StoreUnavailable
    when the database does not answer or was closed, SettingsError for a URI or a name that no
    database could have, and PermanentError for a bot that cannot be read: an empty list always
    means that there is nothing.

    `journal` is a folder of this program alone. What `persist_bot_creation` is given while the
    database is away is noted there, and recorded when it is back, also by the next process.
    """

    def __init__(
        self,
        mongodb_uri: str | None,
        database_name: str = DEFAULT_DATABASE,
        *,
        journal: str | Path | None = None,
    ) -> None:
        self._hold(Opening(mongodb_uri, database_name), journal)

    def _hold(self, opening: Opening, journal: str | Path | None) -> None:
        self._opening = opening
        self._told_disabled = False
        if not isinstance(journal, str | Path | None):
            raise SettingsError("journal: give the path of a folder")
        self.recording = Recording(opening, None if journal is None else Path(journal))
        """The same, blocking, for the other modules of this package."""
        self.problem: str | None = None
        """Why the last write that answered False did so, or the last such `connect`."""

    @classmethod
    def over(cls, store: Store, *, journal: str | Path | None = None) -> DomainPersistence:
        """On a store that is open already (SQLite, memory); whoever opened it closes it."""
        persistence = cls(None)
        persistence._hold(Opening.of(store), journal)
        return persistence

    @property
    def enabled(self) -> bool:
        """False when no URI was given. A server that does not answer changes nothing here."""
        return self._opening.enabled

    @property
    def closed(self) -> bool:
        """True after `close`: it does not open again. Always False for a store given to `over`."""
        return self._opening.closed

    @property
    def stores(self) -> Stores:
        """All that is kept, over the open store. Blocking. Raises SettingsError.

        Raises StoreUnavailable where it was closed before it was opened.
        """
        return self._opening.stores

    async def connect(self) -> tuple[bool, str]:
        """Whether the database answers, and a sentence for a log. Never raises, names no secret."""
        if not self.enabled:
            self.problem = DISABLED
            return False, DISABLED
        try:
            return True, await asyncio.to_thread(self._opening.connected)
        except OttoError as error:
            self.problem = error.with_hint
        except Exception as error:  # the text of what is none of ours may hold the URI
            self.problem = f"the database cannot be opened: {type(error).__name__}"
        return False, self.problem

    async def close(self) -> None:
        """Idempotent. Afterwards writes answer False. A store given to `over` stays open."""
        await asyncio.to_thread(self._opening.close)

    async def persist_bot(
        self,
        bot_id: str,
        name: str,
        description: str | None = None,
        composition_mode: str | None = None,
        max_engine_iterations: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """Wants the bot so; its guidelines, journeys and the rest stay. True if it is recorded."""
        document = {
            "bot_id": bot_id,
            "name": name,
            "description": description,
            "composition_mode": composition_mode,
            "max_engine_iterations": max_engine_iterations,
            "metadata": {} if metadata is None else metadata,
        }
        return await self._write("bots", document)

    async def persist_guideline(
        self,
        guideline_id: str,
        bot_id: str,
        condition: str,
        action: str | None = None,
        description: str | None = None,
        criticality: str | None = None,
    ) -> bool:
        """Wants the guideline so, in a bot that is there. True if it is recorded."""
        document = {
            "guideline_id": guideline_id,
            "bot_id": bot_id,
            "condition": condition,
            "action": action,
            "description": description,
            "criticality": criticality,
        }
        return await self._write("guidelines", document)

    async def persist_journey(
        self,
        journey_id: str,
        bot_id: str,
        title: str,
        description: str | None = "",
        conditions: Iterable[str] | None = (),
    ) -> bool:
        """Wants the journey so, in a bot that is there. True if it is recorded.

        One text stands for one condition; None for no description, or no conditions.
        """
        document = {
            "journey_id": journey_id,
            "bot_id": bot_id,
            "title": title,
            "description": description,
            "conditions": conditions,
        }
        return await self._write("journeys", document)

    async def persist_tool_mapping(self, bot_id: str, guideline_id: str, tool_name: str) -> bool:
        """Wants the guideline to have the tool (`service:tool`, or `tool` of the server's own)."""
        document = {"bot_id": bot_id, "guideline_id": guideline_id, "tool_name": tool_name}
        return await self._write("tool_mappings", document)

    async def delete_bot(self, bot_id: str) -> bool:
        """Wants the bot and all that belongs to it no longer. False if there is none."""
        return await self.attempt(
            lambda: self.recording.delete(id_in({"bot_id": bot_id}, "bot_id"))
        )

    async def list_bots(self) -> list[Document]:
        """The documents of all bots that are wanted, by id; Otto is not among them."""
        if not self.enabled:
            return []
        return await asyncio.to_thread(self.recording.all_documents, "bots")

    async def list_guidelines(self, bot_id: str) -> list[Document]:
        return await self._read("guidelines", bot_id)

    async def list_journeys(self, bot_id: str) -> list[Document]:
        return await self._read("journeys", bot_id)

    async def list_tool_mappings(self, bot_id: str) -> list[Document]:
        return await self._read("tool_mappings", bot_id)

    async def get_bot(self, bot_id: str) -> Document | None:
        """The bot's document, or None if there is no such bot."""
        found = await self._read("bots", bot_id)
        return found[0] if found else None

    async def attempt(self, work: Callable[[], object]) -> bool:
        """Runs a blocking write in a thread. True if it raised nothing; else see `problem`."""
        if not self.enabled:
            return self._disabled()
        try:
            await asyncio.to_thread(work)
        except OttoError as error:
            self.problem = error.message
        except NotUnderstood as error:
            self.problem = str(error)
        except Exception as error:  # a fault of ours must not end the conversation that wrote
            self.problem = f"internal error: {error!r}"
        else:
            return True
        _log.warning("not recorded: %s", self.problem)
        return False

    def _disabled(self) -> bool:
        """Said once: a program that runs without a database knows that it does."""
        self.problem = DISABLED
        if not self._told_disabled:
            _log.warning("not recorded: %s", DISABLED)
        self._told_disabled = True
        return False

    async def _write(self, collection: str, given: Document) -> bool:
        def write() -> None:
            document = {name: listed(value) for name, value in given.items()}

            def rows(known: Bot | None) -> Rows:
                if collection != "bots":
                    must_belong(known, collection, document)
                return with_document(known, collection, document)

            try:
                self.recording.record(id_in(document, "bot_id"), rows)
            except NotUnderstood as error:
                raise PermanentError(f"{collection}: {error}") from error

        return await self.attempt(write)

    async def _read(self, collection: str, bot_id: str) -> list[Document]:
        if not self.enabled:
            return []
        return await asyncio.to_thread(self.recording.documents, collection, bot_id)
