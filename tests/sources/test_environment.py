"""A watched folder as one environment has it: overlays are files of it like any other."""

from __future__ import annotations

from pathlib import Path

from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.sources.folder import Folder
from otto_reconcile.store.memory import MemoryStore
from tests.cli.command import manifest as text_of
from tests.reconcile.fakes import FastClock, Heard
from tests.reconcile.test_loop import until
from tests.sources.test_lineage import Replica

OVERLAY = """\
apiVersion: otto/v1
kind: Overlay
metadata: {environment: prod}
spec: {patches: [{target: desk, spec: {name: %s}}]}
"""


class Prod(Replica):
    def start(self) -> None:
        self.reporter = Reporter(StatusBoard(None), FastClock(speed=1), Heard())
        clock = FastClock(speed=1)
        self.folder = Folder(self.path, self.stores, self.reporter, clock, "tests", "prod")

    @property
    def name(self) -> str:
        return self.stores.desired.read().bots["desk"].bot.name


async def test_a_changed_overlay_is_imported_a_wrong_one_not(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text(text_of())
    overlay = tmp_path / "prod.yaml"
    overlay.write_text(OVERLAY % "One")
    replica = Prod(tmp_path, Stores.over(MemoryStore()))
    async with replica.running():
        assert replica.name == "One"
        assert replica.reporter.board.status.manifests["environment"] == "prod"
        overlay.write_text(OVERLAY % "Two")
        await until(lambda: replica.name == "Two")
        overlay.write_text(OVERLAY.replace("desk", "desc") % "Three")
        await until(lambda: replica.state == "Refused")
        assert "prod.yaml:4:27: there is no `desc`" in replica.problem
        assert replica.name == "Two"
