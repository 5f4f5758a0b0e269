"""What other programs wrote straight into the rows becomes events; asked for by `DesiredState`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from otto_reconcile.errors import Conflict, PermanentError
from otto_reconcile.model import Bot
from otto_reconcile.model.shared import Declaration, called, is_shared, stream_of, unfit
from otto_reconcile.records import renames
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.events import ROWS, Event, EventType, Ingested, Source, utc
from otto_reconcile.records.heads import Head, Step
from otto_reconcile.records.look import Look, main_collection
from otto_reconcile.records.renaming import Renaming
from otto_reconcile.records.revisions import Revisions
from otto_reconcile.records.row_loss import RowLoss
from otto_reconcile.records.rows.decoding import OWN, by_bot, declaration_from, is_otto
from otto_reconcile.records.rows.digests import rows_digest, view_digest
from otto_reconcile.records.rows.projections import (
    COLLECTION_NAMES,
    has_row_of,
    rows_of_declaration,
)
from otto_reconcile.records.rows.shared import COLLECTION_OF, shared_by_stream
from otto_reconcile.records.rows.values import NotUnderstood, id_in
from otto_reconcile.runtime.collecting import uncollected
from otto_reconcile.store.base import Document

_IDS = {"bots": "bot_id", "glossaries": "glossary_id"}  # whose rows say that there is something
ACTOR = "another program"
_LATE = timedelta(seconds=60)
_EARLIER = 20  # revisions that a slow writer may be behind


class Ingester:
    """Compares the rows with what they said when they were last in step (`Head.rows`)."""

    def __init__(self, log: Log, revisions: Revisions) -> None:
        self._log, self._revisions = log, revisions
        self._seen: dict[str, tuple[int, str, list[str]]] = {}
        self._renaming = Renaming(log)
        self._loss = RowLoss(log)

    @uncollected()
    def ingest(self) -> Ingested:
        """Raises StoreUnavailable."""
        look = self._look()
        if self._renaming.finish(look.rows, look.renames):
            look = self._look()
        self._loss.begin(look)
        self._loss.note_parts(look)
        unreadable = look.known.unreadable.keys() | look.known.unreadable_shared.keys()
        for stream, rows in sorted(look.rows.items()):
            if stream not in look.moving and stream not in unreadable:
                self._compare(look, stream, rows)
        self._note_deleted(look)
        try:
            self._loss.end(look)
            events = tuple(self._record(look))
        except BaseException:  # what was found is not on record: it is found again
            for step in look.steps:
                self._seen.pop(step.event.bot_id, None)
            raise
        faults = {**look.faults, **look.renames.refused}
        return Ingested(
            events,
            tuple(look.problems),
            tuple(sorted(look.vanished)),
            faults,
            frozenset(look.amiss),
            look.moving | look.late,
        )

    def _look(self) -> Look:
        """Rows between two reads of the heads: a bot whose head moved, or may, is for next time."""
        heads = self._log.settled()
        names = (*COLLECTION_NAMES, *COLLECTION_OF.values())
        rows = {name: self._log.store.find(name) for name in names}
        after = self._log.heads()
        moving = {i for i in heads.keys() | after.keys() if heads.get(i) != after.get(i)}
        moving |= {h.bot_id for h in after.values() if h.pending and self._log.behind(h)}
        of_bots, problems = by_bot(rows)
        moving |= self._going(of_bots)
        of_shared, more = shared_by_stream(rows)
        found = {**of_bots, **of_shared}
        look = Look(
            heads, found, self._revisions.desired(heads), frozenset(moving), [*problems, *more]
        )
        look.nameless = frozenset(
            name for name, key in _IDS.items() if any(_is_nameless(row, key) for row in rows[name])
        )
        look.renames = self._renaming.find(found, heads, look.known, look.moving)
        return look

    def _going(self, found: Mapping[str, Mapping[str, Sequence[Document]]]) -> set[str]:
        """Bots whose own row came or went meanwhile: some parts were read before, some after."""
        now, _ = by_bot({"bots": self._log.store.find("bots", fields=("bot_id",))})
        return now.keys() ^ {bot_id for bot_id, rows in found.items() if rows["bots"]}

    def _compare(self, look: Look, stream: str, rows: Mapping[str, Sequence[Document]]) -> None:
        head = look.heads.get(stream)
        if not is_shared(stream) and is_otto(stream, rows):
            look.problems.append(f"bots row {stream!r} was left out: {OWN}")
        elif not rows[main_collection(stream)]:
            self._note_orphans(look, stream, rows)
        elif stream not in look.vanished and stream not in look.renames.begun.values():
            mark = (hash(repr(rows)), head.event_id if head else "")
            seen = self._seen.get(stream)
            renamed = look.renames.former_of(stream) is not None
            if seen is not None and seen[:2] == mark and not renamed:
                look.tell(stream, seen[2])
                return
            problems = self._step(look, stream, rows, head)
            look.tell(stream, problems)
            if stream not in look.late:
                self._seen[stream] = (*mark, problems)

    def _step(
        self,
        look: Look,
        stream: str,
        rows: Mapping[str, Sequence[Document]],
        head: Head | None,
    ) -> list[str]:
        known, former = look.declaration(stream), look.renames.former_of(stream)
        said = rows_digest(rows)
        if known is not None and head is not None and said == head.rows and former is None:
            return []
        declaration, problems = declaration_from(
            stream, rows, known or _under(stream, former, look)
        )
        if declaration is not None and (fault := unfit(declaration)) is not None:
            return [*problems, f"rows of {called(stream)}: {fault}; it stays as it was"]
        same = declaration is not None and known is not None and _says_the_same(declaration, known)
        if declaration is None or (same and former is None):
            if declaration is not None and head is not None and not problems:
                self._log.renew_rows(head, said)
            return problems
        if self._is_late(head, known, declaration, rows):
            look.late.add(stream)
        else:
            source = Source(ROWS) if former is None else renames.from_(former)
            step = self._event(declaration, known, head, source)
            look.steps.append(replace(step, rows=said if not problems else ""))
        return problems

    def _event(
        self, declaration: Declaration, known: Declaration | None, head: Head | None, source: Source
    ) -> Step:
        kind = EventType.UPDATED if known else EventType.CREATED
        revision = (head.revision if head else 0) + 1
        now = self._log.now()
        event = Event(
            stream_of(declaration),
            revision,
            kind,
            declaration,
            declaration.digest(),
            source,
            ACTOR,
            now,
        )
        return Step(event, head, known)

    def _is_late(
        self,
        head: Head | None,
        known: Declaration | None,
        declaration: Declaration,
        rows: Mapping[str, Sequence[Document]],
    ) -> bool:
        """True for rows that a slow writer of an earlier revision has just put over newer ones.

        That writer mends them itself (`Log._mend`). They carry the very time of their event, and
        are believed to be a person's wish after a minute. One such row is enough: the writer may
        have been between two others.
        """
        if self._log.store.atomic or head is None:
            return False
        where, order = {"bot_id": head.bot_id}, [("revision", -1)]
        events = self._log.store.find("events", where, order=order, limit=_EARLIER + 1)
        newest = events[0].get("time") if events else None
        if not isinstance(newest, datetime) or self._log.now() - utc(newest) >= _LATE:
            return False
        return any(_has_left(event, known, declaration, rows) for event in events[1:])

    def _note_orphans(
        self, look: Look, bot_id: str, rows: Mapping[str, Sequence[Document]]
    ) -> None:
        if look.declaration(bot_id) is None:
            parts = ", ".join(f"{len(rows[name])} of {name}" for name in rows if rows[name])
            look.problems.append(f"rows of bot {bot_id!r} ({parts}) have no row in bots")

    def _note_deleted(self, look: Look) -> None:
        """A row that went was deleted by hand; many at once, or all, more likely an accident."""
        bots = look.known.bots.keys() | look.known.unreadable.keys()
        shared = look.known.shared.keys() | look.known.unreadable_shared.keys()
        for name in ("bots", *sorted(COLLECTION_OF.values())):
            if name == "bots":
                self._note_renamed(look)
            alive = {i for i in bots | shared if main_collection(i) == name}
            gone = sorted(self._loss.deletions(look, name, alive))
            look.steps += [self._deletion(look, stream, Source(ROWS)) for stream in gone]

    def _note_renamed(self, look: Look) -> None:
        """The former bot ends in the batch that brings the new one: no loss, so without the guard.

        Where the new one does not come, since its row is not understood, the former one stays.
        """
        found = look.renames
        for before, after in sorted(found.begun.items()):
            look.problems.append(renames.unfinished(before, after, look.rows[before]))
        look.problems += dict.fromkeys(told for all_ in found.refused.values() for told in all_)
        coming = {step.event.bot_id for step in look.steps}
        for before, after in sorted(found.done.items()):
            if after in coming:
                look.steps.append(self._deletion(look, before, renames.to(after)))
            else:
                look.vanished.add(before)

    def _deletion(self, look: Look, stream: str, source: Source) -> Step:
        known = look.declaration(stream)
        assert known is not None
        step = self._event(known, known, look.heads[stream], source)
        event = replace(step.event, type=EventType.DELETED, declaration=None, digest="")
        return replace(step, event=event)

    def _record(self, look: Look) -> Iterable[Event]:
        """All in one go, else one by one: a bot that another writer changed is for next time."""
        try:
            self._log.append(look.steps)
        except PermanentError:
            return list(self._record_each(look))
        return [step.event for step in look.steps]

    def _record_each(self, look: Look) -> Iterable[Event]:
        done = self._log.recorded([step.event for step in look.steps])
        there = {step.event.bot_id for step in look.steps if step.event.event_id in done}
        for step in look.steps:
            if step.event.event_id in done:
                yield step.event
                continue
            after = look.renames.done.get(step.event.bot_id)
            if after is not None and after not in there:
                continue  # the bot of the new id did not come
            try:
                self._log.append([step])
                there.add(step.event.bot_id)
                yield step.event
            except PermanentError as error:
                self._seen.pop(step.event.bot_id, None)
                if not isinstance(error, Conflict):
                    look.problems.append(
                        f"rows of {called(step.event.bot_id)}: {error}; they were left out"
                    )


def _says_the_same(declaration: Declaration, known: Declaration) -> bool:
    """True if rows mean what the rows of `known` mean, which may say less than it."""
    own, _ = declaration_from(stream_of(known), rows_of_declaration(known), known)
    return view_digest(declaration) == view_digest(own or known)


def _under(stream: str, former: str | None, look: Look) -> Declaration | None:
    """The bot as it was, under its new id: for what its rows do not say."""
    bot = look.declaration(former) if former is not None else None
    return bot.model_copy(update={"id": stream}) if isinstance(bot, Bot) else None


def _has_left(
    document: Document,
    known: Declaration | None,
    declaration: Declaration,
    rows: Mapping[str, Sequence[Document]],
) -> bool:
    """True if the rows, or one that is not as in `known`, are those of this earlier event."""
    try:
        event = Event.from_document(document)
    except ValueError:
        return False
    if event.declaration is None:
        return False
    own = rows[main_collection(event.bot_id)]
    same_time = any(row.get("updated_at") == event.time for row in own)
    if same_time and view_digest(event.declaration) == view_digest(declaration):
        return True
    return has_row_of(rows, event.declaration, known, event.time)


def _is_nameless(row: Document, key: str) -> bool:
    try:
        id_in(row, key)
    except NotUnderstood:
        return True
    return False
