"""What the loop says: to the log, and on the status board, each thing once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from datetime import timedelta
from typing import Any, Protocol

from otto_reconcile.errors import OttoError
from otto_reconcile.planning.plan import Outcome, Result
from otto_reconcile.reconcile import conditions
from otto_reconcile.reconcile.reminders import Reminders, Repeats, span
from otto_reconcile.reconcile.results import BotResult
from otto_reconcile.reconcile.status import Health, StatusBoard, Sync
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Epoch
from otto_reconcile.runtime.clock import Clock

CONNECTED = "Connected"
RESTORING = "Restoring"
UNAVAILABLE = "Unavailable"
WAITING = "Waiting"

READING, LEADING = "reading", "leading"
"""What is asked of the store, apart from what concerns one bot."""


class Log(Protocol):
    """What is used of a structlog logger."""

    def debug(self, event: str, /, **fields: Any) -> Any: ...
    def info(self, event: str, /, **fields: Any) -> Any: ...
    def warning(self, event: str, /, **fields: Any) -> Any: ...


class Reporter:
    """`standing` gives the warnings that hold until a person has dealt with them."""

    def __init__(
        self,
        board: StatusBoard,
        clock: Clock,
        log: Log,
        standing: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.board, self._clock, self.log = board, clock, log
        self._repeats, self._reminders = Repeats(), Reminders(clock)
        self._store_errors: dict[str, OttoError] = {}  # by what was asked of the store
        self._unwritten: str | None = None  # why the status file cannot be written
        self._not_ready: str | None = None  # the URL, until everything behind it answers
        self._standing = standing

    def of(self, target: str, store: str) -> None:
        """Says which target and store the status is about."""
        status = self.board.status
        status.store.label = store
        status.target.label = status.target_id = target

    @property
    def target_up(self) -> bool:
        return self.board.status.target.state in (CONNECTED, RESTORING)

    def store(self, error: OttoError | None, of: str = READING) -> bool:
        """What was asked of the store went well (None) or not; `of` is what that was.

        It is connected while nothing fails: that one table can be read says nothing of another.
        Once it can be read after an outage (True), all else is taken to work until it fails again.
        """
        back = error is None and of == READING and READING in self._store_errors
        if back:
            self._store_errors.clear()
        if error is not None:
            self._store_errors[of] = error
        else:
            self._store_errors.pop(of, None)
        error = next(iter(self._store_errors.values()), None)
        connection = self.board.status.store
        state = UNAVAILABLE if error is not None else CONNECTED
        message = error.with_hint if error is not None else None
        if self.board.connection(connection, state, self._clock.now(), message):
            self._say(error is None, f"store {state.lower()}", store=connection.label, why=message)
        self.remind("store", state, message, "store still unavailable", store=connection.label)
        self._tell_ready()
        return back

    def acts_no_more(self) -> None:
        """What only the acting daemon asks of the store is asked no more, and fails no longer."""
        kept = (READING, LEADING)
        self._store_errors = {of: e for of, e in self._store_errors.items() if of in kept}

    def target(self, state: str, message: str | None = None) -> None:
        connection = self.board.status.target
        good = state in (CONNECTED, RESTORING)
        if self.board.connection(connection, state, self._clock.now(), message):
            self._say(good, f"target {state.lower()}", target=connection.label, why=message)
        away = message if state == UNAVAILABLE else None
        self.remind("target", state, away, "target still unavailable", target=connection.label)
        self._tell_ready()
        self._lose_sight()

    def _lose_sight(self) -> None:
        """While the target is not there, no bot is known to be as it was when it was."""
        target = self.board.status.target
        if target.state in (UNAVAILABLE, WAITING):
            self.board.lose_sight(f"target {target.state.lower()}: {target.message}")

    def ready(self, url: str) -> None:
        """Parlant is served there; that everything behind it answers is said once it does."""
        self._not_ready = url
        if self._tell_ready():
            return
        status = self.board.status
        states = {"store": status.store.state, "target": status.target.state}
        if {UNAVAILABLE, WAITING} & {*states.values()}:
            self.warn("running, but not ready: not everything answers", url=url, **states)
        elif (label := status.target.label) and not label.startswith("embedded:"):
            # Elsewhere, and of its port we know nothing.
            self.say("running, the target has not answered yet", url=url)
        else:
            self.say("the port is open", url=url)

    def _tell_ready(self) -> bool:
        """True if it was said now."""
        status = self.board.status
        if not self._not_ready or {status.store.state, status.target.state} != {CONNECTED}:
            return False
        self.say("ready", url=self._not_ready)
        self._not_ready = None
        return True

    def remind(
        self, key: Hashable, what: object, why: str | None, event: str, **fields: Any
    ) -> None:
        """Says again, in growing distances, what was said when it began; without `why` it is over.

        `what` tells this time of it from another one.
        """
        if why is None:
            self._reminders.over(key)
        elif lasts := self._reminders.due(key, what):
            self._say(False, event, **fields, why=why, lasts=span(lasts))

    def rivals(self, rivals: tuple[str, ...]) -> None:
        """Daemons of other stores that wait to manage the target that we manage."""
        status = self.board.status
        for rival in set(rivals) - set(status.rivals):
            self.warn("another daemon, with another store, waits to manage this server", who=rival)
        status.rivals = rivals

    def say(self, event: str, **fields: Any) -> None:
        self._say(True, event, **fields)

    def warn(self, event: str, **fields: Any) -> None:
        self._say(False, event, **fields)

    def _say(self, good: bool, event: str, *, quietly: bool = False, **fields: Any) -> None:
        shown = {name: value for name, value in fields.items() if value is not None}
        loud = self.log.info if good else self.log.warning
        (self.log.debug if quietly else loud)(event, **shown)

    def outcome(self, run_id: str, outcome: Outcome) -> None:
        """One line for each call to the target; one that failed so before is told in debug only."""
        action = outcome.action
        good = outcome.result is Result.SUCCEEDED
        restoring = self.board.status.target.state == RESTORING
        lasts = self._lasts(outcome)
        self._say(
            good,
            str(action.operation) if good else f"{action.operation} {outcome.result}",
            quietly=restoring if good else self._repeats.has(outcome) and not lasts,
            bot=action.bot_id or None,
            kind=action.ref.kind,
            key=action.shown_key,
            cause=str(action.cause),
            fields=",".join(change.field for change in action.changes) or None,
            error=outcome.error,
            lasts=span(lasts) if lasts else None,
            run=run_id,
        )

    def _lasts(self, outcome: Outcome) -> float | None:
        """The seconds for which this fails, if it is time to say so again."""
        key = (outcome.action.bot_id, outcome.action.ref)
        if outcome.result is not Result.FAILED:
            self._reminders.over(key)
            return None
        if not self._repeats.has(outcome):
            self._reminders.over(key)
        return self._reminders.due(key, outcome.error)

    def lacking(self, bot_id: str, why: str | None) -> None:
        """A tool of a bot is gone, though nothing of the bot differs; None: it is not."""
        key = ("lacking", bot_id)
        if why is None:
            if self._reminders.over(key):
                self.say("its tools are there again", bot=bot_id)
        elif (lasts := self._reminders.due(key, why)) is not None:
            self.warn(why, bot=bot_id, lasts=span(lasts) if lasts else None)

    def world(
        self, world: TargetState, warnings: Iterable[str], moved: Collection[str] | None = None
    ) -> None:
        """What a person should know of the desired state, said when it is new.

        `moved` are the bots that may be wanted otherwise than before; None is all.
        """
        status = self.board.status
        parts = {**world.desired.unreadable, **world.desired.unreadable_shared}
        unreadable = (f"{name}: {why}" for name, why in sorted(parts.items()))
        guarded = [g.sentence] if (g := world.guarded) is not None else []
        new = (*warnings, *unreadable, *guarded, *self._standing())
        self.stand_by(new)
        status.warnings = new
        self.epoch(world.epoch)
        if moved is None or not all(map(world.knows, moved)):
            self.board.keep_only(world.bot_ids)
        for bot_id in world.bot_ids if moved is None else filter(world.knows, moved):
            self.board.set_bot(bot_id, outside=world.outside(bot_id) is not None)
        self._lose_sight()

    def lost(self, why: str | None) -> None:
        """The store has lost bots; None: it has all that it ever had."""
        if why is not None and why != self.board.status.lost:
            self.warn("the store has lost bots", why=why)
        self.board.status.lost = why

    def reaching(self, found: tuple[str, ...]) -> None:
        """Puts on the board what reaches every agent and nobody declared; says what is new."""
        status = self.board.status
        for one in found:
            if one not in status.reaching:
                self.warn(one)
        if status.reaching and not found:
            self.say("nothing undeclared reaches every agent any more")
        status.reaching = found

    def stand_by(self, warnings: Iterable[str]) -> None:
        """Puts warnings on the board beside those that are there, and says those that are new."""
        status = self.board.status
        for warning in warnings:
            if warning not in status.warnings:
                self.warn(warning)
                status.warnings = (*status.warnings, warning)

    def epoch(self, epoch: Epoch | None) -> None:
        self.board.status.epoch = epoch.name if epoch is not None else None

    def progressing(self, bot_ids: Iterable[str]) -> None:
        for bot_id in bot_ids:
            self.board.set_bot(bot_id, sync=Sync.UNKNOWN, health=Health.PROGRESSING)
        self.publish()

    def bot(self, result: BotResult, failures: int, delay: float | None) -> None:
        fields = conditions.bot_fields(result, self._clock.now())
        later = None if delay is None else self._clock.now() + timedelta(seconds=delay)
        next_try = later.isoformat(timespec="seconds") if later is not None else None
        self.board.set_bot(result.bot_id, **fields, failures=failures, next_try=next_try)
        self.lacking(result.bot_id, result.lacking)
        self._lose_sight()  # what was under way when the target went may be told after that
        self._repeats.settle(result.bot_id, (*result.outcomes, *result.waiting))

    def publish(self) -> None:
        problem = self.board.publish(self._clock.now())
        if problem == self._unwritten:
            return
        if problem is not None:
            self.warn("the status file cannot be written: `status` shows old data", why=problem)
        else:
            self.say("the status file is written again")
        self._unwritten = problem
