"""kill -9 at random moments around a creation loses nothing and doubles nothing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otto_reconcile.desired import Source
from tests.e2e.harness import ROOT
from tests.otto.maker import opened
from tests.otto.shop import agents, there
from tests.parlant_server.rest import Rest

CYCLES = 30
SEED = 20


@pytest.mark.timeout(400)
async def test_thirty_kills_lose_nothing_and_double_nothing(
    parlant_url: str, parlant_rest: Rest, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    took: list[float] = []  # the first is killed when it has answered, which says how long that is
    answered, unanswered, missed = 0, 0, 0
    with makers(parlant_url, tmp_path) as process:
        for cycle in range(CYCLES):
            name = f"Risky {cycle}"
            store = rng.choice(["here", "away"])
            # A machine that got slower since must not keep every creation from its end.
            after = rng.uniform(0, 1.5 * max(took) * 1.2**missed) if took else None
            told, seconds = attempt(process, f"{store} {name}", after)
            if told:
                took = [*took[-4:], seconds]
            missed = 0 if told else missed + 1
            answered, unanswered = answered + told, unanswered + (not told)
            await check(parlant_url, tmp_path, name, must=told)
    assert answered > 1, "no creation ended before its kill"
    assert unanswered, "no kill came before the end of a creation"


@contextlib.contextmanager
def makers(url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.otto.maker", url, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        yield process


def attempt(process: subprocess.Popen[str], what: str, after: float | None) -> tuple[bool, float]:
    """Kills a maker so many seconds after it began; True if it had answered by then.

    With `after` None it is killed when it answers. The second value is the seconds that it had.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    print(what, file=process.stdin)
    begun, pid = process.stdout.readline().split()
    assert begun == "begun"
    began = time.monotonic()
    said = []
    if after is None:
        said = [process.stdout.readline()]
    else:
        time.sleep(after)  # the moment is the point here: nothing is waited for
    seconds = time.monotonic() - began
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.kill(int(pid), signal.SIGKILL)
    said += iter(process.stdout.readline, "ended\n")
    assert said in ([], ["answered\n"])
    return bool(said), seconds


async def check(url: str, folder: Path, name: str, *, must: bool) -> None:
    """After the next start the bot is whole, once and the same on both sides, or nowhere.

    It is deleted then, so that a cycle costs as much as the one before.
    """
    bot_id = name.lower().replace(" ", "-")
    async with opened(url, folder) as shop:
        assert shop.outbox.pending == ()
        desired = shop.stores.desired
        is_there = bot_id in desired.read().bots
        result = await shop.loop.reconcile_now(bot_id)
        assert result.error is None
        assert not result.failures
        assert is_there or not must
        assert len(desired.history(bot_id)) == is_there
        assert agents(url) == [bot_id] * is_there
        found = there(url, bot_id)
        parts = ["greet", "person"] if is_there else []
        assert sorted(found.guidelines) == [f"{bot_id}.{part}" for part in parts]
        assert list(found.journeys) == [f"{bot_id}.find"] * is_there
        if is_there:
            desired.delete(bot_id, source=Source("cli"), actor="tests")
            await shop.loop.reconcile_now(bot_id)
