"""Which bots are looked at after a reading of the store."""

from __future__ import annotations

from otto_reconcile.desired import Desired
from otto_reconcile.model import Snapshot
from otto_reconcile.reconcile.change_feed import changed
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Applied


def test_a_deletion_that_is_held_back_no_more_is_looked_at() -> None:
    held = {b: Applied(b, 1, "life", Snapshot()) for b in ("desk", "shop")}

    def world(*deleted: str) -> TargetState:
        return TargetState("t", Desired({}, {}), dict(held), None, frozenset(deleted))

    assert changed(world(), world()) == []
    assert changed(world(), world("desk", "shop")) == ["desk", "shop"]
    assert changed(world("desk"), world("desk", "shop")) == ["shop"]
    assert changed(world(), world("desk", "shop"), frozenset({"desk"})) == ["desk", "shop"]
