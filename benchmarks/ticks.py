"""From the store to the plans of all bots, and one changed bot among few and among many.

Everything is measured in processor seconds of a process, which other programs disturb least, and
beside a loop of plain Python that is run in between. What is read whole is read in a process of its
own, whose memory is that of nothing else.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import figures
from benchmarks.bots import made
from otto_reconcile.desired import Source
from otto_reconcile.diff import plan
from otto_reconcile.model import Bot, snapshot_of
from otto_reconcile.port.rest import RestPort
from otto_reconcile.reconcile.cache import TargetCache
from otto_reconcile.reconcile.reading import read
from otto_reconcile.reconcile.remembered import Remembered
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.applied import Applied
from otto_reconcile.runtime.collecting import uncollected
from otto_reconcile.store.sqlite import SQLiteStore

FEW, MANY = 100, 10_000
TICKS = 20
TOKEN = 1
PORT = RestPort.over_http("http://127.0.0.1:9")  # nothing is asked of it


def measure() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (FEW, MANY):
            _fill(folder / f"{count}.db", count)
        _tell(*_in_a_process(folder / f"{MANY}.db"))
        few, many = (asyncio.run(_ticks(folder / f"{n}.db")) for n in (FEW, MANY))
    print(
        f"one changed bot, from the store to its plan: {few * 1000:.1f} ms among {FEW}, "
        f"{many * 1000:.1f} ms among {MANY}; {many / few:.2f} times as long (to reach: 1.5 times)"
    )
    figures.note(f"one changed bot, {MANY} against {FEW}", many / few, 1.5, "x as long")


def _fill(file: Path, count: int) -> None:
    stores, bots = Stores.over(SQLiteStore(file)), made(count)
    for at in range(0, count, 500):
        some = [(bot, Source("manifest")) for bot in bots[at : at + 500]]
        stores.desired.put_many(some, actor="benchmark")
    stores.applied.save(PORT.target, [Applied(bot.id, 1, "life", snapshot_of(bot)) for bot in bots])
    stores.store.close()


def _in_a_process(file: Path) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "benchmarks.ticks", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, loop, most = map(float, done.stdout.split())
    return seconds, loop, most


def _whole(file: Path) -> tuple[float, float, float]:
    """Seconds until all plans were there, those of a loop of plain Python, and MiB at most."""
    stores, loop = Stores.over(SQLiteStore(file)), _seconds(_plain)
    started = time.process_time()
    world = read(stores, PORT.target)
    with uncollected():  # as the daemon does, which makes them where it compares what it has read
        for bot_id in world.bot_ids:
            world.wanted(bot_id)
    for bot_id in world.bot_ids:
        wanted = world.wanted(bot_id)
        assert not plan(wanted, wanted, world.last(bot_id)).actions
    seconds = time.process_time() - started
    loop = min(loop, _seconds(_plain))
    stores.store.close()
    return seconds, loop, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _tell(seconds: float, loop: float, most: float) -> None:
    print(
        f"{MANY} bots, none changed, from the store to the plans: {seconds:.2f} s, {most:.0f} MiB; "
        f"{seconds / loop:.1f} times a loop that makes a million numbers texts ({loop:.3f} s) "
        f"(to reach: 2.5 s, 512 MiB)"
    )
    figures.note(f"{MANY} bots from store to plan", seconds, 2.5, "s of CPU")
    figures.note(f"{MANY} bots from store to plan, memory", most, 512, "MiB")


async def _ticks(file: Path) -> float:
    """The best of some: the store is read after a change, and the changed bot is planned."""
    stores = Stores.over(SQLiteStore(file))
    cache = TargetCache(stores, PORT, Remembered(file.parent, stores.store))
    await cache.read(ingest=True, token=TOKEN)
    best = float("inf")
    for number in range(TICKS):
        bot_id = cache.bot_ids[number * len(cache.bot_ids) // TICKS]
        bot = _changed(cache.current.desired.bots[bot_id].bot, number)
        stores.desired.put(bot, source=Source("manifest"), actor="benchmark")
        started = time.process_time()
        update = await cache.read(ingest=True, token=TOKEN, whole=False)
        world = cache.current
        found = plan(world.wanted(bot_id), world.last(bot_id), world.last(bot_id))
        best = min(best, time.process_time() - started)
        assert (update.changed, len(found.actions)) == ([bot_id], 1)
    stores.store.close()
    return best


def _changed(bot: Bot, number: int) -> Bot:
    first = bot.guidelines[0].model_copy(update={"action": f"Give the number {number}"})
    return bot.model_copy(update={"guidelines": [first, *bot.guidelines[1:]]})


def _plain() -> None:
    for number in range(1_000_000):
        str(number)


def _seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    print(*_whole(Path(sys.argv[1])))
