"""Healing what others delete while light requests come in: against the deletion itself.

20 light requests a second ask for an agent meanwhile. Parlant answers nobody while it deletes; the
same requests with nothing deleted, and the time of each deletion, stand beside what is measured.
"""

from __future__ import annotations

import statistics
import threading
import time

import httpx

from benchmarks import figures
from benchmarks.daemon import kept

BOTS, ROUNDS = 500, 8
PER_SECOND, CALM, LONGEST = 20.0, 2.5, 60.0
PATHS = {"guideline": "/guidelines/{bot}.g1", "journey": "/journeys/{bot}.j0"}


def measure() -> None:
    daemon = kept(BOTS)
    with Light(str(daemon.http.base_url)) as light:
        time.sleep(10.0)
        quiet = light.taken()
        print(f"light requests with {BOTS} bots, nothing changes: {_told(quiet)}")
        for kind, path in PATHS.items():
            deletions, heals = _healed(daemon.http, path)
            waits = light.taken()
            print(
                f"a deleted {kind} of {BOTS} bots is back after {statistics.median(heals):.2f} s "
                f"(worst {max(heals):.2f} s; to reach: 0.3 s, 1 s); light requests meanwhile "
                f"{_told(waits)}; Parlant itself deletes for {max(deletions):.2f} s; the longest "
                f"wait is {max(waits) / max(deletions):.2f} times that (to reach: 1.5)"
            )
            median = statistics.median(heals)
            figures.note(f"a deleted {kind} is back, median of {BOTS} bots", median, 0.3, "s")
            figures.note(f"a deleted {kind} is back, worst of {BOTS} bots", max(heals), 1.0, "s")
            longest = max(waits) / max(deletions)
            figures.note(f"longest wait, {kind} healed", longest, 1.5, "x the deletion")


def _healed(http: httpx.Client, path: str) -> tuple[list[float], list[float]]:
    deletions: list[float] = []
    heals: list[float] = []
    for number in range(ROUNDS):
        one = path.format(bot=f"bot-{(number * 37 + 5) % BOTS:04}")
        started = time.perf_counter()
        http.delete(one).raise_for_status()
        deletions.append(time.perf_counter() - started)
        started = time.perf_counter()
        while not http.get(one).is_success:
            if time.perf_counter() - started > LONGEST:
                raise SystemExit(f"{one} is not back after {LONGEST:.0f} s")
            time.sleep(0.02)
        heals.append(time.perf_counter() - started)
        time.sleep(CALM)
    return deletions, heals


def _told(waits: list[float]) -> str:
    ordered = sorted(waits)
    at = [ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99)]
    return f"p50 {at[0]:.1f}, p99 {at[1]:.1f}, max {ordered[-1] * 1000:.0f} ms"


class Light:
    """Asks for one agent after another, so many times a second, from a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url, self._waits = url, list[float]()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def taken(self) -> list[float]:
        """The seconds of each request since the last call."""
        waits, self._waits = self._waits, []
        return waits

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=300.0, trust_env=False) as http:
            number = 0
            while not self._over.is_set():
                started = time.perf_counter()
                http.get(f"/agents/bot-{number % BOTS:04}")
                took = time.perf_counter() - started
                self._waits.append(took)
                number += 1
                self._over.wait(max(0.0, 1 / PER_SECOND - took))

    def __enter__(self) -> Light:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(LONGEST)
