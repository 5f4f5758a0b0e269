"""Several targets in one process: a loop for each, and what they have in common."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from functools import partial

from otto_reconcile.daemon.assembly import Assembly, OneOfSeveral
from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.board import FleetBoard, TargetBoard, TargetLog
from otto_reconcile.fleet.placing import Placing
from otto_reconcile.fleet.shared import SharedWanted
from otto_reconcile.fleet.sharing import Sharing
from otto_reconcile.loop import Loop
from otto_reconcile.model.evaluation import EvaluationCache
from otto_reconcile.port.bridge import Bridge
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile import change_feed
from otto_reconcile.reconcile.bridged import Bridged
from otto_reconcile.reconcile.last_used import LastUsed
from otto_reconcile.reconcile.reporter import CONNECTED, Reporter
from otto_reconcile.reconcile.restore_report import hold_up
from otto_reconcile.records.placements import Placements
from otto_reconcile.records.presence import Peer, Presence
from otto_reconcile.render.lines import counted
from otto_reconcile.runtime.backoff import CONNECTION
from otto_reconcile.settings import TargetSettings, without_credentials

FOLDER = "targets"
"""Below it in the data directory each target has a folder."""
PUBLISH = 0.5
"""Seconds between two looks at what the targets say of themselves."""
SHARE = 0.05
"""The part of the time that may be spent on reading everything to be sure."""


class Unit:
    """One target: its connection, its loop, and its part of the status."""

    def __init__(self, fleet: Fleet, target: TargetSettings) -> None:
        assembly = fleet.assembly
        data_dir = assembly.reporter.board.folder
        folder = data_dir / FOLDER / target.name if data_dir is not None else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.board, self.moved = TargetBoard(folder), asyncio.Event()
        log = TargetLog(assembly.reporter.log, target.name)
        reporter = Reporter(self.board, assembly.clock, log)
        known, bridged = EvaluationCache(), _bridged(target, reporter, assembly)
        host = bridged.bridge.process if bridged is not None else None
        self.port = RestPort.over_http(
            target.url, headers=target.headers, host=host, evaluations=known
        )
        if bridged is not None:
            bridged.bridge.mark = self.port.mark
        one_of = OneOfSeveral(
            reporter,
            fleet.shared.part(target.name),
            partial(fleet.other_owner, target.name),
            LastUsed(folder, assembly.clock),
            partial(Placing, fleet.shared, target.name, fleet.look_at),
            self.moved,
        )
        holder, elsewhere = fleet.holder, None  # no meter: the model is somebody else's
        self.loop: Loop = assembly.loop(
            self.port, known, holder, (), elsewhere, bridged=bridged, one_of=one_of
        )


class Fleet:
    """Nothing here decides anything: it starts the parts, and ends them in order."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly, self._settings = assembly, assembly.settings
        self._reporter, self._clock, self._jobs = assembly.reporter, assembly.clock, assembly.jobs
        self._stores = assembly.stores
        targets = self._settings.targets
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        assignment = Assignment(targets)
        names = frozenset(target.name for target in targets)
        me = Peer(self.holder, assignment.digest, names)
        self.shared = SharedWanted(self._stores, assignment)
        self._sharing = Sharing(Presence(self._stores.store, me), me, self._clock, self._read_all)
        self._moved, self._whole = asyncio.Event(), True
        self._units = {target.name: Unit(self, target) for target in targets}
        boards = {name: unit.board for name, unit in self._units.items()}
        places = {target.name: target for target in targets}
        self._placements = Placements(self._stores.store)
        self._urls = {target.name: without_credentials(target.url) for target in targets}
        self._board = FleetBoard(self._reporter.board, boards, places, self.shared)
        status = self._reporter.board.status
        status.target.label = status.target_id = counted(len(targets), "target")

    def look_at(self, targets: frozenset[str]) -> None:
        """Their loops read what is wanted of them anew."""
        for name in targets & self._units.keys():
            self._units[name].moved.set()

    def other_owner(self, target: str) -> str | None:
        """Another daemon, if that is to act on the target."""
        return None if self._sharing.is_mine(target) else self._sharing.owner(target)

    def poke(self, reason: str) -> None:
        """Asks for a look at everything, after reading everything anew."""
        self._read_all()
        for unit in self._units.values():
            unit.loop.poke(reason)

    def _read_all(self) -> None:
        self._whole = True
        self._moved.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; then all targets are given back."""
        jobs = {
            "sharing": self._share,
            "reading": self._read,
            "sweeping": self._sweep,
            "publishing": self._publish,
        }
        await self._jobs.attempt("sharing", self._meet())
        await self._jobs.attempt("reading", self._refresh())
        async with change_feed.following(self._stores, self._moved, self._jobs):
            kept = [
                asyncio.create_task(self._jobs.keep(name, job), name=name)
                for name, job in jobs.items()
            ]
            try:
                async with asyncio.TaskGroup() as group:
                    for unit in self._units.values():
                        group.create_task(unit.loop.run(stopping))
            finally:
                for task in kept:
                    task.cancel()
                await self._sharing.leave()
                for unit in self._units.values():
                    await unit.port.close()

    async def _meet(self) -> None:
        """Knows the other daemons before the first target is taken."""
        try:
            await self._sharing.beat()
        except StoreUnavailable as error:
            self._reporter.store(error, "sharing")

    async def _share(self) -> None:
        while True:
            try:
                await self._sharing.keep(lambda: self._went_well("sharing"))
            except StoreUnavailable as error:
                self._reporter.store(error, "sharing")
                await self._clock.sleep(CONNECTION.delay(1))

    def _went_well(self, job: str) -> None:
        self._reporter.store(None, job)
        self._jobs.succeeded(job)

    async def _refresh(self) -> bool:
        """Reads what is wanted, and has the targets look at what moved; False without a store."""
        whole, self._whole = self._whole, False
        leads = any(unit.board.status.led_by is None for unit in self._units.values())
        try:
            targets = await asyncio.to_thread(
                self.shared.refresh, ingest=leads, whole=whole, settled=self._sharing.agreed
            )
        except StoreUnavailable as error:
            self._whole = True
            self._reporter.store(error)
            self.look_at(frozenset(self._units))
            return False
        back = self._reporter.store(None)
        self.look_at(frozenset(self._units) if back else targets)
        return True

    async def _read(self) -> None:
        failures = 0
        while True:
            if failures:
                await self._clock.sleep(CONNECTION.delay(failures))
            else:
                await self._moved.wait()
            self._moved.clear()
            failures = 0 if await self._refresh() else failures + 1
            self._jobs.succeeded("reading")

    async def _sweep(self) -> None:
        """Rows that others wrote, and placements by other daemons, are found so."""
        while True:
            started = self._clock.monotonic()
            self._whole = True
            if await self._refresh():
                await asyncio.to_thread(self._placements.register, self._urls)
            self._jobs.succeeded("sweeping")
            took = self._clock.monotonic() - started
            await self._clock.sleep(max(self._settings.interval, took / SHARE))

    async def _publish(self) -> None:
        while True:
            self.look_at(await asyncio.to_thread(self.shared.let_go))
            daemons = [peer.holder for peer in self._sharing.peers]
            self._board.gather(daemons, self._sharing.agreed)
            self._tell_targets()
            self._reporter.publish()
            self._jobs.succeeded("publishing")
            await self._clock.sleep(PUBLISH)

    def _tell_targets(self) -> None:
        """Each target has told of itself; this is for those who ask about all of them."""
        state, why = self._board.state()
        if state == CONNECTED:
            self._reporter.target(CONNECTED)
            return
        board = self._reporter.board
        board.connection(board.status.target, state, self._clock.now(), why)


def _bridged(target: TargetSettings, reporter: Reporter, assembly: Assembly) -> Bridged | None:
    """What a Parlant elsewhere has beside its API, if we have the token of its bridge."""
    reporter.board.status.bridged = target.bridge_token is not None
    if target.bridge_token is None:
        return None
    bridge = Bridge(target.url, target.bridge_token, target.headers)
    return Bridged(bridge, partial(hold_up, reporter), assembly.clock)
