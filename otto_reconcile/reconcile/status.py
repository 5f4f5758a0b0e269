"""The status: what the loop says of itself, kept in a file beside the store.

It is a file because it has to be readable exactly when the store is not. Written whole and renamed,
so that a reader never sees half of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from otto_reconcile.reconcile import heartbeat
from otto_reconcile.runtime import data_dir
from otto_reconcile.runtime.data_dir import STATUS_FILE, never_lost


class Sync(StrEnum):
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a language model was asked: calls, also such as failed, and tokens in and out."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, more: Usage) -> Usage:
        return Usage(
            self.calls + more.calls,
            self.input_tokens + more.input_tokens,
            self.output_tokens + more.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class BotStatus:
    """One bot. Times are ISO 8601 in UTC; `last_change` is the last one made to the target.

    `root` is the folder or repository that `source` is of, and `commit` has the id, author, subject
    and time of the commit that the revision came from.
    `outside` is True for one that this daemon does not look after (`Status.selector`).
    `unevaluated` are the texts (guidelines, conditions and states of journeys) that no model has
    evaluated yet: they are served as they stand.
    Of several targets, `target` is the one that has the bot, `moving_to` the one that is to.
    """

    bot_id: str
    name: str = ""
    sync: Sync = Sync.UNKNOWN
    health: Health = Health.UNKNOWN
    cause: str | None = None
    message: str | None = None
    revision: int | None = None
    digest: str | None = None
    source: str | None = None
    root: str | None = None
    commit: Mapping[str, str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    outside: bool = False
    guidelines: int = 0
    journeys: int = 0
    unevaluated: int = 0
    unmanaged: tuple[str, ...] = ()
    last_change: str | None = None
    failures: int = 0
    next_try: str | None = None
    target: str | None = None
    moving_to: str | None = None


@dataclass(slots=True)
class Connection:
    """The store or the target: `state` is Connected, Unavailable, Waiting or Restoring.

    It is Unknown until the first answer, or the first that stays out.
    """

    label: str
    state: str = "Unknown"
    since: str | None = None
    message: str | None = None


@dataclass(slots=True)
class Status:
    """All of it. `url` is Parlant's; `restore` has bots, seconds and finished of the last restore.

    `model` has name, state (Connected, Unavailable or Off), message and next_try of the language
    model, nothing where it is somebody else's. `evaluations` comes from the scheduler of
    `reconcile.evaluation`;
    `usage` has a Usage since the start by purpose, nothing where the model is somebody else's.
    `git` has, by its name, each repository whose commits are imported, see `sources.branch`;
    `webhook` is the URL that hears of their moves.
    `lost` says which bots the store has lost, see `reconcile.remembered`.
    `rounds` says of the looks at all bots that are only to be sure how many were `done` `of` how
    many, and in `seconds` how long a whole round took, or will take if none is over yet.
    `selector` says which bots this daemon looks after, if not all.
    `bridged` says that a Parlant elsewhere is managed over its bridge.
    `jobs` has the background jobs that fail, see `reconcile.jobs`.
    `led_by` names the daemon with the same targets that acts on this one, if it is not this one.
    Of a daemon with several targets, `fleet` says of all together how they are shared (see
    `fleet.report`), and each target has a status of its own.
    """

    pid: int = 0
    started: str | None = None
    updated: str | None = None
    url: str | None = None
    target_id: str | None = None
    store: Connection = field(default_factory=lambda: Connection(""))
    target: Connection = field(default_factory=lambda: Connection(""))
    epoch: str | None = None
    restore: dict[str, Any] | None = None
    model: dict[str, Any] = field(default_factory=dict)
    evaluations: dict[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)
    manifests: dict[str, Any] = field(default_factory=dict)
    git: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhook: str | None = None
    tools: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    reaching: tuple[str, ...] = ()
    bridged: bool = False
    rivals: tuple[str, ...] = ()
    lost: str | None = None
    rounds: dict[str, Any] = field(default_factory=dict)
    selector: str | None = None
    led_by: str | None = None
    fleet: dict[str, Any] = field(default_factory=dict)
    bots: dict[str, BotStatus] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Everything but the bots, which the StatusBoard adds."""
        names = (field.name for field in fields(self) if field.name != "bots")
        document = {name: getattr(self, name) for name in names}
        return {**document, "store": asdict(self.store), "target": asdict(self.target)}


MOVES = 10.0
"""Seconds after a change in which another one is likely."""


class StatusBoard:
    """Holds the current Status and writes it to `folder` when it has changed. One writer."""

    def __init__(self, folder: Path | None, lost: Callable[[], str | None] = never_lost) -> None:
        self.status = Status(pid=os.getpid())
        self.usage: Callable[[], Mapping[str, Any]] = dict
        self.folder, self._lost = folder, lost
        self._written: dict[str, Any] | None = None
        self._beat = float("-inf")  # uptime at the last try to write
        self._moved_at = float("-inf")
        self._problem: str | None = None
        self._bots: dict[str, str] = {}  # as they are written
        self._bots_moved, self._bots_text = True, "[]"

    @property
    def moves(self) -> bool:
        """True if something changed in the last seconds: more of it may follow."""
        return heartbeat.uptime() - self._moved_at < MOVES

    def set_bot(self, bot_id: str, **values: Any) -> None:
        """Changes fields of a bot's status; what is not named stays."""
        known = self.status.bots.get(bot_id)
        self.put_bot(replace(known or BotStatus(bot_id), **values))

    def put_bot(self, now: BotStatus) -> None:
        """A bot's status as a whole."""
        if now != self.status.bots.get(now.bot_id):
            self.status.bots[now.bot_id] = now
            self._bots[now.bot_id] = json.dumps(asdict(now), default=str)
            self._bots_moved = True

    def lose_sight(self, why: str) -> None:
        """Says of every bot that nobody knows how it is now; the next look at it tells anew."""
        for bot_id in self.status.bots:
            self.set_bot(bot_id, sync=Sync.UNKNOWN, health=Health.UNKNOWN, cause=None, message=why)

    def keep_only(self, bot_ids: Sequence[str]) -> None:
        wanted = set(bot_ids)
        for bot_id in [b for b in self.status.bots if b not in wanted]:
            del self.status.bots[bot_id], self._bots[bot_id]
            self._bots_moved = True

    def connection(
        self, which: Connection, state: str, now: datetime, message: str | None = None
    ) -> bool:
        """Sets a connection's state; True if it is another than before."""
        changed = which.state != state
        if changed:
            which.state, which.since = state, now.isoformat(timespec="seconds")
        which.message = message
        return changed

    def publish(self, now: datetime) -> str | None:
        """Writes the file if anything has changed, and at every beat: a reader sees that we live.

        Gives the reason if it could not be written, which is not our end: it is tried again at the
        next beat.
        """
        if self.folder is None:
            return self._problem
        due = heartbeat.uptime() - self._beat >= heartbeat.BEAT
        self.status.updated, self.status.usage = None, self.usage()
        document = self.status.to_document()
        changed = document != self._written or self._bots_moved
        if changed:
            self._moved_at = heartbeat.uptime()
        if not due and (self._problem or not changed):
            return self._problem
        if self._bots_moved:
            bots = ", ".join(self._bots[bot_id] for bot_id in sorted(self._bots))
            self._bots_text = f"[{bots}]"
        updated = now.isoformat(timespec="seconds")
        self._beat = heartbeat.uptime()
        beat = {**document, "updated": updated, "heartbeat": heartbeat.beat()}
        text = f'{json.dumps(beat, default=str)[:-1]}, "bots": {self._bots_text}}}'
        if (why := self._lost()) is not None:
            self._problem = why
            return why
        try:
            data_dir.write_whole(self.folder / STATUS_FILE, text)
        except OSError as error:
            self._problem = error.strerror or str(error)
        else:
            self._written, self._bots_moved, self._problem = document, False, None
        return self._problem

    def withdraw(self) -> None:
        """Takes the file away: the daemon has ended in good order."""
        if self.folder is not None and self._lost() is None:
            with suppress(OSError):  # what is there is no file of ours
                (self.folder / STATUS_FILE).unlink(missing_ok=True)


def read_status(folder: Path) -> Mapping[str, Any] | None:
    """What the daemon of this data directory last said; None if there is none or it is dead.

    Of a daemon that has said nothing for a while, `stale` has `seconds` and `since`, and how its
    bots are is Unknown.
    """
    file = folder / STATUS_FILE
    if not (file.is_file() and data_dir.is_owned(folder)):  # to read a pipe would take forever
        return None
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    beat = document.get("heartbeat")
    quiet = heartbeat.silence(beat)  # None: of an older daemon
    if beat is None or quiet is None or quiet < heartbeat.STALE:
        return document
    stale = {"seconds": round(quiet), "since": beat["time"]}
    bots = [_outdated(bot, beat["time"]) for bot in document.get("bots", ())]
    return {**document, "stale": stale, "bots": bots}


def _outdated(bot: Mapping[str, Any], since: str) -> dict[str, Any]:
    was = f"the daemon has said nothing since {since}; then it was {bot.get('sync')}"
    message = f"{was}: {bot['message']}" if bot.get("message") else was
    return {**bot, "sync": Sync.UNKNOWN, "health": Health.UNKNOWN, "message": message}
