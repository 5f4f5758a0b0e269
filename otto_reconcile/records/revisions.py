"""The newest revision of every bot and shared document, each read once and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from otto_reconcile.errors import PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.model.shared import Declaration, called, is_shared, stream_of
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.events import NEWER, Desired, DesiredBot, DesiredShared, Event
from otto_reconcile.records.heads import Head
from otto_reconcile.runtime.collecting import uncollected
from otto_reconcile.store.base import Document

_CHECKED = 20
"""So many revisions, at least, are compared with the store where no head has moved."""


class _Read(NamedTuple):
    """A revision as it was read."""

    event_id: str
    wanted: DesiredBot | DesiredShared


class Revisions:
    """Of one log. Every method raises StoreUnavailable."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._cache: dict[str, _Read] = {}
        self._checked = ""  # the last of those that were checked

    def desired(self, heads: Mapping[str, Head]) -> Desired:
        """What these heads stand for, whole; what cannot be read is named, never left out."""
        unreadable = self.read_new(heads)
        found = {
            name: self._cache[name].wanted
            for name, head in sorted(heads.items())
            if head.revision and not head.deleted and name not in unreadable
        }
        return Desired(
            bots={name: one for name, one in found.items() if isinstance(one, DesiredBot)},
            unreadable={name: why for name, why in unreadable.items() if not is_shared(name)},
            shared={name: one for name, one in found.items() if isinstance(one, DesiredShared)},
            unreadable_shared={name: why for name, why in unreadable.items() if is_shared(name)},
            last_shared={
                name: last
                for name, why in unreadable.items()
                if is_shared(name) and why != NEWER and (last := self._last_shared(name))
            },
        )

    def history(self, name: str, limit: int = 0) -> list[Event]:
        """The revisions of one, newest first: those that can be read, at most `limit`."""
        order = [("revision", -1)]
        found = self._log.store.find("events", {"bot_id": name}, order=order, limit=limit)
        return list(_readable(found))

    def _has(self, head: Head) -> bool:
        known = self._cache.get(head.bot_id)
        return known is not None and known.event_id == head.event_id

    def check_some(self, heads: Mapping[str, Head]) -> None:
        """Forgets what is not as it was read, of some bots in turn: others may have harmed it.

        A revision never changes otherwise, and so is read once.
        """
        names = [name for name in sorted(heads) if name in self._cache]
        turn = [n for n in names if n > self._checked] + [n for n in names if n <= self._checked]
        some = turn[: max(_CHECKED, len(names) // 10)]
        documents = self._log.documents([heads[name] for name in some])
        for name in some:
            if not self._is_as_read(name, documents.get(name)):
                del self._cache[name]
        self._checked = some[-1] if some else ""

    def _is_as_read(self, name: str, document: Document | None) -> bool:
        try:
            return _wanted(name, document) == self._cache[name].wanted
        except ValueError:
            return False

    @uncollected()
    def read_new(self, heads: Mapping[str, Head]) -> dict[str, str]:
        """Reads what is new; gives what cannot be read, with the reason."""
        alive = [head for head in heads.values() if head.revision and not head.deleted]
        new = [head for head in alive if not self._has(head)]
        documents = self._log.documents(new)
        unreadable = {}
        for head in new:
            try:
                wanted = _wanted(head.bot_id, documents.get(head.bot_id))
                self._cache[head.bot_id] = _Read(head.event_id, wanted)
            except ValueError as error:
                unreadable[head.bot_id] = str(error)
        return dict(sorted(unreadable.items()))

    def current(self, head: Head) -> Declaration | None:
        """What a head stands for; None also where that cannot be read, so that it can be mended.

        Raises PermanentError for what a newer version wrote: that is no damage.
        """
        if head.deleted or not head.revision:
            return None
        if reason := self.read_new({head.bot_id: head}).get(head.bot_id):
            if reason == NEWER:
                raise PermanentError(f"{called(head.bot_id)}: {reason}")
            return None
        wanted = self._cache[head.bot_id].wanted
        return wanted.bot if isinstance(wanted, DesiredBot) else wanted.document

    def _last_shared(self, name: str) -> DesiredShared | None:
        """A shared document in its newest revision that can be read, if it was wanted then."""
        newest = next(iter(self.history(name)), None)
        if newest is None or newest.declaration is None or isinstance(newest.declaration, Bot):
            return None
        who = (newest.revision, newest.source, newest.actor, newest.time)
        return DesiredShared(newest.declaration, *who)


def _readable(documents: Iterable[Document]) -> Iterator[Event]:
    for document in documents:
        with suppress(ValueError):
            yield Event.from_document(document)


def _wanted(name: str, document: Mapping[str, object] | None) -> DesiredBot | DesiredShared:
    if document is None:
        raise ValueError("its newest revision is missing in the event log")
    event = Event.from_document(document)
    if event.bot_id != name:
        raise ValueError(f"its newest revision is one of {called(event.bot_id)}")
    who = (event.revision, event.source, event.actor, event.time)
    if event.declaration is None or stream_of(event.declaration) != event.bot_id:
        raise ValueError("its newest revision has no bot")
    if isinstance(event.declaration, Bot):
        return DesiredBot(event.declaration, *who)
    return DesiredShared(event.declaration, *who)
