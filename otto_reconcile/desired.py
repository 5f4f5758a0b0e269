"""The desired state: what is wanted of every bot, and every revision of it. The only door to it.

Documents that bots share are wanted in the same way, each under a name like `glossary/<id>`; where
a method takes a `bot_id`, it takes such a name too. `effective` gives the bots with their share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from otto_reconcile.errors import Conflict, NotFound, PermanentError
from otto_reconcile.model import OTTO, Bot, is_reserved
from otto_reconcile.model.shared import Declaration, called, stream_of, unfit
from otto_reconcile.records.composition import Composer
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.events import (
    Desired,
    DesiredBot,
    DesiredShared,
    Event,
    EventType,
    Ingested,
    Source,
    now_utc,
    remedy,
)
from otto_reconcile.records.heads import Head, Step
from otto_reconcile.records.ingest import Ingester
from otto_reconcile.records.revisions import Revisions
from otto_reconcile.records.taken import refuse_taken
from otto_reconcile.store.base import Store

__all__ = [
    "Desired", "DesiredBot", "DesiredShared", "DesiredState", "Event", "EventType", "Ingested",
    "Source",
]  # fmt: skip

_TRIES = 20


class DesiredState:
    """Every method raises StoreUnavailable when the store does not answer.

    May be used from several threads; each process has its own.
    """

    def __init__(self, store: Store, now: Callable[[], datetime] = now_utc) -> None:
        self._store = store
        self._log = Log(store, now)
        self._revisions = Revisions(self._log)
        self._ingester = Ingester(self._log, self._revisions)
        self._composer = Composer()
        self._heads: dict[str, Head] = {}

    def read(self) -> Desired:
        """All bots that are wanted, whole; what cannot be read is named, never left out."""
        heads = self._log.settled()
        if not heads and self._store.size("events"):
            self.rebuild()
            heads = self._log.heads()
        if heads == self._heads:
            self._revisions.check_some(heads)
        self._heads = heads
        return self._revisions.desired(heads)

    def read_moved(self, before: Desired, bot_ids: AbstractSet[str]) -> Desired:
        """As `read` gives it now, if nothing but these bots has moved since `before` was read."""
        heads = self._log.settled(sorted(bot_ids))
        self._heads.update(heads)
        return before.with_moved(bot_ids, self._revisions.desired(heads))

    def effective(self, desired: Desired) -> Desired:
        """The bots as they are to be on a target: with all that they share."""
        return self._composer.effective(desired)

    def effective_moved(
        self, desired: Desired, before: Desired, bot_ids: AbstractSet[str]
    ) -> Desired:
        """The same, if nothing but these bots is otherwise than in `before`, which it gave."""
        return self._composer.moved(desired, before, bot_ids)

    def get(self, bot_id: str) -> DesiredBot:
        """Raises NotFound, and PermanentError for a bot that is wanted but cannot be read."""
        found = self._found(bot_id)
        if not isinstance(found, DesiredBot):
            raise _nothing(bot_id)
        return found

    def get_shared(self, name: str) -> DesiredShared:
        """A shared document by its name (`glossary/<id>`). Raises as `get` does."""
        found = self._found(name)
        if not isinstance(found, DesiredShared):
            raise _nothing(name)
        return found

    def put(
        self, bot: Declaration, *, source: Source, actor: str, expect: int | None = None
    ) -> Event | None:
        """Wants it so; None if it is wanted so already. Suspension stays as it is.

        `expect` is the revision that this was decided on (0: that there is none). Raises Conflict,
        and PermanentError for what cannot be kept, or has the id of another bot's part.
        """
        stream = stream_of(bot)

        def step(head: Head | None) -> Step | None:
            decided = self._put(bot, head, source, actor)
            refuse_taken(self._log, self._revisions, [decided] if decided is not None else [])
            return decided

        return self._retried(stream, expect, step)

    def put_many(
        self,
        bots: Sequence[tuple[Declaration, Source]],
        *,
        actor: str,
        moved: Collection[str] = frozenset(),
        leaving: Collection[str] = (),
    ) -> list[Event | None]:
        """As `put` for each, in one go; the answers in the order of the bots. Raises as `put` does.

        Those in `moved` come from another place now: a revision says so even if all is the same.
        Those in `leaving` are deleted next: the ids of their parts are free.
        """
        named = [(stream_of(bot), bot, source) for bot, source in bots]
        heads = self._log.settled([name for name, _, _ in named])
        self._revisions.read_new(heads)
        steps = {
            name: step
            for name, bot, source in named
            if (step := self._put(bot, heads.get(name), source, actor, again=name in moved))
            is not None
        }
        refuse_taken(self._log, self._revisions, list(steps.values()), leaving)
        events = self._log.append_won(list(steps.values()))
        return [
            events.pop(name, None)
            if name not in steps or name in events
            else self.put(bot, source=source, actor=actor)
            for name, bot, source in named
        ]

    def delete(
        self,
        bot_id: str,
        *,
        source: Source,
        actor: str,
        expect: int | None = None,
        unseen: bool = False,
    ) -> Event:
        """Wants the bot no longer. Raises NotFound and Conflict.

        With `unseen` also one that was never wanted here: its record was lost, and it is still on a
        target.
        """

        def step(head: Head | None) -> Step | None:
            if head is None and unseen:
                return self._step(bot_id, EventType.DELETED, None, None, None, source, actor)
            return self._deletion(head, source, actor)

        event = self._retried(bot_id, expect, step)
        if event is None:
            raise _nothing(bot_id)
        return event

    def delete_many(self, bot_ids: Iterable[str], *, source: Source, actor: str) -> list[Event]:
        """As `delete` for each, in one go; bots that are not there are passed over."""
        names = sorted(set(bot_ids))
        heads = self._log.settled(names)
        steps = [s for h in heads.values() if (s := self._deletion(h, source, actor)) is not None]
        events = self._log.append_won(steps)
        for step in steps:
            bot_id = step.event.bot_id
            if bot_id not in events:
                events[bot_id] = self.delete(bot_id, source=source, actor=actor)
        return [events[bot_id] for bot_id in names if bot_id in events]

    def suspend(self, bot_id: str, suspended: bool, *, source: Source, actor: str) -> Event | None:
        """Stops or resumes the reconciling of a bot; None if it is so already. Raises NotFound.

        Another note in the source of one that is suspended is a revision of its own.
        """

        def step(head: Head | None) -> Step | None:
            wanted = self.get(bot_id)
            told = suspended and source.note not in (None, wanted.source.note)
            if head is None or (wanted.bot.suspended == suspended and not told):
                return None
            bot = wanted.bot.model_copy(update={"suspended": suspended})
            kind = EventType.SUSPENDED if suspended else EventType.RESUMED
            return self._step(bot_id, kind, bot, wanted.bot, head, source, actor)

        return self._retried(bot_id, None, step)

    def history(self, bot_id: str, limit: int = 0) -> list[Event]:
        """The revisions of a bot, newest first: those that can be read, at most `limit`."""
        return self._revisions.history(bot_id, limit)

    def went(self, kinds: Collection[str], since: timedelta) -> dict[str, Source]:
        """What was deleted in the time until now by such a kind of source, with the last source."""
        sources = self._log.deleted(self._log.now() - since)
        return {bot_id: source for bot_id, source in sources.items() if source.kind in kinds}

    def ingest(self) -> Ingested:
        """Records as events what other programs wrote into the rows since the last time."""
        return self._ingester.ingest()

    def rewrite_rows(self, names: Iterable[str]) -> list[str]:
        """Writes rows and heads of these anew; those of which the newest revision can be read."""
        ordered = sorted(names)
        self._log.settled(ordered)
        return [name for name in ordered if self._log.rebuild(name)]

    def rebuild(self, bot_ids: Iterable[str] | None = None) -> int:
        """Writes rows and heads anew from the event log, of all bots or these; how many."""
        return len(self.rewrite_rows(set(bot_ids) if bot_ids is not None else self._log.names()))

    def marker(self) -> str:
        """A text that differs whenever an event was added since: by anyone, by whatever clock."""
        return self._log.marker()

    def _found(self, name: str) -> DesiredBot | DesiredShared | None:
        """What is wanted under this name. Raises PermanentError if it cannot be read."""
        desired = self._revisions.desired(self._log.settled([name]))
        if reason := {**desired.unreadable, **desired.unreadable_shared}.get(name):
            raise PermanentError(f"{called(name)}: {reason}", hint=remedy(name, reason))
        return desired.bots.get(name) or desired.shared.get(name)

    def _put(
        self,
        bot: Declaration,
        head: Head | None,
        source: Source,
        actor: str,
        *,
        again: bool = False,
    ) -> Step | None:
        stream = stream_of(bot)
        current = self._revisions.current(head) if head is not None else None
        if current is None:
            damaged = head is not None and bool(head.revision) and not head.deleted
            kind = EventType.UPDATED if damaged else EventType.CREATED
            step = self._step(stream, kind, bot, None, head, source, actor)
            return replace(step, whole=damaged)
        if isinstance(bot, Bot) and isinstance(current, Bot):
            bot = bot.model_copy(update={"suspended": current.suspended})
        if bot.digest() == current.digest() and not again:
            return None
        return self._step(stream, EventType.UPDATED, bot, current, head, source, actor)

    def _deletion(self, head: Head | None, source: Source, actor: str) -> Step | None:
        if head is None or head.deleted or not head.revision:
            return None
        kind = EventType.DELETED
        return self._step(head.bot_id, kind, None, None, head, source, actor)

    def _step(
        self,
        bot_id: str,
        kind: EventType,
        bot: Declaration | None,
        before: Declaration | None,
        head: Head | None,
        source: Source,
        actor: str,
    ) -> Step:
        if isinstance(bot, Bot) and is_reserved(bot.id, bot.name):
            raise PermanentError(f"{called(bot_id)}: {OTTO!r} is the agent of this tool")
        if bot is not None and (fault := unfit(bot)) is not None:
            raise PermanentError(f"{called(bot_id)}: {fault}")
        revision = (head.revision if head else 0) + 1
        digest = bot.digest() if bot is not None else ""
        event = Event(bot_id, revision, kind, bot, digest, source, actor, self._log.now())
        return Step(event, head, before)

    def _retried(
        self, bot_id: str, expect: int | None, step: Callable[[Head | None], Step | None]
    ) -> Event | None:
        """Decides again on what is there now as long as others are faster."""
        for _ in range(_TRIES):
            head = self._log.settled([bot_id]).get(bot_id)
            revision = head.revision if head else 0
            if expect is not None and revision != expect:
                raise Conflict(f"{called(bot_id)} is at revision {revision}, not {expect}")
            decided = step(head)
            if decided is None:
                return None
            if events := self._log.append_won([decided]):
                return events[bot_id]
        raise Conflict(f"{called(bot_id)} is being changed by others all the time")


def _nothing(name: str) -> NotFound:
    return NotFound(f"there is no {called(name)}", hint="otto-reconcile get lists them")
