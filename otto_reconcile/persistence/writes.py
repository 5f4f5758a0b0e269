"""Reads and writes desired state, and looks first at what others wrote.

All of it blocks. Every write is an event, and the collections follow from it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from otto_reconcile.desired import Source
from otto_reconcile.errors import Conflict, NotFound, PermanentError, StoreUnavailable
from otto_reconcile.model import Bot
from otto_reconcile.outbox import Outbox, Pending
from otto_reconcile.persistence.connection import Opening
from otto_reconcile.persistence.documents import documents, taken, understood, without
from otto_reconcile.persistence.fitting import refuse_unfit
from otto_reconcile.records.events import DesiredBot, now_utc
from otto_reconcile.records.rows.projections import Rows
from otto_reconcile.records.rows.values import NotUnderstood, id_in
from otto_reconcile.settings import actor
from otto_reconcile.store.base import Document

KIND = "library"
"""The kind of source of what is written through here."""

INGEST = 1.0
"""Seconds for which a look at what other programs wrote into the collections is good."""

_TRIES = 20
_log = logging.getLogger("otto_reconcile.persistence")


class Recording:
    """What is wanted, in one database. Raises SettingsError and StoreUnavailable everywhere."""

    def __init__(self, opening: Opening, journal: Path | None = None) -> None:
        self._opening, self._folder = opening, journal
        self._journal: Outbox | None = None
        self._ingested = float("-inf")
        self._writing = threading.Lock()
        self._away: tuple[float, StoreUnavailable] | None = None
        self.problems: tuple[str, ...] = ()
        """What was not understood of the rows that other programs wrote, at the last look."""

    def record(
        self,
        bot_id: str,
        rows: Callable[[Bot | None], Rows],
        *,
        strict: bool = True,
        source: Source | None = None,
    ) -> tuple[str, ...]:
        """Wants the bot that `rows`, given the bot as it is, mean.

        With `strict` all of them must be understood; else what was not is given back. Raises
        PermanentError and Conflict.
        """
        asked = time.monotonic()
        with self._writing:
            self._share_failure(asked)
            try:
                return self._recorded(bot_id, rows, strict, source or Source(KIND))
            except StoreUnavailable as error:
                self._away = (time.monotonic(), error)
                raise

    def record_or_note(
        self, bot_id: str, rows: Rows, *, source: Source | None = None
    ) -> tuple[str, ...]:
        """Wants the bot that these rows mean, all of it, and gives back what was not understood.

        Where the database is away, it is noted in the journal, if there is one, and saved later.
        Raises PermanentError, Conflict and, whether it was noted or not, StoreUnavailable.
        """
        source = source or Source(KIND)
        try:
            return self.record(bot_id, lambda known: rows, strict=False, source=source)
        except StoreUnavailable as error:
            journal = self.journal
            if journal is None:
                raise
            bot, _ = understood(bot_id, rows, None)
            refuse_unfit(bot)
            noted = Pending(bot_id, bot, None, source, actor(os.environ), now_utc())
            journal.put(noted, None)
            why = f"{error.message}; it is noted in {self._folder}, and saved when that answers"
            raise StoreUnavailable(why, hint=error.hint) from error

    @property
    def journal(self) -> Outbox | None:
        """What waits for the database, if the program named a folder for that.

        Raises StoreUnavailable where the folder cannot be used.
        """
        if self._journal is None and self._folder is not None:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StoreUnavailable(f"journal: {self._folder}: {error.strerror}") from error
            self._journal = Outbox(self._folder)
        return self._journal

    def _share_failure(self, asked: float) -> None:
        """Who waited while another found the database away need not find that out once more."""
        if self._away is not None and asked < self._away[0]:
            raise StoreUnavailable(self._away[1].message, hint=self._away[1].hint)

    def _recorded(
        self, bot_id: str, rows: Callable[[Bot | None], Rows], strict: bool, source: Source
    ) -> tuple[str, ...]:
        self._look()
        stores = self._opening.stores
        for _ in range(_TRIES):
            known, revision = self._known(bot_id)
            given = rows(known)
            bot, problems = understood(bot_id, given, known)
            if lost := taken(stores.store, bot, known):
                bot, problems = understood(bot_id, without(given, lost), known)
                problems = [*lost.values(), *problems]
            if problems and strict:
                raise PermanentError("; ".join(problems))
            refuse_unfit(bot)
            try:
                stores.desired.put(bot, source=source, actor=actor(os.environ), expect=revision)
            except Conflict:
                continue
            return tuple(problems)
        raise Conflict(f"bot {bot_id!r} is being changed by others all the time")

    def _known(self, bot_id: str) -> tuple[Bot | None, int]:
        """The bot as it is wanted, if it is, and the newest revision there is (0: none)."""
        desired = self._opening.stores.desired
        try:
            wanted = desired.get(bot_id)
        except NotFound:
            newest = desired.history(bot_id, limit=1)
            return None, newest[0].revision if newest else 0
        return wanted.bot, wanted.revision

    def delete(self, bot_id: str) -> None:
        """Wants the bot no longer. Raises NotFound."""
        self._look()
        self._opening.stores.desired.delete(bot_id, source=Source(KIND), actor=actor(os.environ))

    def all_documents(self, collection: str) -> list[Document]:
        """The documents of all bots that are wanted, by their ids."""
        self._look()
        return self._documents(collection, list(self._opening.stores.desired.read().bots.values()))

    def documents(self, collection: str, bot_id: object) -> list[Document]:
        """Those of one bot; none where there is no such bot, also where that can be no id."""
        self._look()
        try:
            wanted = self._opening.stores.desired.get(id_in({"bot_id": bot_id}, "bot_id"))
        except (NotFound, NotUnderstood):
            return []
        return self._documents(collection, [wanted])

    def _documents(self, collection: str, wanted: list[DesiredBot]) -> list[Document]:
        return list(documents(self._opening.stores.store, collection, wanted))

    def _look(self) -> None:
        """What other programs wrote is wanted too: it counts before anything is read or written."""
        now = time.monotonic()
        if now - self._ingested < INGEST:
            return
        self.ingest()
        self._ingested = now

    def ingest(self) -> tuple[str, ...]:
        """Records what other programs wrote into the collections; gives `problems`."""
        stores = self._opening.stores
        if self.journal is not None and self.journal.waiting:
            drained = self.journal.drain(stores.desired, stores.audit)
            for sentence in drained.problems:
                _log.warning("%s", sentence)
        found = stores.desired.ingest().problems
        for problem in found:
            if problem not in self.problems:
                _log.warning("%s", problem)
        self.problems = found
        return found
