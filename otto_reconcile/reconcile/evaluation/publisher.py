"""Puts what models have evaluated on what is there already, each call on record."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from otto_reconcile.errors import OttoError, TemporaryError
from otto_reconcile.model import JSON, Ref, Resource
from otto_reconcile.model.evaluation import EvaluationCache, EvaluationGap
from otto_reconcile.planning.plan import Cause, Change, Operation, Result
from otto_reconcile.planning.redaction import shown
from otto_reconcile.port.base import Evaluator
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.records.audit import Record
from otto_reconcile.runtime.fencing import fenced


@dataclass(frozen=True, slots=True)
class _Step:
    """All that one guideline or journey lacks, and the record of it."""

    lacking: Sequence[EvaluationGap]
    record: Record


class EvaluationPublisher:
    """One target's. States take what is known only when they are made: they are made again."""

    def __init__(self, session: TargetSession, port: Evaluator, known: EvaluationCache) -> None:
        self._session, self._port, self._cache = session, port, known
        self._audit, self._clock = session.stores.audit, session.clock
        self._attempted: set[str] = set()  # bots with something made again
        self._refused: set[Ref] = set()  # what could not be changed in this round

    def start(self) -> None:
        """A round begins: what could not be changed or made again in the last one is tried."""
        self._attempted.clear()
        self._refused.clear()

    async def place(self, bot_id: str, held: Sequence[Resource], run_id: str) -> int:
        """Of all that is in place of a bot; how much was changed. Raises OttoError."""
        placed = 0
        async with self._session.turn:
            unplaced = [r for r in held if self._cache.unplaced(r)]
            unplaced = [r for r in unplaced if r.ref not in self._refused]
            if unplaced and self._session.may_act:
                placed = await self._put(bot_id, unplaced, run_id)
        again = frozenset(r.ref for r in held if self._cache.unplaced_states(r))
        if again and self._session.may_act and bot_id not in self._attempted:
            self._attempted.add(bot_id)
            await self._session.recreate(bot_id, again, run_id)
        return placed

    async def _put(self, bot_id: str, resources: Sequence[Resource], run_id: str) -> int:
        """How many of the resources were changed; what is refused holds up no other."""
        checks = await self._port.checked(bot_id, resources)
        self._cache.note(checks)
        lacking = [check.gap for check in checks if check.gap is not None]
        by_resource = [list(group) for _, group in groupby(lacking, lambda one: one.resource.ref)]
        steps = [_Step(group, self._record(group, run_id)) for group in by_resource]
        if not steps:
            return 0
        await asyncio.to_thread(self._audit.intend, [step.record for step in steps])
        ended: list[Record] = []
        failure: TemporaryError | None = None
        for step in steps:
            if failure is None:
                record, failure = await self._tried(step)
                ended.append(record)
            else:
                why = f"not tried: {failure.message}"
                ended.append(_ended(step.record, Result.SKIPPED, why))
        await asyncio.to_thread(self._audit.conclude, ended)
        if failure is not None:
            raise failure
        return sum(record.outcome == Result.SUCCEEDED for record in ended)

    async def _tried(self, step: _Step) -> tuple[Record, TemporaryError | None]:
        """The record, and the error if it is one that the others would meet as well."""
        started = self._clock.monotonic()
        try:
            with fenced(lambda: self._session.may_act):
                for gap in step.lacking:
                    await self._port.place(gap)
        except OttoError as error:
            self._refused.add(step.lacking[0].resource.ref)
            others_too = error if isinstance(error, TemporaryError) else None
            return _ended(step.record, Result.FAILED, error.message), others_too
        took = round(self._clock.monotonic() - started, 6)
        return replace(_ended(step.record, Result.SUCCEEDED), duration=took), None

    def _record(self, lacking: Sequence[EvaluationGap], run_id: str) -> Record:
        resource = lacking[0].resource
        return Record(
            action_id=uuid.uuid4().hex,
            run_id=run_id,
            target=self._port.target,
            bot_id=resource.bot_id,
            kind=resource.kind,
            key=resource.key,
            operation=str(Operation.UPDATE),
            cause=str(Cause.EVALUATED),
            changes=tuple(map(_change, lacking)),
            revision=0,
            started=self._clock.now(),
        )


def _ended(record: Record, result: Result, error: str | None = None) -> Record:
    return replace(record, duration=0.0, outcome=str(result), error=error)


def _change(gap: EvaluationGap) -> Mapping[str, JSON]:
    """An evaluation may repeat the text that was evaluated, and with it a secret."""
    resource, own = gap.resource, gap.key == gap.resource.key
    name = "metadata" if own else f"metadata of condition {gap.key}"
    before = dict(gap.before)
    after = {k: v for k, v in gap.after.items() if v is not None or k in before}
    gone = dict.fromkeys(before.keys() - after.keys())
    change = Change(name, before or None, {**after, **gone}, masked=bool(resource.masked))
    before, after = shown(change)
    return {"field": name, "before": before, "after": after}
