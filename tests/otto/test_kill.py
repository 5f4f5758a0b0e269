"""kill -9 at random moments around a creation loses nothing and doubles nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT
from tests.otto.maker import opened
from tests.otto.shop import agents, there
from tests.parlant_server.rest import Rest

CYCLES = 30
SEED = 20


@pytest.mark.timeout(600)
async def test_thirty_kills_lose_nothing_and_double_nothing(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    took: list[float] = [0.15]
    answered, unanswered = 0, 0
    for cycle in range(CYCLES):
        name = f"Risky {cycle}"
        store = rng.choice(["here", "away"])
        told, seconds = attempt(parlant_url, tmp_path, store, name, rng.uniform(0, 1.2 * max(took)))
        if told:
            took = [*took[-4:], seconds]
        answered, unanswered = answered + told, unanswered + (not told)
        await check(parlant_url, tmp_path, name, must=told)
    assert answered, "no creation ended before its kill"
    assert unanswered, "no kill came before the end of a creation"


def attempt(url: str, folder: Path, store: str, name: str, after: float) -> tuple[bool, float]:
    """Kills a maker so many seconds after it began; True if it had answered by then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.otto.maker", url, str(folder), store, name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "begun\n"
        began = time.monotonic()
        time.sleep(after)  # the moment is the point here: nothing is waited for
        process.kill()
        said = process.stdout.read()
    process.wait(30)
    assert said in ("", "answered\n")
    return bool(said), min(after, time.monotonic() - began)


async def check(url: str, folder: Path, name: str, *, must: bool) -> None:
    """After the next start the bot is whole, once and the same on both sides, or nowhere."""
    bot_id = name.lower().replace(" ", "-")
    async with opened(url, folder) as shop:
        assert shop.journal.pending == ()
        bots = shop.stores.desired.read().bots
        result = await shop.loop.reconcile_now(bot_id)
        assert result.error is None
        assert not result.failures
        events = shop.stores.desired.history(bot_id)
    is_there = bot_id in bots
    assert is_there or not must
    assert len(events) == is_there
    assert agents(url) == sorted(bots)
    found = there(url, bot_id)
    assert sorted(found.guidelines) == ([f"{bot_id}.greet", f"{bot_id}.person"] if is_there else [])
    assert list(found.journeys) == ([f"{bot_id}.find"] if is_there else [])
