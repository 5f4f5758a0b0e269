"""Looks for what reaches every agent and nobody declared; reports it, and deletes it on request.

What is deleted is on record as every other call is, of no bot.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from otto_reconcile.errors import OttoError
from otto_reconcile.model import OTTO, Ref, Resource
from otto_reconcile.planning.plan import Action, Cause, Operation, Outcome, Plan, Result
from otto_reconcile.planning.redaction import scrub
from otto_reconcile.port.addressing import is_addressable
from otto_reconcile.reconcile.executor import apply
from otto_reconcile.reconcile.results import concluded
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.store_reader import StoreReader
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.audit import Record

if TYPE_CHECKING:
    from otto_reconcile.port.reaching import Reaching

_log = logging.getLogger("otto_reconcile.loop")

PAUSE, REST, AT_LEAST = 200.0, 10.0, 25.0
"""A look is followed by a pause of so many times its own length (the second where something was
noticed meanwhile), and of so many seconds at least: it lists all that is there, and chats come
first."""
PRUNE_AFTER = 2.0
"""Seconds for which something must have been there before it is deleted: a program that makes a
journey makes its conditions first, and gives them their tag afterwards."""
_WAITING = 0.5
"""Seconds until something noticed is looked for, while nothing may be looked at."""
_RETRY, _LONGEST_RETRY = 60.0, 3600.0


def undeclared(world: TargetState, found: Iterable[Reaching]) -> list[Reaching]:
    """Those that reach a bot of ours (or all agents) and are no part of one.

    A part of ours that has lost its bot's tag reaches every agent too; it is healed.
    """
    ours: set[tuple[str, str | None]] = set()
    for bot_id in world.bot_ids:
        for resource in (*world.wanted(bot_id).values(), *world.last(bot_id).values()):
            ours |= {(resource.kind, resource.key), (resource.kind, resource.remote_id)}
    bots = {*world.bot_ids, OTTO}
    return [
        replace(one, about=scrub(one.about, world.secrets))
        for one in found
        if tuple(one.ref) not in ours and (not one.tag or not bots.isdisjoint(one.agents))
    ]


def deletions(found: Iterable[Reaching]) -> Plan:
    """What `--prune-unmanaged` does about them; what may belong to a journey is left alone."""
    return Plan(
        tuple(
            Action(
                Operation.DELETE,
                one.ref,
                "",
                Cause.UNMANAGED,
                observed=Resource(one.ref.kind, one.id, "", {}, remote_id=one.id),
                why=f"it reaches every agent{f' with the tag {one.tag}' if one.tag else ''}",
            )
            for one in found
            if one.sure and is_addressable(one.id)
        )
    )


class Scanning:
    """One target's. What is undeclared is deleted only with `prune`.

    `hooked` says that every change by others is reported, from the target's first moment:
    then only what they touched is asked for, by its id, and nothing is ever listed.
    """

    def __init__(
        self,
        session: TargetSession,
        reader: StoreReader,
        *,
        prune: bool = False,
        hooked: bool = False,
    ) -> None:
        self._session, self._reader, self._prune = session, reader, prune
        self._touched: set[Ref] | None = set() if hooked else None
        self._unknown = False  # something was touched of which nobody knows the id
        self._port, self._stores = session.port, session.stores
        self._reporter, self._clock = session.reporter, session.clock
        self._next = self._soonest = 0.0
        self._changed = False  # since the last look began
        self._due: dict[Ref, float] = {}  # when each of them may be deleted
        self._failures: dict[Ref, int] = {}
        self._life: str | None = None
        self._unsaved: list[Record] = []

    def pause(self, longest: float) -> float:
        """Seconds until the next look is worth while."""
        if not self._session.may_act:
            return min(longest, _WAITING)
        return min(longest, max(0.1, self._next - self._clock.monotonic()))

    def begin_epoch(self) -> None:
        """The target began a new life: what was found was in the one before."""
        self._next = self._soonest = 0.0
        if self._touched is not None:
            self._touched = set()
        self._reporter.reaching(())

    def soon(self, ref: Ref) -> None:
        """Something that may reach every agent was changed: it is not waited for long."""
        self._changed = True
        if self._touched is not None and ref.key:
            self._touched.add(ref)
        self._unknown |= not ref.key
        self._next = min(self._next, self._soonest)

    async def look(self) -> None:
        """Reports, and with `prune` deletes, within a budget of server time. Never raises for
        a store or target that is away."""
        if self._clock.monotonic() < self._next:
            return
        try:
            # A journey that is being made has conditions without a tag.
            async with self._session.turn:
                started = self._clock.monotonic()
                noticed, self._changed = self._changed, False
                await self._save()
                found = await self._found()
                if self._prune and (ripe := self._ripe(found)) and await self._delete(ripe):
                    found = await self._found()
        except OttoError as error:
            _log.debug("what reaches every agent could not be looked for: %s", error)
            return
        taken = self._clock.monotonic() - started
        # The first notice is followed up at once, also after a look that took long.
        self._soonest = started + REST * taken if noticed else started
        # What was changed meanwhile may not have been in what was listed.
        pause = REST * taken if self._changed else max(PAUSE * taken, AT_LEAST)
        self._next = started + pause
        if self._due:
            self._next = min(self._next, max(self._soonest, min(self._due.values())))
        self._reporter.reaching(tuple(map(str, found)))

    async def _found(self) -> list[Reaching]:
        among = None if self._unknown else self._touched
        found = await self._port.reaching(among)
        if self._unknown and self._touched is not None:  # listed once, it is known by its id
            self._touched |= {one.ref for one in found}
            self._unknown = False
        return undeclared(self._session.cache.current, found)

    def _ripe(self, found: Sequence[Reaching]) -> set[Ref]:
        """Those that have been there long enough, in this life of the target."""
        epoch = self._session.cache.current.epoch
        life = epoch.name if epoch is not None else None
        if life != self._life:
            self._life, self._due = life, {}
            self._failures.clear()
        now = self._clock.monotonic()
        there = {one.ref for one in found if one.sure}
        self._due = {ref: self._due.get(ref, now + PRUNE_AFTER) for ref in sorted(there)}
        return {ref for ref, due in self._due.items() if due <= now}

    async def _delete(self, ripe: set[Ref]) -> bool:
        """True if anything was tried. What somebody declared meanwhile is left alone."""
        if (
            not await self._reader.read()
            or not self._session.may_act
            or self._session.cache.current.restoring
        ):
            return False
        run_id = uuid.uuid4().hex[:8]
        plan = deletions(one for one in await self._found() if one.ref in ripe)
        if not plan.acting:
            return False
        records = [self._record(action, run_id) for action in plan.acting]
        await asyncio.to_thread(self._stores.audit.intend, records)
        ended: list[datetime] = []

        def note(outcome: Outcome) -> None:
            ended.append(self._clock.now())
            self._reporter.outcome(run_id, outcome)

        outcomes = await apply(
            plan, self._port, on_outcome=note, leading=lambda: self._session.may_act
        )
        done = zip(records, outcomes, ended, strict=True)
        self._unsaved += [concluded(record, outcome, at) for record, outcome, at in done]
        self._settle(outcomes)
        await self._save()
        return True

    async def _save(self) -> None:
        """What became of the calls, also of those before the store went away."""
        if self._unsaved:
            await asyncio.to_thread(self._stores.audit.conclude, self._unsaved)
            self._unsaved = []

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            ref = outcome.action.ref
            if outcome.result is Result.SUCCEEDED:
                self._due.pop(ref, None)
                self._failures.pop(ref, None)
                continue
            failures = self._failures[ref] = self._failures.get(ref, 0) + 1
            delay = min(_LONGEST_RETRY, _RETRY * 2.0 ** min(failures - 1, 10))
            self._due[ref] = self._clock.monotonic() + delay

    def _record(self, action: Action, run_id: str) -> Record:
        return Record(
            action_id=uuid.uuid4().hex,
            run_id=run_id,
            target=self._port.target,
            bot_id="",
            kind=action.ref.kind,
            key=action.ref.key,
            operation=str(action.operation),
            cause=str(action.cause),
            changes=(),
            revision=0,
            started=self._clock.now(),
        )
