"""DomainPersistence: the desired state of bots for programs that embed this package, async.

A thin face over `desired`: every write is an event, and the collections follow from it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from otto_reconcile.cells import NotUnderstood, id_in
from otto_reconcile.desired import Source, Wanted
from otto_reconcile.errors import Conflict, NotFound, OttoError, PermanentError, SettingsError
from otto_reconcile.persistence.documents import (
    documents,
    must_belong,
    refuse_taken,
    understood,
    with_document,
)
from otto_reconcile.projections import Rows
from otto_reconcile.reconcile.world import Stores
from otto_reconcile.resources import Bot
from otto_reconcile.settings import DEFAULT_DATABASE, Settings, actor
from otto_reconcile.store import open_store
from otto_reconcile.store.base import Document, Store

T = TypeVar("T")

KIND = "library"
"""The kind of source of what is written through here."""

ABSORB = 1.0
"""Seconds for which a look at what other programs wrote into the collections is good."""

_TRIES = 20
_log = logging.getLogger("otto_reconcile.persistence")


class DomainPersistence:
    """One database. Without a URI it is disabled: writes answer False, and lists are empty.

    Writes (`persist_*`, `delete_bot`) never raise: they answer False, and the reason is logged
    and kept in `problem`. Reads (`list_*`, `get_bot`) raise StoreUnavailable when the database
    does not answer, SettingsError for a URI that no server could fit, and PermanentError for a
    bot that cannot be read: an empty list always means that there is nothing.
    """

    def __init__(self, mongodb_uri: str | None, database_name: str = DEFAULT_DATABASE) -> None:
        self._uri = (mongodb_uri or "").strip() or None
        self._database = database_name
        self._stores: Stores | None = None
        self._owned = True
        self._absorbed = float("-inf")
        self._opening, self._writing = threading.Lock(), threading.Lock()
        self.absorb_problems: tuple[str, ...] = ()
        """What was not understood of the rows that other programs wrote, at the last look."""
        self.problem: str | None = None
        """Why the last write answered False, or the last `connect`."""

    @classmethod
    def over(cls, store: Store) -> DomainPersistence:
        """On a store that is open already (SQLite, memory); whoever opened it closes it."""
        persistence = cls(None)
        persistence._stores, persistence._owned = Stores.over(store), False
        return persistence

    @property
    def enabled(self) -> bool:
        """False when no URI was given. A server that does not answer changes nothing here."""
        return self._uri is not None or self._stores is not None

    @property
    def stores(self) -> Stores:
        """All that is kept, over the open store. Blocking. Raises SettingsError."""
        with self._opening:
            if self._stores is None:
                self._stores = Stores.over(self._opened())
            return self._stores

    def _opened(self) -> Store:
        if self._uri is None:
            raise SettingsError("persistence is disabled: no MongoDB URI was given")
        try:
            return open_store(Settings(mongodb_uri=self._uri, database=self._database))
        except SettingsError as error:
            said = error.message.partition(": ")[2]
            raise SettingsError(f"mongodb_uri or database_name: {said}") from error

    async def connect(self) -> tuple[bool, str]:
        """Whether the database answers, and a sentence for a log. Never raises, names no secret."""
        if not self.enabled:
            return False, "persistence is disabled: no MongoDB URI was given"
        try:
            return True, await asyncio.to_thread(self._connected)
        except OttoError as error:
            self.problem = f"{error.message} ({error.hint})" if error.hint else error.message
        except Exception as error:  # the text of what is none of ours may hold the URI
            self.problem = f"the database cannot be opened: {type(error).__name__}"
        return False, self.problem

    def _connected(self) -> str:
        store = self.stores.store
        store.ping()
        return f"connected to {store.label}"

    async def close(self) -> None:
        """Idempotent. A store given to `over` stays open."""
        if self._owned and self._stores is not None:
            await asyncio.to_thread(self._stores.store.close)

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
            "metadata": dict(metadata or {}),
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
        description: str = "",
        conditions: Sequence[str] = (),
    ) -> bool:
        """Wants the journey so, in a bot that is there. True if it is recorded."""
        document = {
            "journey_id": journey_id,
            "bot_id": bot_id,
            "title": title,
            "description": description,
            "conditions": conditions if isinstance(conditions, str) else list(conditions),
        }
        return await self._write("journeys", document)

    async def persist_tool_mapping(self, bot_id: str, guideline_id: str, tool_name: str) -> bool:
        """Wants the guideline to have the tool (`service:tool`, or `tool` of the server's own)."""
        document = {"bot_id": bot_id, "guideline_id": guideline_id, "tool_name": tool_name}
        return await self._write("tool_mappings", document)

    async def delete_bot(self, bot_id: str) -> bool:
        """Wants the bot and all that belongs to it no longer. False if there is none."""

        def delete() -> None:
            self._absorb()
            self.stores.desired.delete(str(bot_id), source=Source(KIND), actor=actor(os.environ))

        return await self.attempt(delete)

    async def list_bots(self) -> list[Document]:
        """The documents of all bots that are wanted, by id; Otto is not among them."""
        return await self._read("bots", None)

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
            return False
        try:
            await asyncio.to_thread(work)
        except OttoError as error:
            self.problem = error.message
        except Exception as error:  # a fault of ours must not end the conversation that wrote
            self.problem = f"internal error: {error!r}"
        else:
            return True
        _log.warning("not recorded: %s", self.problem)
        return False

    def record(
        self,
        bot_id: str,
        rows: Callable[[Bot | None], Rows],
        *,
        strict: bool = True,
        source: Source | None = None,
    ) -> tuple[str, ...]:
        """Wants the bot that `rows`, given the bot as it is, mean. Blocking.

        With `strict` all of them must be understood; else what was not is given back. Raises
        PermanentError, Conflict, SettingsError and StoreUnavailable.
        """
        with self._writing:
            return self._recorded(bot_id, rows, strict, source or Source(KIND))

    def _recorded(
        self, bot_id: str, rows: Callable[[Bot | None], Rows], strict: bool, source: Source
    ) -> tuple[str, ...]:
        self._absorb()
        desired = self.stores.desired
        for _ in range(_TRIES):
            known, revision = self._known(bot_id)
            bot, problems = understood(bot_id, rows(known), known)
            if problems and strict:
                raise PermanentError("; ".join(problems))
            refuse_taken(self.stores.store, bot, known)
            try:
                desired.put(bot, source=source, actor=actor(os.environ), expect=revision)
            except Conflict:
                continue
            return tuple(problems)
        raise Conflict(f"bot {bot_id!r} is being changed by others all the time")

    def _known(self, bot_id: str) -> tuple[Bot | None, int]:
        """The bot as it is wanted, if it is, and the newest revision there is (0: none)."""
        desired = self.stores.desired
        try:
            wanted = desired.get(bot_id)
        except NotFound:
            newest = desired.history(bot_id, limit=1)
            return None, newest[0].revision if newest else 0
        return wanted.bot, wanted.revision

    async def _write(self, collection: str, document: Document) -> bool:
        def rows(known: Bot | None) -> Rows:
            if collection != "bots":
                must_belong(known, collection, document)
            return with_document(known, collection, document)

        def write() -> None:
            try:
                bot_id = id_in(document, "bot_id")
            except NotUnderstood as error:
                raise PermanentError(f"{collection}: {error}") from error
            self.record(bot_id, rows)

        return await self.attempt(write)

    async def _read(self, collection: str, bot_id: str | None) -> list[Document]:
        if not self.enabled:
            return []
        return await asyncio.to_thread(self._documents, collection, bot_id)

    def _documents(self, collection: str, bot_id: str | None) -> list[Document]:
        self._absorb()
        wanted: Iterable[Wanted]
        if bot_id is None:
            wanted = self.stores.desired.read().bots.values()
        else:
            try:
                wanted = [self.stores.desired.get(str(bot_id))]
            except NotFound:
                wanted = []
        return list(documents(self.stores.store, collection, list(wanted)))

    def _absorb(self) -> None:
        """What other programs wrote is wanted too: it counts before anything is read or written."""
        now = time.monotonic()
        if now - self._absorbed < ABSORB:
            return
        self.absorb()
        self._absorbed = now

    def absorb(self) -> tuple[str, ...]:
        """Records what other programs wrote into the collections; gives what was not understood.

        Blocking. Raises SettingsError and StoreUnavailable.
        """
        problems = self.stores.desired.absorb().problems
        for problem in problems:
            if problem not in self.absorb_problems:
                _log.warning("%s", problem)
        self.absorb_problems = problems
        return problems
