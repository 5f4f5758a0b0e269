"""Asks the language model, keeps what it says, and puts on record what that took.

What was said while the store is away is kept in memory, and saved later: it was paid for.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from otto_reconcile.errors import OttoError
from otto_reconcile.model import JSON, Resource
from otto_reconcile.model.evaluation import EvaluationCache, Question
from otto_reconcile.planning.plan import Result
from otto_reconcile.port.base import Evaluator
from otto_reconcile.reconcile.evaluation.usage import Bill, opened
from otto_reconcile.reconcile.status import Usage
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.audit import Record
from otto_reconcile.records.evaluations import Answer, EvaluatedBy, Evaluations
from otto_reconcile.runtime.backoff import Backoff
from otto_reconcile.runtime.clock import Clock

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
    error: str


@dataclass(slots=True)
class _Run:
    """Asking about one bot, as far as it has come."""

    record: Record
    questions: int
    bill: Bill
    started: float  # on the monotonic clock
    answered: int = 0
    error: str | None = None  # the first


class ModelQueries:
    """`pairs` below are questions, each with a resource that it is about."""

    def __init__(
        self,
        port: Evaluator,
        known: EvaluationCache,
        stores: Stores,
        clock: Clock,
        metered: Metered | None,
    ) -> None:
        self._port, self._cache = port, known
        self._clock, self._metered = clock, metered
        self._audit, self._kept, self._store = stores.audit, Evaluations(stores.store), stores.store
        self.evaluated_by: EvaluatedBy | None = None
        """Who evaluates; None as long as that is not known."""
        self._sought: set[str] = set()  # keys of questions that were looked for in the store
        self._tries: dict[str, _Tries] = {}
        self._answers: dict[str, Answer] = {}  # not saved yet
        self._records: dict[str, Record] = {}  # not saved yet
        self._saving = asyncio.Lock()
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._under_way: set[str] = set()  # keys of questions
        self._unanswered = 0  # failures in a row

    @property
    def usage(self) -> Usage | None:
        """What evaluating took since the start, None where nobody can count."""
        return self._metered.evaluation if self._metered is not None else None

    async def begin(self) -> None:
        """Reads all that is known of this Parlant and this model. Raises OttoError."""
        self.evaluated_by = None
        model = self._metered.model if self._metered is not None else None
        evaluated_by = EvaluatedBy.of(self._port.target, (await self._port.health()).version, model)
        known = await asyncio.to_thread(self._kept.load, evaluated_by)
        unsaved = {answer.key: answer.evaluation for answer in self._answers.values()}
        self._cache.known = {**known, **unsaved}
        self.evaluated_by = evaluated_by

    async def learn(self, questions: Iterable[Question]) -> None:
        """Reads what others have learned of those, the first time they come. Raises OttoError."""
        new = {question.key for question in questions} - self._sought
        if new and self.evaluated_by is not None:
            found = await asyncio.to_thread(self._kept.load, self.evaluated_by, sorted(new))
            self._cache.known.update(found)
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

    def start(self) -> None:
        """A round begins: the model is asked again, though it may have been silent."""
        self._unanswered = 0

    @property
    def silent(self) -> bool:
        """True if the model gave no answer at all to the last that it was asked in this round."""
        return self._unanswered >= CONCURRENT

    @property
    def reason(self) -> str | None:
        """Why there is no answer, of what failed last and was not answered since."""
        return next((tries.error for tries in reversed(self._tries.values())), None)

    async def ask(
        self, bot_id: str, pairs: Mapping[Question, Resource], run_id: str
    ) -> Asked | None:
        """Asks all of it, or up to where no answer comes any more. Raises OttoError.

        To be run in a task of its own, some at a time: they share what is with the model. None if
        others have asked all of it meanwhile, or are about to.
        """
        pairs = {q: about for q, about in pairs.items() if q.key not in self._under_way}
        keys = {question.key for question in pairs}
        self._under_way |= keys
        try:
            await self._learn(pairs)
            known = self._cache.known
            left = [(q, about) for q, about in pairs.items() if q.key not in known]
            return await self._ask(self._begun(bot_id, run_id, len(left)), left) if left else None
        finally:
            self._under_way -= keys

    async def _ask(self, run: _Run, left: Sequence[tuple[Question, Resource]]) -> Asked:
        await asyncio.to_thread(self._audit.intend, [run.record])
        await asyncio.gather(*(self._one(run, *pair) for pair in left))
        asked = self._so_far(run)
        self._records[run.record.action_id] = _concluded(run.record, asked)
        await self.save()
        return asked

    def _begun(self, bot_id: str, run_id: str, questions: int) -> _Run:
        record = self._record(bot_id, run_id)
        return _Run(record, questions, opened(), self._clock.monotonic())

    def _so_far(self, run: _Run) -> Asked:
        spent = run.bill.usage if self.usage is not None else None
        seconds = self._clock.monotonic() - run.started
        return Asked(run.questions, run.answered, spent, seconds, run.error)

    async def _learn(self, pairs: Mapping[Question, Resource]) -> None:
        """Somebody else may have paid for it already."""
        assert self.evaluated_by is not None
        keys = sorted(question.key for question in pairs)
        found = await asyncio.to_thread(self._kept.load, self.evaluated_by, keys)
        self._cache.known.update(found)

    async def _one(self, run: _Run, question: Question, about: Resource) -> None:
        """One question, when its turn comes; what that took is on record at once."""
        async with self._slots:
            if self.silent:
                return
            subject = f"{about.kind} {about.key}"
            try:
                said = await self._port.evaluate(question)
            except OttoError as error:
                self._failed(run, question, f"{subject}: {error.message}")
            else:
                self._unanswered, run.answered = 0, run.answered + 1
                self._tries.pop(question.key, None)
                self._cache.known[question.key] = said
                answer = Answer(question.key, said, subject, self._clock.now())
                self._answers[question.key] = answer
            self._records[run.record.action_id] = _under_way(run.record, self._so_far(run))
        await self._save_quietly()

    def _failed(self, run: _Run, question: Question, error: str) -> None:
        failures = self.failures(question) + 1
        then = self._clock.monotonic() + AGAIN.delay(failures)
        self._tries.pop(question.key, None)  # the last to fail comes last
        self._tries[question.key] = _Tries(failures, then, error)
        self._unanswered += 1
        run.error = run.error or error

    async def _save_quietly(self) -> None:
        try:
            await self.save()
        except OttoError:
            return  # kept in memory; `save` is called again

    async def save(self) -> None:
        """Saves what is not saved yet. Raises StoreUnavailable."""
        async with self._saving:  # what is older is never written over what is newer
            answers, records = dict(self._answers), dict(self._records)
            if self.evaluated_by is None or not (answers or records):
                return
            writes = [
                self._kept.writing(self.evaluated_by, list(answers.values())),
                self._audit.writing(list(records.values())),
            ]
            await asyncio.to_thread(self._store.batch, [w for w in writes if w.documents])
            for key in answers:
                self._answers.pop(key, None)
            for key, record in records.items():
                if self._records.get(key) is record:
                    del self._records[key]

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


def _under_way(record: Record, asked: Asked) -> Record:
    """What it took so far, should the process end before it is over."""
    took: Sequence[tuple[str, JSON]] = sorted(asked.to_document().items())
    changes = tuple({"field": name, "before": None, "after": value} for name, value in took)
    return replace(record, changes=changes, duration=round(asked.seconds, 6))


def _concluded(record: Record, asked: Asked) -> Record:
    outcome = Result.FAILED if asked.error is not None else Result.SUCCEEDED
    return replace(_under_way(record, asked), outcome=str(outcome), error=asked.error)
