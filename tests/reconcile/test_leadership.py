"""The lease as a loop holds it: renewals that overlap, and those whom it succeeds."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from otto_reconcile.reconcile.leader import TTL, Leader
from otto_reconcile.records.leases import Leases
from otto_reconcile.runtime import data_dir
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.store.base import Document, Filter
from otto_reconcile.store.memory import MemoryStore

TARGET = "embedded:abc"


class Slow(MemoryStore):
    """A store that answers a question for the lease only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may, self.asked, self.done = (threading.Event() for _ in range(3))

    def swap(self, collection: str, where: Filter, changes: Document) -> bool:
        self.asked.set()
        assert self.may.wait(30)
        swapped = super().swap(collection, where, changes)
        self.done.set()
        return swapped


def left_by(store: MemoryStore, holder: str) -> None:
    assert Leases(store).acquire(TARGET, holder, TTL) is not None


def leadership(store: MemoryStore, *predecessors: str) -> Leader:
    return Leader(Leases(store), TARGET, "me", SystemClock(), predecessors)


async def test_renewals_that_overlap_are_one() -> None:
    left_by(store := Slow(), "")
    mine = leadership(store)
    both = asyncio.gather(mine.renew(), mine.renew())
    assert await asyncio.to_thread(store.asked.wait, 30)
    store.may.set()
    assert await both == [None, None]
    assert mine.leading
    assert mine.token == store.find("leases")[0]["token"] == 2


async def test_a_renewal_under_way_is_given_back_too() -> None:
    left_by(store := Slow(), "")
    mine = leadership(store)
    caller = asyncio.create_task(mine.renew())
    assert await asyncio.to_thread(store.asked.wait, 30)
    caller.cancel()
    leaving = asyncio.create_task(mine.resign())
    await asyncio.sleep(0)
    store.may.set()
    await leaving
    assert await asyncio.to_thread(store.done.wait, 30)
    assert not mine.leading
    assert store.find("leases")[0]["holder"] == ""


async def test_a_process_that_ended_before_it_led_is_not_waited_for(tmp_path: Path) -> None:
    store = MemoryStore()
    first, _ = data_dir.next_holder(tmp_path, TARGET)
    left_by(store, first)  # and was killed
    data_dir.next_holder(tmp_path, TARGET)  # another one that did not get as far
    third, before = data_dir.next_holder(tmp_path, TARGET)
    mine = Leader(Leases(store), TARGET, third, SystemClock(), before)
    assert await mine.renew() is None
    assert mine.leading


async def test_one_without_a_name_of_its_own_is_not_waited_for(tmp_path: Path) -> None:
    left_by(store := MemoryStore(), TARGET)  # as earlier versions named themselves
    data_dir.next_holder(tmp_path, TARGET)
    _, before = data_dir.next_holder(tmp_path, TARGET)
    assert await leadership(store, *before).renew() is None


def test_the_names_of_former_processes_are_bounded(tmp_path: Path) -> None:
    names = [data_dir.next_holder(tmp_path, TARGET)[0] for _ in range(data_dir.HOLDERS + 5)]
    _, before = data_dir.next_holder(tmp_path, TARGET)
    assert before == {TARGET, *names[-data_dir.HOLDERS :]}


async def test_a_stranger_is_waited_for() -> None:
    left_by(store := MemoryStore(), "somebody")
    mine = leadership(store, "somebody else")
    assert await mine.renew() == "somebody"
    assert not mine.leading
