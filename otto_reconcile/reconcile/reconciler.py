"""Reconciles bots: plan, record what is meant, do it, record what became of it. For the loop."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from otto_reconcile.errors import (
    Conflict,
    OttoError,
    PermanentError,
    StoreUnavailable,
    fault_of,
)
from otto_reconcile.model import Ref, Snapshot
from otto_reconcile.planning.plan import Action, Operation, Outcome, Result
from otto_reconcile.planning.redaction import shown
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile.bot_plan import Planned, plan_bot
from otto_reconcile.reconcile.executor import apply
from otto_reconcile.reconcile.glances import Glances
from otto_reconcile.reconcile.leader import Right, Undisputed
from otto_reconcile.reconcile.reminders import Repeats
from otto_reconcile.reconcile.results import BotResult, applied_after, concluded, handed_over
from otto_reconcile.reconcile.retries import Retries
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.audit import Record
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.store.base import Write


@dataclass
class _Work:
    """One bot on its way: its plan, and the record of each action.

    `again` are the intents of actions that were not tried again, for the same reason.
    """

    planned: Planned
    waiting: tuple[Outcome, ...] = ()
    records: list[Record] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    heirs: frozenset[str] = frozenset()

    def conclude(self, ended: list[datetime], repeats: Repeats) -> None:
        """Each record gets its outcome; what is not tried again for the same reason needs none."""
        done = zip(self.records, self.outcomes, ended, strict=True)
        self.records = []
        for record, outcome, at in done:
            if outcome.result is Result.SKIPPED and repeats.has(outcome):
                self.again.append(record.action_id)
            else:
                self.records.append(concluded(record, outcome, at))
        repeats.settle(self.planned.bot_id, (*self.outcomes, *self.waiting))


def _result(work: _Work) -> BotResult:
    planned, outcomes = work.planned, tuple(work.outcomes)
    return BotResult(planned.bot_id, planned, outcomes, waiting=work.waiting, heirs=work.heirs)


OnOutcome = Callable[[str, Outcome], None]


class Reconciler:
    """`on_outcome(run_id, outcome)` hears of every outcome; `right` is asked before any change.

    `retries` takes out of a bot's plan what is to wait, and says how that failed before.
    """

    def __init__(
        self,
        port: Port,
        stores: Stores,
        clock: Clock,
        *,
        on_outcome: OnOutcome = lambda run_id, outcome: None,
        right: Right | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._port = port
        self._stores = stores
        self._clock = clock
        self._on_outcome = on_outcome
        self._right = Undisputed() if right is None else right
        self._retries = Retries(clock) if retries is None else retries
        self._repeats = Repeats()
        self.glances = Glances()
        self._unsaved: list[tuple[TargetState, list[_Work], int | None]] = []
        self._saving = asyncio.Lock()

    async def flush(self) -> None:
        """Saves what was done while the store was away. Raises StoreUnavailable."""
        async with self._saving:
            while self._unsaved:
                await self._saved(*self._unsaved[0])
                self._unsaved.pop(0)

    async def look(
        self,
        world: TargetState,
        bot_ids: Sequence[str],
        run_id: str,
        *,
        absent: bool = False,
        unmanaged: bool = True,
        prune_unmanaged: bool = False,
        hold: str | None = None,
        again: frozenset[Ref] = frozenset(),
        parts: frozenset[Ref] | None = None,
    ) -> list[BotResult]:
        """Reconciles the bots together: their records share a write before and a write after.

        With `hold`, the reason, a bot is only looked at, unless its agent is not there at all.
        `again` is made again though nothing differs (`diff.Policy`). Of a bot that was in place and
        is wanted as it was, only `parts` are read.

        Raises StoreUnavailable if nothing could be recorded, and then nothing was done.
        """
        results: list[BotResult] = []
        works: list[_Work] = []
        for bot_id in bot_ids:
            glance = None if again or parts is None else self.glances.at(world, bot_id, parts)
            try:
                planned = await plan_bot(
                    world,
                    self._port,
                    bot_id,
                    absent=absent,
                    unmanaged=unmanaged,
                    prune_unmanaged=prune_unmanaged,
                    again=again,
                    now=self._clock.now(),
                    glance=glance,
                )
            except OttoError as error:
                results.append(BotResult(bot_id, error=error))
            except Exception as error:  # a fault of ours in one bot is not the others' end
                results.append(
                    BotResult(bot_id, error=PermanentError(f"internal error: {fault_of(error)}"))
                )
            else:
                plan, waiting = self._retries.defer(bot_id, planned.plan)
                planned = replace(planned, plan=plan)
                if hold is not None and plan.acting and planned.present:
                    results.append(BotResult(bot_id, planned, held=hold, waiting=waiting))
                else:
                    works.append(_Work(planned, waiting))
        self.glances.forget(bot_ids)
        await self._do(world, works, run_id, absent)
        done = [_result(work) for work in works]
        self.glances.note(done)
        return [*results, *done]

    async def carry_out(
        self, world: TargetState, plans: Sequence[Planned], run_id: str
    ) -> list[BotResult]:
        """Does exactly these plans, which were made of this world a moment ago.

        Raises StoreUnavailable if nothing could be recorded, and then nothing was done.
        """
        works = [_Work(planned) for planned in plans]
        self.glances.forget(planned.bot_id for planned in plans)
        await self._do(world, works, run_id, absent=False)
        return [_result(work) for work in works]

    async def _do(self, world: TargetState, works: list[_Work], run_id: str, absent: bool) -> None:
        for work in works:
            work.records = [
                self._record(world, work.planned, action, run_id)
                for action in work.planned.plan.acting
            ]
        acting = [work for work in works if work.records]
        if acting and not self._right.held:
            return
        token = self._right.token
        if acting:
            await self.flush()  # before anything newer of ours stands there
            try:
                await asyncio.to_thread(self._before, world, acting, token)
            except Conflict:
                self._right.lose()
                return
        for work in acting:
            ended: list[datetime] = []

            def note(outcome: Outcome, ended: list[datetime] = ended) -> None:
                ended.append(self._clock.now())
                self._on_outcome(run_id, outcome)

            work.outcomes = await apply(
                work.planned.plan, self._port, fresh=absent, on_outcome=note, leading=self._holds
            )
            work.conclude(ended, self._repeats)
        try:
            await self.flush()
            await self._saved(world, works, token)
        except StoreUnavailable:
            if acting:
                self._unsaved.append((world, acting, token))
            raise

    def _holds(self) -> bool:
        return self._right.held

    async def _saved(self, world: TargetState, works: list[_Work], token: int | None) -> None:
        """What was done is on record in any case; the applied set only if nobody leads by now."""
        try:
            await asyncio.to_thread(self._after, world, works, token)
        except Conflict:
            self._right.lose()
            await asyncio.to_thread(self._stores.store.batch, self._ended(works))

    def _ended(self, works: list[_Work]) -> list[Write]:
        audit = self._stores.audit
        records = [record for work in works for record in work.records if work.outcomes]
        again = [action_id for work in works for action_id in work.again]
        writes = (audit.writing(records), audit.dropping(again))
        return [write for write in writes if write.documents]

    def _before(self, world: TargetState, works: list[_Work], token: int | None) -> None:
        """Claims first: what is begun and then lost to a crash is known to be ours."""
        claims = [c for work in works if (c := self._claimed(world, work.planned)) is not None]
        records = [record for work in works for record in work.records]
        stores = self._stores
        stores.store.batch(
            [stores.applied.writing(world.target, claims, token), stores.audit.writing(records)]
        )
        world.note({applied.bot_id: applied for applied in claims})

    def _after(self, world: TargetState, works: list[_Work], token: int | None) -> None:
        """What is on the target now, and what became of each action, in one write."""
        stores, writes = self._stores, []
        saved: list[Applied] = []
        heirs: dict[str, Applied] = {}
        dropped: list[str] = []
        for work in works:
            bot_id = work.planned.bot_id
            after = applied_after(world, work.planned, work.outcomes)
            if after is None:
                dropped.append(bot_id)
                writes.append(stores.applied.dropping(world.target, bot_id, token))
            elif work.outcomes or after != world.applied.get(bot_id):
                saved.append(after)
            given = handed_over(world, work.planned)
            work.heirs = frozenset(given)
            heirs |= given
        saved = [*(heir for b, heir in heirs.items() if b not in {s.bot_id for s in saved}), *saved]
        writes.append(stores.applied.writing(world.target, saved, token))
        writes += self._ended(works)
        stores.store.batch([write for write in writes if write.documents])
        world.note({applied.bot_id: applied for applied in saved})
        world.note(dict.fromkeys(dropped))

    def _claimed(self, world: TargetState, planned: Planned) -> Applied | None:
        creating = {a.ref for a in planned.plan.acting if a.operation is Operation.CREATE}
        last = world.applied.get(planned.bot_id) or Applied(planned.bot_id, 0, "", Snapshot())
        new = creating - set(last.resources) - last.claims
        begun = world.epoch.name if world.epoch is not None else last.begun
        claimed = replace(last, claims=last.claims | new, begun=begun, foreign=planned.foreign)
        return claimed if claimed != last else None

    def _record(self, world: TargetState, planned: Planned, action: Action, run_id: str) -> Record:
        changes = []
        for change in action.changes:
            before, after = shown(change)
            changes.append({"field": change.field, "before": before, "after": after})
        return Record(
            action_id=uuid.uuid4().hex,
            run_id=run_id,
            target=world.target,
            bot_id=planned.bot_id,
            kind=action.ref.kind,
            key=action.shown_key,
            operation=str(action.operation),
            cause=str(action.cause),
            changes=tuple(changes),
            revision=planned.wanted.revision if planned.wanted is not None else 0,
            commit=planned.wanted.source.commit if planned.wanted is not None else None,
            started=self._clock.now(),
        )
