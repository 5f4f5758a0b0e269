"""The right to change a target for one command: taken, kept, refused, and given back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otto_reconcile.errors import Conflict
from otto_reconcile.reconcile.in_charge import in_charge
from otto_reconcile.reconcile.leader import TTL
from otto_reconcile.reconcile.managing import Managing
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.leases import Leases
from otto_reconcile.store.memory import MemoryStore
from tests.reconcile.fakes import FakePort, FastClock


async def marks(port: FakePort) -> list[str]:
    return sorted(await port.marks(("otto-manager-", "otto-waiter-")))


async def test_it_is_taken_and_given_back() -> None:
    port, stores, clock = FakePort(), Stores.over(MemoryStore()), FastClock(50)
    async with in_charge(port, stores, clock) as right:
        assert right.held
        assert len(await marks(port)) == 1
        assert stores.leases.current(port.target) is not None
        await clock.sleep(2 * TTL)
        assert right.held  # it was renewed
    assert not right.held
    assert await marks(port) == []
    assert stores.leases.current(port.target) is None


async def test_it_is_given_back_after_a_fault_too() -> None:
    port, stores, clock = FakePort(), Stores.over(MemoryStore()), FastClock(50)
    with pytest.raises(ZeroDivisionError):
        async with in_charge(port, stores, clock):
            raise ZeroDivisionError
    assert await marks(port) == []
    assert stores.leases.current(port.target) is None


async def test_a_daemon_that_lives_keeps_it() -> None:
    port, stores, clock = FakePort(), Stores.over(MemoryStore()), FastClock(50)
    async with in_charge(port, Stores.over(MemoryStore()), clock) as theirs:
        with pytest.raises(Conflict, match="a daemon acts on this target"):
            async with in_charge(port, stores, clock):
                raise AssertionError("it is another's")
        assert theirs.held
    assert await marks(port) == []


async def test_what_a_dead_one_left_is_taken_over() -> None:
    port, store, clock = FakePort(), MemoryStore(), FastClock(50)
    leases = Leases(store, monotonic=clock.monotonic)
    stores = replace(Stores.over(store), leases=leases)
    assert stores.leases.acquire(port.target, "dead", TTL) is not None
    dead = Managing(port, clock, "dead")
    assert await dead.renew() is None
    before = await marks(port)
    started = clock.monotonic()
    async with in_charge(port, stores, clock) as right:
        assert right.held
        assert await marks(port) != before
        assert clock.monotonic() - started >= TTL


async def test_one_daemon_that_reaches_a_server_twice_acts_once() -> None:
    """Its two marks are not taken for one."""
    port, same, clock = FakePort(), FakePort(), FastClock(50)
    same.target, same.canaries, same.tag_ids = "its other address", port.canaries, port.tag_ids
    first = Managing(port, clock, "me", "holder")
    second = Managing(same, clock, "me", "holder")
    assert await first.renew() is None
    assert await second.renew() is not None
    assert await first.renew() is None
    assert first.held
    assert not second.held


async def test_the_mark_of_a_predecessor_is_not_waited_for() -> None:
    port, clock = FakePort(), FastClock(50)
    assert await Managing(port, clock, "dead", "before").renew() is None
    started = clock.monotonic()
    assert await Managing(port, clock, "me", "now", ["before"]).renew() is None
    assert clock.monotonic() - started < TTL
