"""Restoring 100 bots into an empty embedded server, against a bare loop that makes the same calls.

Each side runs in a process of its own with a fresh Parlant home, in turns; the best run of each
counts. The bare loop has no diff, no store and no audit, and is tried in the ways that Parlant's
public client allows before the port opens: one call after the other, and eight bots at a time.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.bots import made
from otto_reconcile.model import Bot

BOTS = 100
ROUNDS = 3
SIDES = ("bare", "bare-8", "ours")


def measure() -> None:
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for side in SIDES:
            best[side] = min(best.get(side, float("inf")), _in_a_process(side))
    bare = min(best["bare"], best["bare-8"])
    print(
        f"restoring {BOTS} bots into an empty embedded server: {best['ours']:.2f} s; bare loop "
        f"{best['bare']:.2f} s, eight bots at a time {best['bare-8']:.2f} s; "
        f"{best['ours'] / bare:.2f} times the faster one (to reach: 1.05)"
    )
    figures.note(f"restore of {BOTS} bots", best["ours"] / bare, 1.05, "x the bare loop")


def _in_a_process(side: str) -> float:
    command = [sys.executable, "-m", "benchmarks.restoring", side]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


async def _bare(app: Any, headers: dict[str, str], at_once: int) -> None:
    import httpx
    from parlant.client import AsyncParlantClient

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    http = httpx.AsyncClient(base_url="http://parlant", transport=transport, headers=headers)
    client = AsyncParlantClient(base_url="http://parlant", httpx_client=http)
    turns = asyncio.Semaphore(at_once)

    async def one(bot: Bot) -> None:
        async with turns:
            await _calls(client, bot)

    await asyncio.gather(*(one(bot) for bot in made(BOTS)))


async def _calls(client: Any, bot: Bot) -> None:
    tags = [f"agent:{bot.id}"]
    await client.agents.create(
        id=bot.id,
        name=bot.name,
        description=bot.description,
        composition_mode="canned_fluid",
        max_engine_iterations=bot.max_engine_iterations,
    )
    for term in bot.terms:
        await client.glossary.create_term(
            id=term.id, name=term.name, description=term.description, tags=tags
        )
    for guideline in bot.guidelines:
        await client.guidelines.create(
            id=guideline.id,
            condition=guideline.condition,
            action=guideline.action,
            criticality=guideline.criticality,
            labels=guideline.labels,
            tags=tags,
        )
    for journey in bot.journeys:
        await client.journeys.create(
            id=journey.id,
            title=journey.title,
            description=journey.description,
            conditions=journey.conditions,
            tags=tags,
        )


async def _ours(app: Any, headers: dict[str, str], home: Path) -> Callable[[], Awaitable[None]]:
    """Ready to be timed: the bots are in the store, as they are when a process starts again."""
    from otto_reconcile.desired import Source
    from otto_reconcile.loop import Loop
    from otto_reconcile.port.rest import RestPort
    from otto_reconcile.reconcile.reporter import Reporter
    from otto_reconcile.reconcile.session import TargetSession
    from otto_reconcile.reconcile.status import StatusBoard
    from otto_reconcile.reconcile.stores import Stores
    from otto_reconcile.runtime import logs
    from otto_reconcile.runtime.clock import SystemClock
    from otto_reconcile.store.sqlite import SQLiteStore

    stores = Stores.over(SQLiteStore(home / "otto.db"))
    source = Source(kind="cli")
    stores.desired.put_many([(bot, source) for bot in made(BOTS)], actor="bench")
    log = logs.configure("console", (home / "log.txt").open("w", encoding="utf-8"))
    reporter = Reporter(StatusBoard(home), SystemClock(), log)
    port = RestPort.over_asgi(app, target="bench", headers=headers)
    loop = Loop(TargetSession(port, stores, reporter, SystemClock(), holder="bench"))

    async def restore() -> None:
        await loop.restore()
        restored = reporter.board.status.restore
        assert restored is not None
        assert restored["restored"] == BOTS, restored

    return restore


async def _one_side(side: str, home: Path) -> float:
    from otto_reconcile.server import EmbeddedServer

    server = EmbeddedServer(home=home / "parlant", port=0, nlp="offline")
    taken: list[float] = []

    async def prepare(app: Any, sdk: Any) -> None:
        headers = server.hook.headers
        work: Callable[[], Awaitable[None]]
        if side == "ours":
            work = await _ours(app, headers, home)
        else:
            at_once = 8 if side == "bare-8" else 1
            work = lambda: _bare(app, headers, at_once)  # noqa: E731
        started = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - started)
        await server.stop()

    await server.serve(prepare)
    return taken[0]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(_one_side(sys.argv[1], Path(folder))))
