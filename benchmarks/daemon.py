"""The real command with an embedded Parlant, in a folder of its own: for measures from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from benchmarks.bots import made
from benchmarks.commands import program

START_SECONDS = 900.0


_kept: dict[int, Daemon] = {}


def kept(bots: int) -> Daemon:
    """One that is up already if an earlier measure used it: its bots are made once. See `end`."""
    if bots not in _kept:
        _kept[bots] = Daemon(bots).__enter__()
    return _kept[bots]


def end() -> None:
    """Ends those that are kept."""
    while _kept:
        _kept.popitem()[1].__exit__(None, None, None)


class Daemon:
    """`with Daemon(100) as daemon:` once all of so many bots are Synced.

    `start` and `stop` do the same step by step: the folder stays until `close`.
    """

    def __init__(self, bots: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="otto-bench-")
        self.folder = Path(self._folder.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._bots = bots
        self.http = httpx.Client(timeout=300.0, trust_env=False)
        self._write(bots)

    def _write(self, bots: int) -> None:
        from otto_reconcile import manifest

        manifests = self.folder / "manifests"
        manifests.mkdir()
        for bot in made(bots):
            (manifests / f"{bot.id}.yaml").write_text(manifest.dump([bot]), encoding="utf-8")

    def __enter__(self) -> Self:
        self.start()
        self.wait_for("all bots", self.is_up)
        return self

    def start(self) -> float:
        """Starts the process; gives the seconds until its port answers."""
        started = time.monotonic()
        (self.folder / ".otto" / "status.json").unlink(missing_ok=True)
        with (self.folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [*program(), "run", "--port", "0", "--nlp", "offline"],
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for("the port", lambda: self.status.get("url"))
        self.http.base_url = httpx.URL(self.status["url"])
        return time.monotonic() - started

    def wait_for(self, what: str, check: Callable[[], Any]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not check():
            assert self._process is not None
            if self._process.poll() is not None:
                output = (self.folder / "output.txt").read_text(encoding="utf-8")
                raise SystemExit(f"the daemon ended:\n{output[-2000:]}")
            if time.monotonic() > deadline:
                raise SystemExit(f"not within {START_SECONDS:.0f} s: {what}")
            time.sleep(0.02)

    def is_up(self) -> bool:
        """True once all bots are there and Synced."""
        restore = self.status.get("restore") or {}
        synced = [bot for bot in self.status.get("bots", ()) if bot["sync"] == "Synced"]
        return "restored" in restore and len(synced) == self._bots

    @property
    def status(self) -> dict[str, Any]:
        """Empty before the daemon has said anything."""
        file = self.folder / ".otto" / "status.json"
        status: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        return status

    def share(self, seconds: float) -> float:
        """The part of one core that the whole process takes over so many seconds (Linux)."""
        before, started = self._cpu(), time.monotonic()
        time.sleep(seconds)
        return (self._cpu() - before) / (time.monotonic() - started)

    def _cpu(self) -> float:
        """Seconds of CPU until now: fields 14 and 15 of proc(5)'s stat."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.close()

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.http.close()
        self._folder.cleanup()
