"""One daemon and many simulated Parlants: the first fill, a storm of restarts, and a daemon killed.

Against the time that the slowest of the simulated servers needs for its calls alone: a process that
kept up with all of them would take that long. See `benchmarks.simulator`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks import figures
from benchmarks.bots import made
from benchmarks.commands import program

TARGETS = int(os.environ.get("OTTO_BENCH_TARGETS", "10"))
BOTS = int(os.environ.get("OTTO_BENCH_BOTS", "50"))
"""So many to a target."""
LONGEST = 1800.0


def measure() -> None:
    with simulated(TARGETS) as urls, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, urls, TARGETS * BOTS)
        daemon = Process(folder)
        try:
            _filled(daemon, urls)
            _stormed(daemon, urls)
            _killed(daemon, urls, folder)
        finally:
            daemon.end()


def _filled(daemon: Process, urls: Sequence[str]) -> None:
    started, busy = time.monotonic(), busiest(urls)
    daemon.start()
    daemon.wait_synced(TARGETS * BOTS)
    _tell("filled", time.monotonic() - started, busiest(urls) - busy, daemon)


def _stormed(daemon: Process, urls: Sequence[str]) -> None:
    started, before = time.monotonic(), daemon.epochs
    for url in urls:
        httpx.post(f"{url}/_simulator/restart", timeout=60).raise_for_status()
    wait(lambda: all(before[n] != epoch for n, epoch in daemon.epochs.items()))
    daemon.wait_synced(TARGETS * BOTS)
    _tell("restored after all restarted", time.monotonic() - started, busiest(urls), daemon)


def _killed(daemon: Process, urls: Sequence[str], folder: Path) -> None:
    """Two more daemons share the targets; one of them is killed in the middle of a storm."""
    others = [Process(folder), Process(folder)]  # without a status: the folder is the first one's
    for one in others:
        one.start()
    try:
        wait(lambda: len((daemon.status.get("fleet") or {}).get("daemons", ())) == 3)
        wait(lambda: len([one for one in daemon.targets.values() if one["led_by"]]) > TARGETS / 3)
        time.sleep(5.0)  # the last leases change hands
        before = sum(map(agents_made, urls))
        started = time.monotonic()
        for url in urls:
            httpx.post(f"{url}/_simulator/restart", timeout=60).raise_for_status()
        wait(lambda: sum(map(agents_held, urls)) > TARGETS * BOTS / 4)
        others[0].kill()
        wait(lambda: sum(map(agents_held, urls)) == TARGETS * BOTS)
        took = time.monotonic() - started
        made = sum(map(agents_made, urls)) - before
        figures.note("bots made twice, a daemon killed", made / (TARGETS * BOTS), 1.0, "x each bot")
        print(
            f"the same with three daemons, one killed at a quarter: {took:.1f} s; {made} agents "
            f"made, {made / (TARGETS * BOTS):.3f} times as many as there are bots"
        )
    finally:
        for one in others:
            one.end()


def counts(url: str) -> dict[str, Any]:
    """What a simulated server says of its calls."""
    found: dict[str, Any] = httpx.get(f"{url}/_simulator/counts", timeout=60).json()
    return found


def agents_held(url: str) -> int:
    """So many bots are on the server."""
    return int(counts(url)["held"]["agents"])


def agents_made(url: str) -> int:
    """So many were ever made."""
    return int(counts(url)["calls"].get("POST", {}).get("agents", 0))


def _tell(what: str, took: float, alone: float, daemon: Process) -> None:
    print(
        f"{TARGETS} targets of {BOTS} bots {what} in {took:.1f} s, {took / alone:.1f} times as long"
        f" as the calls of the busiest target alone ({alone:.1f} s); {daemon.cpu():.1f} s of CPU, "
        f"{daemon.memory():.0f} MiB"
    )


@contextmanager
def simulated(count: int) -> Iterator[list[str]]:
    """The URLs of so many servers."""
    words = [sys.executable, "-m", "benchmarks.simulator", "--targets", str(count), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["urls"]
    finally:
        process.terminate()
        process.wait()


def busiest(urls: Sequence[str]) -> float:
    """Seconds that the calls of the busiest server took since it started."""
    return max(float(counts(url)["busy_seconds"]) for url in urls)


def write(folder: Path, urls: Sequence[str], bots: int) -> None:
    """A configuration with all targets, which share the bots."""
    from otto_reconcile import manifest

    targets = [{"name": f"t{number}", "url": url} for number, url in enumerate(urls)]
    (folder / "otto.yaml").write_text(json.dumps({"data-dir": ".otto", "targets": targets}))
    (folder / "manifests").mkdir()
    for bot in made(bots):
        (folder / "manifests" / f"{bot.id}.yaml").write_text(manifest.dump([bot]), "utf-8")


def wait(check: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONGEST
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {LONGEST:.0f} s")
        time.sleep(0.2)


class Process:
    """A daemon in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [*program(), "run"], cwd=self._folder, stdout=output, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """As kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """In good order, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()

    @property
    def status(self) -> dict[str, Any]:
        """Empty before the daemon has said anything."""
        file = self._folder / ".otto" / "status.json"
        status: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        return status

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        """What the daemon says of each target."""
        found: dict[str, dict[str, Any]] = (self.status.get("fleet") or {}).get("targets") or {}
        return found

    @property
    def epochs(self) -> dict[str, str]:
        """The life of each target."""
        return {name: one["epoch"] for name, one in self.targets.items()}

    def wait_synced(self, bots: int) -> None:
        def synced() -> bool:
            found = self.status.get("bots", ())
            return len(found) == bots and all(one["sync"] == "Synced" for one in found)

        wait(synced)

    def cpu(self) -> float:
        """Seconds of CPU since its start."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """MiB that it holds at most since its start."""
        peak = next(line for line in self._proc("status").splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024

    def _proc(self, name: str) -> str:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/{name}").read_text()
