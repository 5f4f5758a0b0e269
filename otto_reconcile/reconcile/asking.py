"""Asks the language model, keeps what it says, and puts on record what that took. For `evaluating`.

What was said while the store is away is kept in memory, and saved later: it was paid for.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from otto_reconcile.audit import Record
from otto_reconcile.errors import OttoError
from otto_reconcile.evaluations import Answer, Evaluations, Judge
from otto_reconcile.plan import Result
from otto_reconcile.port.base import Evaluator
from otto_reconcile.questions import Question
from otto_reconcile.reconcile.backoff import Backoff
from otto_reconcile.reconcile.clock import Clock
from otto_reconcile.reconcile.status import Usage
from otto_reconcile.reconcile.world import Stores
from otto_reconcile.resources import JSON, Resource

CONCURRENT = 4
"""Questions that are with the model at a time: chats come first."""
AGAIN = Backoff(most=3600.0)
"""For a question that failed: it may be one that the model never answers, and each try costs."""
KIND = "evaluation"
OPERATION = "evaluate"


class Metered(Protocol):
    """Knows the model, where it is asked by this process; `evaluation` is None if nobody counts."""

    @property
    def model(self) -> str: ...

    @property
    def evaluation(self) -> Usage | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking about a bot; `usage` is None where nobody can count."""

    questions: int
    answered: int
    usage: Usage | None
    seconds: float
    error: str | None

    def to_document(self) -> dict[str, JSON]:
        """What it took, for the status and for the record."""
        counted = asdict(self.usage) if self.usage is not None else {}
        return {"asked": self.questions, "answered": self.answered, **counted}


@dataclass(frozen=True, slots=True)
class _Tries:
    failures: int
    next: float  # on the monotonic clock


class Asking:
    """`pairs` below are questions, each with a resource that it is about."""

    def __init__(
        self, port: Evaluator, stores: Stores, clock: Clock, metered: Metered | None
    ) -> None:
        self._port, self._clock, self._metered = port, clock, metered
        self._audit, self._kept, self._store = stores.audit, Evaluations(stores.store), stores.store
        self.judge: Judge | None = None
        """Who judges; None as long as that is not known."""
        self._sought: set[str] = set()  # keys of questions that were looked for in the store
        self._tries: dict[str, _Tries] = {}
        self._answers: dict[str, Answer] = {}  # not saved yet
        self._records: dict[str, Record] = {}  # not saved yet

    @property
    def usage(self) -> Usage | None:
        """What judging took since the start, None where nobody can count."""
        return self._metered.evaluation if self._metered is not None else None

    async def begin(self) -> None:
        """Reads all that is known of this Parlant and this model. Raises OttoError."""
        self.judge = None
        model = self._metered.model if self._metered is not None else None
        judge = Judge.of(self._port.target, (await self._port.health()).version, model)
        known = await asyncio.to_thread(self._kept.load, judge)
        unsaved = {answer.key: answer.judgement for answer in self._answers.values()}
        self._port.judgements.known = {**known, **unsaved}
        self.judge = judge

    async def learn(self, questions: Iterable[Question]) -> None:
        """Reads what others have learned of those, the first time they come. Raises OttoError."""
        new = {question.key for question in questions} - self._sought
        if new and self.judge is not None:
            found = await asyncio.to_thread(self._kept.load, self.judge, sorted(new))
            self._port.judgements.known.update(found)
            self._sought |= new

    def sought(self, question: Question) -> bool:
        """True if the store was asked for it."""
        return question.key in self._sought

    def due(self, question: Question) -> bool:
        """True unless it failed not long ago."""
        tries = self._tries.get(question.key)
        return tries is None or tries.next <= self._clock.monotonic()

    def failures(self, question: Question) -> int:
        tries = self._tries.get(question.key)
        return tries.failures if tries is not None else 0

    def until_due(self) -> float:
        """Seconds until something that failed may be asked again; infinite if nothing has."""
        now = self._clock.monotonic()
        return min((tries.next - now for tries in self._tries.values()), default=float("inf"))

    @property
    def failing(self) -> int:
        """Questions to which no answer came, the last time that they were asked."""
        return len(self._tries)

    def keep_only(self, wanted: Collection[str]) -> None:
        """Forgets what failed and is not wanted any more; `wanted` has keys of questions."""
        self._tries = {key: tries for key, tries in self._tries.items() if key in wanted}

    async def ask(
        self, bot_id: str, pairs: Mapping[Question, Resource], run_id: str
    ) -> Asked | None:
        """Asks all of it, or up to where no answer comes any more. Raises OttoError.

        None if others have asked all of it meanwhile: the store knows the answers.
        """
        await self._learn(pairs)
        known = self._port.judgements.known
        left = [(question, about) for question, about in pairs.items() if question.key not in known]
        if not left:
            return None
        record = self._record(bot_id, run_id)
        await asyncio.to_thread(self._audit.intend, [record])
        started, before, errors, answered = self._clock.monotonic(), self.usage, [], 0
        for start in range(0, len(left), CONCURRENT):
            chunk = left[start : start + CONCURRENT]
            failed = [e for e in await asyncio.gather(*(self._one(*pair) for pair in chunk)) if e]
            errors += failed
            answered += len(chunk) - len(failed)
            await self._save_quietly()
            if len(failed) == len(chunk):
                break
        spent = None if before is None or self.usage is None else self.usage.since(before)
        seconds = self._clock.monotonic() - started
        asked = Asked(len(left), answered, spent, seconds, errors[0] if errors else None)
        self._records[record.action_id] = _concluded(record, asked)
        await self.save()
        return asked

    async def _learn(self, pairs: Mapping[Question, Resource]) -> None:
        """Somebody else may have paid for it already."""
        assert self.judge is not None
        keys = sorted(question.key for question in pairs)
        found = await asyncio.to_thread(self._kept.load, self.judge, keys)
        self._port.judgements.known.update(found)

    async def _one(self, question: Question, about: Resource) -> str | None:
        """Why there is no answer, if there is none."""
        try:
            said = await self._port.evaluate(question)
        except OttoError as error:
            failures = self.failures(question) + 1
            then = self._clock.monotonic() + AGAIN.delay(failures)
            self._tries[question.key] = _Tries(failures, then)
            return f"{about.kind} {about.key}: {error.message}"
        self._tries.pop(question.key, None)
        self._port.judgements.known[question.key] = said
        subject = f"{about.kind} {about.key}"
        self._answers[question.key] = Answer(question.key, said, subject, self._clock.now())
        return None

    async def _save_quietly(self) -> None:
        try:
            await self.save()
        except OttoError:
            return  # kept in memory; `save` is called again

    async def save(self) -> None:
        """Saves what is not saved yet. Raises StoreUnavailable."""
        answers, records = dict(self._answers), dict(self._records)
        if self.judge is None or not (answers or records):
            return
        writes = [
            self._kept.writing(self.judge, list(answers.values())),
            self._audit.writing(list(records.values())),
        ]
        await asyncio.to_thread(self._store.batch, [write for write in writes if write.documents])
        for key in answers:
            self._answers.pop(key, None)
        for key in records:
            self._records.pop(key, None)

    def _record(self, bot_id: str, run_id: str) -> Record:
        return Record(
            action_id=uuid.uuid4().hex,
            run_id=run_id,
            target=self._port.target,
            bot_id=bot_id,
            kind=KIND,
            key=bot_id,
            operation=OPERATION,
            cause="Unevaluated",
            changes=(),
            revision=0,
            started=self._clock.now(),
        )


def _concluded(record: Record, asked: Asked) -> Record:
    took: Sequence[tuple[str, JSON]] = sorted(asked.to_document().items())
    return replace(
        record,
        changes=tuple({"field": name, "before": None, "after": value} for name, value in took),
        duration=round(asked.seconds, 6),
        outcome=str(Result.FAILED if asked.error is not None else Result.SUCCEEDED),
        error=asked.error,
    )
