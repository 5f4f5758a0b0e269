"""The status of a daemon with several targets: each has its own, and one file has all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from otto_reconcile.fleet.shared import SharedWanted
from otto_reconcile.reconcile.reporter import CONNECTED, UNAVAILABLE, WAITING, Log
from otto_reconcile.reconcile.status import BotStatus, Health, Status, StatusBoard, Sync
from otto_reconcile.render.lines import counted
from otto_reconcile.settings import TargetSettings, without_credentials

NO_TARGET = (
    "no target is for it: its labels fit no selector in `targets`, or only that of drained ones"
)
_TOLD_BY_ALL = "store "
"""How events about the store begin: it is one for all targets, and told once."""


class TargetBoard(StatusBoard):
    """One target's: it writes no file, and says which bots it has news of."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder)
        self.news: set[str] = set()

    def set_bot(self, bot_id: str, **values: Any) -> None:
        super().set_bot(bot_id, **values)
        self.news.add(bot_id)

    def keep_only(self, bot_ids: Sequence[str]) -> None:
        before = set(self.status.bots)
        super().keep_only(bot_ids)
        self.news |= before - self.status.bots.keys()

    def publish(self, now: datetime) -> str | None:
        return None


class TargetLog:
    """Says which target it is about; what is the same for all targets is told elsewhere."""

    def __init__(self, log: Log, target: str) -> None:
        self._log, self._target = log, target

    def debug(self, event: str, /, **fields: Any) -> Any:
        return self._log.debug(event, **self._named(fields))

    def info(self, event: str, /, **fields: Any) -> Any:
        if event.startswith(_TOLD_BY_ALL):
            return self.debug(event, **fields)
        return self._log.info(event, **self._named(fields))

    def warning(self, event: str, /, **fields: Any) -> Any:
        if event.startswith(_TOLD_BY_ALL):
            return self.debug(event, **fields)
        return self._log.warning(event, **self._named(fields))

    def _named(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**fields, "target": self._target}


class FleetBoard:
    """Puts the status of all targets on the board of the daemon, which writes it."""

    def __init__(
        self,
        board: StatusBoard,
        targets: Mapping[str, TargetBoard],
        places: Mapping[str, TargetSettings],
        shared: SharedWanted,
    ) -> None:
        self._board, self._targets, self._places, self._shared = board, targets, places, shared
        self._moving: dict[str, str] = {}
        self._led: dict[str, bool] = {}

    def gather(self, daemons: Sequence[str], agreed: bool, clashes: Mapping[str, str]) -> None:
        """Everything as it is now. `daemons` are those that share the targets.

        `clashes` has the targets that are the same server as another one, by that one's name.
        """
        for name in clashes:  # nobody has it
            self._targets[name].status.led_by = None
        self._gather_bots()
        status, parts = self._board.status, [(n, b.status) for n, b in self._targets.items()]
        status.fleet = {
            "targets": {name: self._told(name, one) for name, one in parts},
            "moves": [asdict(move) for move in self._shared.moves],
            "daemons": list(daemons),
            "agreed": agreed,
            "clashes": dict(clashes),
            "staying": {b: name for b, name in self._shared.homeless.items() if name is not None},
        }
        ours = [(name, one) for name, one in parts if one.led_by is None]
        status.rivals = _named(ours, "rivals")
        status.reaching = _named(ours, "reaching")
        status.foreign = _named(ours, "foreign")
        status.warnings = (*self._shared.problems, *_named(ours, "warnings"))
        status.lost = "; ".join(f"{name}: {one.lost}" for name, one in ours if one.lost) or None
        jobs = {f"{n} {job}": told for n, one in parts for job, told in one.jobs.items()}
        own = {
            name: told
            for name, told in status.jobs.items()
            if name.partition(" ")[0] not in self._places
        }
        status.jobs = {**own, **jobs}

    def state(self) -> tuple[str, str | None]:
        """That of all targets that this daemon leads, in a word, and why it is no better."""
        parts = [(n, b.status.target) for n, b in self._targets.items() if b.status.led_by is None]
        away = [name for name, target in parts if target.state == UNAVAILABLE]
        other = [name for name, target in parts if target.state not in (CONNECTED, UNAVAILABLE)]
        if away:
            return UNAVAILABLE, f"{counted(len(away), 'target')} unavailable: {', '.join(away)}"
        if other:
            return WAITING, f"{counted(len(other), 'target')} not ready yet: {', '.join(other)}"
        return CONNECTED, None

    def _told(self, name: str, status: Status) -> dict[str, Any]:
        known = status.bots.values() if status.led_by is None else ()
        bots = [bot for bot in known if self._shared.home_of(bot.bot_id) in (name, None)]
        place = self._places[name]
        return {
            "url": without_credentials(place.url),
            "selector": place.selector.text if place.selector is not None else None,
            "shard": str(place.shard) if place.shard is not None else None,
            "drain": place.drain,
            "target_id": status.target_id,
            "bridged": status.bridged,
            "led_by": status.led_by,
            **{key: asdict(status.target)[key] for key in ("state", "since", "message")},
            "epoch": status.epoch,
            "restore": status.restore,
            "rounds": status.rounds,
            "bots": len(bots),
            "synced": sum(bot.sync is Sync.SYNCED for bot in bots),
        }

    def _gather_bots(self) -> None:
        """Those of which there is news, each from the target that has it."""
        moving = {move.bot_id: move.after for move in self._shared.moves}
        news = {
            b for b in moving.keys() | self._moving.keys() if moving.get(b) != self._moving.get(b)
        }
        self._moving = moving
        homeless = {b for b, name in self._shared.homeless.items() if name is None}
        for name, board in self._targets.items():
            led = board.status.led_by is None
            news |= board.news if self._led.get(name) == led else {*board.news, *board.status.bots}
            self._led[name] = led
            board.news = set()
        news |= {b for b in homeless if b not in self._board.status.bots}
        news |= {b for b, one in self._board.status.bots.items() if one.message == NO_TARGET}
        gone = set[str]()
        for bot_id in news:
            if not self._show(bot_id, moving.get(bot_id), bot_id in homeless):
                gone.add(bot_id)
        if gone & self._board.status.bots.keys():
            self._board.keep_only([b for b in self._board.status.bots if b not in gone])

    def _show(self, bot_id: str, moving_to: str | None, homeless: bool) -> bool:
        """False if this daemon has nothing to say of it."""
        having = {
            name: bot
            for name, board in self._targets.items()
            if board.status.led_by is None and (bot := board.status.bots.get(bot_id)) is not None
        }
        home = self._shared.home_of(bot_id)
        name = home if home in having else next(iter(having), None)
        if name is not None:
            to = moving_to if moving_to != name else None
            self._board.put_bot(replace(_together(having, name, to), target=name, moving_to=to))
        elif homeless:
            self._board.set_bot(
                bot_id, sync=Sync.OUT_OF_SYNC, health=Health.MISSING, message=NO_TARGET, target=None
            )
        return name is not None or homeless


def _together(having: Mapping[str, BotStatus], name: str, to: str | None) -> BotStatus:
    """A bot as its target has it, with why it is not yet, or still, on another one."""
    shown, told = having[name], [having[name].message]
    if to is not None and to in having and (why := having[to].message):
        told.append(f"on its way to {to}: {why}")
    left = {n: b for n, b in having.items() if n not in (name, to) and b.failures}
    told += (f"not all of it has left {n}: {b.message}" for n, b in sorted(left.items()))
    health = Health.DEGRADED if left else shown.health
    return replace(shown, message="; ".join(filter(None, told)) or None, health=health)


def _named(parts: Sequence[tuple[str, Status]], field: str) -> tuple[str, ...]:
    """What is told of each target, behind its name."""
    return tuple(f"{name}: {one}" for name, status in parts for one in getattr(status, field))
