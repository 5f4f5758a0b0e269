"""The real command with an embedded Parlant, in a folder of its own: for measures from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from benchmarks.bots import made
from benchmarks.commands import program

START_SECONDS = 900.0


class Daemon:
    """`with Daemon(100) as daemon:` once all of so many bots are Synced."""

    def __init__(self, bots: int) -> None:
        self._bots = bots
        self._folder = tempfile.TemporaryDirectory(prefix="otto-bench-")
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(timeout=300.0, trust_env=False)

    def __enter__(self) -> Self:
        from otto_reconcile import manifest

        folder = Path(self._folder.name)
        manifests = folder / "manifests"
        manifests.mkdir()
        for bot in made(self._bots):
            (manifests / f"{bot.id}.yaml").write_text(manifest.dump([bot]), encoding="utf-8")
        with (folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [*program(), "run", "--port", "0", "--nlp", "offline"],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait_up(folder)
        return self

    def _wait_up(self, folder: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            output = (folder / "output.txt").read_text(encoding="utf-8")
            if "is up after" in output:
                self.http.base_url = httpx.URL(self.status["url"])
                return
            assert self._process is not None
            if self._process.poll() is not None:
                raise SystemExit(f"the daemon ended:\n{output[-2000:]}")
            time.sleep(0.2)
        raise SystemExit(f"the daemon was not up after {START_SECONDS:.0f} s")

    @property
    def status(self) -> dict[str, Any]:
        text = (Path(self._folder.name) / ".otto" / "status.json").read_text(encoding="utf-8")
        status: dict[str, Any] = json.loads(text)
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
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.http.close()
        self._folder.cleanup()
