"""The status of a bot that several targets have: that of its own, and what is amiss elsewhere."""

from __future__ import annotations

from otto_reconcile.desired import Source
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.board import FleetBoard, TargetBoard
from otto_reconcile.fleet.shared import SharedWanted
from otto_reconcile.model import Bot
from otto_reconcile.reconcile.status import BotStatus, Health, StatusBoard, Sync
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.placements import Placements
from otto_reconcile.runtime.selecting import parsed
from otto_reconcile.settings import TargetSettings
from otto_reconcile.store.memory import MemoryStore

PLACES = [TargetSettings(n, f"http://{n}", parsed(f"region={n}")) for n in ("eu", "us")]
WELL = {"sync": Sync.SYNCED, "health": Health.HEALTHY}


class Setting:
    """Two targets by regions, and a bot of one of them that is placed on eu."""

    def __init__(self, region: str) -> None:
        stores = Stores.over(MemoryStore())
        bot = Bot(id="desk", name="Desk", description="Helps.", labels={"region": region})
        stores.desired.put(bot, source=Source("cli"), actor="ann")
        Placements(stores.store).place({"desk": None}, "eu")
        shared = SharedWanted(stores, Assignment(PLACES))
        shared.refresh(ingest=True, whole=True, settled=True)
        self._main = StatusBoard(None)
        self.eu, self.us = TargetBoard(None), TargetBoard(None)
        boards = {"eu": self.eu, "us": self.us}
        self._fleet = FleetBoard(self._main, boards, {p.name: p for p in PLACES}, shared)

    def shown(self) -> BotStatus:
        self._fleet.gather(["me"], True, {})
        return self._main.status.bots["desk"]


def test_a_bot_is_shown_as_its_target_has_it() -> None:
    setting = Setting("eu")
    setting.eu.set_bot("desk", **WELL)
    found = setting.shown()
    assert (found.target, found.moving_to, found.health) == ("eu", None, Health.HEALTHY)
    setting.eu.set_bot("desk", message="it lacks a tool", health=Health.DEGRADED)
    assert setting.shown().message == "it lacks a tool"


def test_a_bot_on_its_way_says_what_keeps_it() -> None:
    setting = Setting("us")
    setting.eu.set_bot("desk", **WELL)
    setting.us.set_bot("desk", sync=Sync.OUT_OF_SYNC, message="create guideline failed", failures=2)
    found = setting.shown()
    assert (found.target, found.moving_to) == ("eu", "us")
    assert found.message == "on its way to us: create guideline failed"


def test_what_does_not_leave_its_old_target_is_told() -> None:
    setting = Setting("eu")
    setting.eu.set_bot("desk", **WELL)
    setting.us.set_bot("desk", sync=Sync.OUT_OF_SYNC, message="delete agent failed", failures=1)
    found = setting.shown()
    assert (found.target, found.health) == ("eu", Health.DEGRADED)
    assert found.message == "not all of it has left us: delete agent failed"
    setting.us.keep_only([])
    assert setting.shown().health == Health.HEALTHY


def test_what_another_daemon_has_is_not_shown() -> None:
    setting = Setting("eu")
    setting.eu.set_bot("desk", **WELL)
    assert setting.shown().target == "eu"
    setting.eu.status.led_by = "another daemon"
    setting._fleet.gather(["me"], True, {})
    assert setting._main.status.bots == {}
