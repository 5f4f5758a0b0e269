"""Several targets in one process: a loop for each, and what they have in common."""

from __future__ import annotations

import asyncio
from functools import partial

from otto_reconcile.daemon.assembly import Assembly
from otto_reconcile.daemon.elsewhere import connect
from otto_reconcile.daemon.spreading import Spreading
from otto_reconcile.fleet.board import FleetBoard, TargetBoard, TargetLog
from otto_reconcile.reconcile.last_used import LastUsed
from otto_reconcile.reconcile.reporter import CONNECTED, Reporter
from otto_reconcile.render.lines import counted
from otto_reconcile.settings import TargetSettings, without_credentials

FOLDER = "targets"
"""Below it in the data directory each target has a folder."""
PUBLISH = 0.5
"""Seconds between two looks at what the targets say of themselves."""


class Unit:
    """One target: its connection, its loop, and its part of the status."""

    def __init__(self, fleet: Fleet, target: TargetSettings) -> None:
        assembly, spreading = fleet.assembly, fleet.spreading
        data_dir = assembly.reporter.board.folder
        folder = data_dir / FOLDER / target.name if data_dir is not None else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.board = TargetBoard(folder)
        log = TargetLog(assembly.reporter.log, target.name)
        reporter = Reporter(self.board, assembly.clock, log)
        self.port, known, bridged = connect(
            target.url, target.headers, target.bridge_token, reporter, assembly.clock
        )
        owner, used = partial(fleet.other_owner, target.name), LastUsed(folder, assembly.clock)
        one_of = spreading.one_of(target.name, reporter, used, owner)
        holders, meter = (fleet.holder, fleet.predecessors), None  # the model is somebody else's
        self.loop = assembly.loop(self.port, known, *holders, meter, bridged=bridged, one_of=one_of)


class Fleet:
    """Nothing here decides anything: it starts the parts, and ends them in order."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly, targets = assembly, assembly.settings.targets
        self._reporter, self._clock, self._jobs = assembly.reporter, assembly.clock, assembly.jobs
        self.holder, self.predecessors = assembly.next_holder()
        known = self.holder, self.predecessors
        self.spreading = Spreading(assembly, targets, *known, self._leads)
        self.spreading.urls = {one.name: without_credentials(one.url) for one in targets}
        self._sharing = self.spreading.sharing
        self._units = {target.name: Unit(self, target) for target in targets}
        boards = {name: unit.board for name, unit in self._units.items()}
        places = {target.name: target for target in targets}
        shared = self.spreading.shared
        self._board = FleetBoard(self._reporter.board, boards, places, shared)
        status = self._reporter.board.status
        status.target.label = status.target_id = counted(len(targets), "target")

    def _leads(self) -> bool:
        return any(unit.board.status.led_by is None for unit in self._units.values())

    def other_owner(self, target: str) -> str | None:
        """Another daemon, if that is to act on the target; or another target that is the same."""
        if (same := self._clashes().get(target)) is not None:
            return f"target {same!r}, which is the same server,"
        owner = self._sharing.owner(target)
        return None if owner == self.holder else f"{owner}, a daemon with the same targets,"

    def _clashes(self) -> dict[str, str]:
        """The targets that are the server of another one before them, by their names."""
        first, same = dict[str, str](), dict[str, str]()
        for name, unit in self._units.items():
            known = first.setdefault(unit.port.target, name)
            if known != name:
                same[name] = known
        return same

    def poke(self, reason: str) -> None:
        """Asks for a look at everything, after reading everything anew."""
        self.spreading.read_all()
        for unit in self._units.values():
            unit.loop.poke(reason)

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; then all targets are given back."""
        async with self.spreading.running():
            publishing = asyncio.create_task(self._jobs.keep("publishing", self._publish))
            try:
                async with asyncio.TaskGroup() as group:
                    for unit in self._units.values():
                        group.create_task(unit.loop.run(stopping))
            finally:
                publishing.cancel()
                for unit in self._units.values():
                    await unit.port.close()

    async def _publish(self) -> None:
        while True:
            daemons = [peer.holder for peer in self._sharing.peers]
            self._board.gather(daemons, self._sharing.agreed, self._clashes())
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
