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
    took: list[float] = []  # the first is killed when it has answered, which says how long that is
    answered, unanswered = 0, 0
    for cycle in range(CYCLES):
        name = f"Risky {cycle}"
        store = rng.choice(["here", "away"])
        after = rng.uniform(0, 1.5 * max(took)) if took else None
        told, seconds = attempt(parlant_url, tmp_path, store, name, after)
        if told:
            took = [*took[-4:], seconds]
        answered, unanswered = answered + told, unanswered + (not told)
        await check(parlant_url, tmp_path, name, must=told)
    assert answered > 1, "no creation ended before its kill"
    assert unanswered, "no kill came before the end of a creation"


def attempt(
    url: str, folder: Path, store: str, name: str, after: float | None
) -> tuple[bool, float]:
    """Kills a maker so many seconds after it began; True if it had answered by then.

    With `after` None it is killed when it answers. The second value is the seconds that it had.
    """
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
        said = ""
        if after is None:
            said = process.stdout.readline()
        else:
            time.sleep(after)  # the moment is the point here: nothing is waited for
        seconds = time.monotonic() - began
        process.kill()
        said += process.stdout.read()
    process.wait(30)
    assert said in ("", "answered\n")
    return bool(said), seconds


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
