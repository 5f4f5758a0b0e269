"""Has a language model evaluate the texts of bots, each once forever. The loop drives it.

What is known goes along with whatever the port makes; here the rest is asked for, kept, and put on
what is there already. Nobody waits for it (`lazy`), or a bot is not in place without it (`eager`).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from otto_reconcile.errors import OttoError
from otto_reconcile.model import Resource, Snapshot
from otto_reconcile.model.evaluation import EvaluationCache, Question, questions_of
from otto_reconcile.port.base import Evaluator
from otto_reconcile.reconcile.evaluation.evaluator import CONCURRENT, Asked, Metered, ModelQueries
from otto_reconcile.reconcile.evaluation.publisher import EvaluationPublisher
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.session import TargetSession
from otto_reconcile.reconcile.status import Health, Sync
from otto_reconcile.runtime.backoff import CONNECTION

_IDLE = 3600.0
_RETRY = 0.5
_STEP = 2.0  # seconds between two looks at what has been answered meanwhile
BEFORE_SERVING = 60.0
"""Seconds that `eager` may keep the port closed: a model that hangs would do so forever."""


class Mode(StrEnum):
    OFF = "off"  # asks nothing; what is known is put back all the same
    LAZY = "lazy"
    EAGER = "eager"


class EvaluationScheduler:
    """One target's, as an extension of its loop. `metered` counts what the model costs.

    `known` is what the port puts on the target with what it makes, and what is there of it.
    """

    name = "evaluating"

    def __init__(
        self,
        mode: Mode,
        session: TargetSession,
        port: Evaluator,
        known: EvaluationCache,
        metered: Metered | None = None,
    ) -> None:
        self._mode, self._session, self._port, self._cache = mode, session, port, known
        self._reporter, self._clock = session.reporter, session.clock
        self._asking = ModelQueries(port, known, session.stores, session.clock, metered)
        self._placing = EvaluationPublisher(session, port, known)
        self._bots: dict[str, Snapshot] = {}  # what was in place at the last look
        self._missing: dict[str, int] = {}  # by bot, what nobody has evaluated yet
        self._serving = False
        self._early: asyncio.Task[None] | None = None  # the round before serving
        self._down = 0  # rounds in a row in which nobody answered
        self._message: str | None = None
        self._last: dict[str, Any] | None = None
        self._woken = asyncio.Event()

    async def begin_epoch(self) -> None:
        """Reads what is known already: in each life of the target, before anything is made on it.

        What is away now is no reason to wait: it is read later, and put on what was made.
        """
        try:
            await self._asking.begin()
        except OttoError as error:
            self._message = error.message
        self._tell()

    def after_look(self, result: BotResult, *, recreated: bool = False) -> None:
        """A look at a bot came to this, and the bot's status is set."""
        planned = result.planned
        if planned is None:
            return
        touched = {outcome.action.ref for outcome in result.outcomes}  # newer than what was seen
        checks = (check for check in planned.checks if check.resource.ref not in touched)
        self._cache.note(checks)
        if result.held is not None:
            return
        if planned.wanted is None or planned.left_alone is not None:
            self.forget(result.bot_id)
        elif result.outcomes or not planned.plan.acting:
            self._bots[result.bot_id] = planned.desired
            self._tell_bot(result.bot_id)
            if self._waits(result.bot_id) and not recreated:
                self._woken.set()
        self._tell()

    def forget(self, bot_id: str) -> None:
        """The bot is wanted no longer, or is to be left alone."""
        self._bots.pop(bot_id, None)
        self._missing.pop(bot_id, None)

    async def before_serving(self) -> None:
        """All that has to be done before the first customer comes."""
        if self._mode is not Mode.EAGER or not self._session.may_act:
            return
        self._early = asyncio.create_task(self.round(), name="evaluating before serving")
        try:
            await asyncio.wait({self._early}, timeout=BEFORE_SERVING)
        except asyncio.CancelledError:
            self._early.cancel()
            raise
        self._serving = True
        if self._early.done():
            self._early.result()
        else:
            missing = sum(self._missing.values())
            self._reporter.warn("the port opens before all is evaluated", texts=missing)

    def wake(self) -> None:
        """Asks for a round at once."""
        self._woken.set()

    async def run(self, went_well: Callable[[], None] = lambda: None) -> None:
        """For ever: a round whenever there is something to do; `went_well` hears of each."""
        self._serving = True
        early, self._early = self._early, None
        if early is not None:
            await early
        while True:
            if self._down:
                await self._clock.sleep(CONNECTION.delay(self._down))
            else:
                due = max(_RETRY, min(_IDLE, self._asking.until_due()))
                await self._clock.wait(self._woken, due)
            while not self._session.may_act:
                await self._clock.sleep(_RETRY)
            self._woken.clear()
            await self.round()
            went_well()

    async def round(self) -> None:
        """Puts what is known in its place, then asks for what is not, bot by bot.

        A store, target or model that is away is no error: it is tried again.
        """
        run_id = uuid.uuid4().hex[:8]
        self._placing.start()
        try:
            if self._asking.evaluated_by is None:
                await self._asking.begin()
            await self._asking.save()
            unknown = [pair for bot_id in self._bots for pair in self._unknown(bot_id)]
            await self._asking.learn(question for question, _ in unknown)
            for bot_id in sorted(self._bots):
                await self._place(bot_id, run_id)
            silent = await self._ask_all(run_id)
        except OttoError as error:
            silent, self._message = True, error.message
        else:
            self._message = None
        self._down = self._down + 1 if silent else 0
        if self._asking.failing:
            pairs = (pair for bot_id in self._bots for pair in self._unknown(bot_id))
            self._asking.keep_only({question.key for question, _ in pairs})
        self._tell()

    async def _ask_all(self, run_id: str) -> bool:
        """Some bots at a time, so that one that gets no answer holds up no other.

        True if the model is silent.
        """
        if self._mode is Mode.OFF:
            return False
        self._asking.start()
        waiting = iter(sorted(self._bots, key=self._order))
        asking = (self._ask_on(waiting, run_id) for _ in range(CONCURRENT))
        for failure in await asyncio.gather(*asking, return_exceptions=True):
            if failure is not None:
                raise failure
        for bot_id in sorted(self._bots):  # what one was asked about another may have too
            await self._place(bot_id, run_id)
        return self._asking.silent

    async def _ask_on(self, waiting: Iterator[str], run_id: str) -> None:
        for bot_id in waiting:
            if self._asking.silent or not self._session.may_act:
                return
            if due := self._due(bot_id):
                await self._ask_about(bot_id, due, run_id)

    async def _ask_about(self, bot_id: str, due: Mapping[Question, Resource], run_id: str) -> None:
        asking = asyncio.create_task(self._asking.ask(bot_id, due, run_id))
        try:
            while not (await asyncio.wait({asking}, timeout=_STEP))[0]:
                with suppress(OttoError):  # it is tried again below
                    await self._place(bot_id, run_id)
                self._tell()
            asked = await asking
        finally:
            asking.cancel()
        if asked is not None:
            self._told(bot_id, run_id, asked)
        await self._place(bot_id, run_id)
        self._tell()

    async def _place(self, bot_id: str, run_id: str) -> None:
        waited = bool(self._missing.get(bot_id) or self._unplaced(bot_id))
        started = self._clock.monotonic()
        unplaced = bool(self._unplaced(bot_id))
        if unplaced:
            try:
                if placed := await self._placing.place(bot_id, self._held(bot_id), run_id):
                    self._reporter.say("evaluations placed", bot=bot_id, on=placed, run=run_id)
            except OttoError:
                self._session.ask_for([bot_id], "evaluated")  # what was under way may be half done
                raise
        if unplaced and self._serving:  # chats come first
            await self._clock.sleep(self._clock.monotonic() - started)
        self._tell_bot(bot_id)
        if self._mode is Mode.EAGER and waited and not self._waits(bot_id):
            self._session.ask_for([bot_id], "evaluated")

    # What is missing.

    def _held(self, bot_id: str) -> list[Resource]:
        return list(self._bots.get(bot_id, Snapshot()).values())

    def _unknown(self, bot_id: str) -> list[tuple[Question, Resource]]:
        known = self._cache.known
        return [
            (question, resource)
            for resource in self._held(bot_id)
            for question in questions_of(resource)
            if question.key not in known
        ]

    def _unplaced(self, bot_id: str) -> list[Resource]:
        held = self._held(bot_id)
        return [resource for resource in held if self._cache.unplaced(resource)]

    def _waits(self, bot_id: str) -> bool:
        """True if a round could do something for it."""
        if self._asking.evaluated_by is None:
            return True
        if not all(self._asking.sought(question) for question, _ in self._unknown(bot_id)):
            return True
        asks = self._mode is not Mode.OFF and self._missing.get(bot_id)
        return bool(asks or self._unplaced(bot_id))

    def _due(self, bot_id: str) -> dict[Question, Resource]:
        """What may be asked now, each thing once."""
        pairs = reversed(self._unknown(bot_id))
        return {question: about for question, about in pairs if self._asking.due(question)}

    def _order(self, bot_id: str) -> tuple[int, str]:
        """What never failed comes first."""
        failures = (self._asking.failures(question) for question in self._due(bot_id))
        return min(failures, default=0), bot_id

    # What is said of it.

    def _told(self, bot_id: str, run_id: str, asked: Asked) -> None:
        took = asked.to_document()
        finished = self._clock.now().isoformat(timespec="seconds")
        before = self._last if self._last is not None and self._last["run"] == run_id else {}
        sums = {name: before.get(name, 0) + value for name, value in took.items()}
        self._last = {"run": run_id, "finished": finished, **sums}
        say = self._reporter.say if asked.error is None else self._reporter.warn
        say("evaluated", bot=bot_id, **took, why=asked.error, run=run_id)

    def _tell_bot(self, bot_id: str) -> None:
        if bot_id not in self._bots or bot_id not in self._reporter.board.status.bots:
            return
        self._missing[bot_id] = missing = len(self._unknown(bot_id))
        values: dict[str, Any] = {"unevaluated": missing}
        in_place = self._reporter.board.status.bots[bot_id].health is Health.HEALTHY
        if self._mode is Mode.EAGER and in_place and self._waits(bot_id):
            message = f"waiting for the model's evaluation of {missing} texts"
            values |= {"sync": Sync.OUT_OF_SYNC, "health": Health.PROGRESSING, "message": message}
        self._reporter.board.set_bot(bot_id, **values)

    def _tell(self) -> None:
        evaluated_by = self._asking.evaluated_by
        self._reporter.board.status.evaluations = {
            "mode": str(self._mode),
            **(asdict(evaluated_by) if evaluated_by is not None else {}),
            "known": len(self._cache.known),
            "missing": sum(self._missing.values()),
            "failing": self._asking.failing,
            "message": self._message or self._asking.reason,
            "run": self._last,
        }
