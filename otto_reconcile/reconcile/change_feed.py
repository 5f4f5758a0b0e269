"""Signs that the desired state has moved: what others wrote, and which bots it concerns."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from otto_reconcile.desired import DesiredBot
from otto_reconcile.errors import OttoError
from otto_reconcile.reconcile.jobs import RESTART, Jobs
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.reconcile.target_state import TargetState

JOB = "store changes"
POLL = 1.0
"""Seconds between two questions to a store that cannot tell of changes by itself."""


@asynccontextmanager
async def following(
    stores: Stores, changed: asyncio.Event, jobs: Jobs, *, if_so: bool = True
) -> AsyncIterator[None]:
    """Meanwhile `changed` is set whenever another writer may have written, `if_so`."""
    if not if_so:
        yield
        return
    done = threading.Event()
    watching = watch(stores, changed, done, jobs)
    try:
        yield
    finally:
        done.set()
        await asyncio.to_thread(watching.join, 2.0)


def watch(
    stores: Stores, changed: asyncio.Event, done: threading.Event, jobs: Jobs
) -> threading.Thread:
    """Sets `changed`, in the loop that calls this, whenever another writer may have written.

    Runs in a daemon thread until `done`; a store that is away is tried again, and so is whatever
    else fails, which `jobs` hears of.
    """
    loop = asyncio.get_running_loop()

    def in_loop(call: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before us
            loop.call_soon_threadsafe(call, *arguments)

    def tell() -> None:
        in_loop(changed.set)

    def run() -> None:
        failures = 0
        while not done.is_set():
            pause = POLL
            # It may follow for hours without a word: to have done so for a moment is its success.
            proven = threading.Timer(POLL, in_loop, (jobs.succeeded, JOB))
            if failures:
                proven.start()
            try:
                _follow(stores, tell, done)
                failures = 0
            except OttoError:
                pass
            except Exception as error:
                proven.cancel()
                failures += 1
                in_loop(jobs.failed, JOB, error)
                pause = RESTART.delay(failures)
            done.wait(pause)
            tell()  # something may have been missed meanwhile

    thread = threading.Thread(target=run, name="store-changes", daemon=True)
    thread.start()
    return thread


def _follow(stores: Stores, tell: Callable[[], None], done: threading.Event) -> None:
    changes = stores.store.changes(done)
    if changes is None:
        _poll(stores, tell, done)
        return
    for _ in changes:
        tell()


def _poll(stores: Stores, tell: Callable[[], None], done: threading.Event) -> None:
    marker = stores.desired.marker()
    while not done.wait(POLL):
        newest = stores.desired.marker()
        if newest != marker:
            marker = newest
            tell()


def namesakes(world: TargetState) -> tuple[str, ...]:
    """A warning for each name that several bots have: nobody can tell them apart in a chat.

    Two daemons on one store may each be asked for it at the same time; only ids are unique there.
    """
    wanted = world.desired.bots
    return tuple(_named_alike([wanted[i] for i in same]) for same in world.index.namesakes())


def _named_alike(same: list[DesiredBot]) -> str:
    in_time = sorted(same, key=lambda wanted: (wanted.time, wanted.bot.id))
    ids = " and then ".join(
        f"{w.bot.id!r} (from {w.source.path or w.source.kind})" for w in in_time
    )
    return f"{len(same)} bots are named {in_time[0].bot.name!r}: {ids}; rename or delete one"


def changed(
    before: TargetState | None, now: TargetState, among: Collection[str] | None = None
) -> list[str]:
    """The bots that are wanted otherwise than before; all of them if there is no before.

    `among` these, or all that are known now; with those whose deletion was held back. Those that
    are wanted no more come last: their parts may have another bot by then.
    """
    if before is None:
        return list(now.bot_ids)
    known = now.bot_ids if among is None else sorted(filter(now.knows, among))
    moved = {b for b in known if _moved(b, before, now)}
    moved |= set(filter(now.knows, _held_back(before) - _held_back(now)))
    return sorted(moved, key=lambda bot_id: (bot_id not in now.desired.bots, bot_id))


def _held_back(world: TargetState) -> set[str]:
    """The bots that nobody wants, and that stay until somebody says that this is meant."""
    guarded = world.guarded.names if world.unwanted and world.guarded is not None else ()
    return {b for b in world.unwanted if b in guarded or b not in world.deleted}


def _moved(bot_id: str, before: TargetState, now: TargetState) -> bool:
    odd = before.odd_rows.get(bot_id) != now.odd_rows.get(bot_id)
    return odd or _differs(before.desired.bots.get(bot_id), now.desired.bots.get(bot_id))


def _differs(one: DesiredBot | None, other: DesiredBot | None) -> bool:
    return one is not other and one != other
