"""A Parlant server in a subprocess: started, restarted empty on its port, ended as by a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0


class ParlantProcess:
    """`with ParlantProcess() as server: server.url`. Its memory is lost with `restart()`."""

    def __init__(self) -> None:
        self.port = 0
        self.pid = 0
        self._home = tempfile.TemporaryDirectory(prefix="parlant-test-")
        self._parent: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it on its old port, or on a free one, and waits until it serves."""
        report = Path(self._home.name) / "report.json"
        report.unlink(missing_ok=True)
        self.pid = self._order(f"start {self.port} {report}")
        self._wait(report)

    def _order(self, command: str) -> int:
        if self._parent is None:
            self._parent = self._begin()
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{command}\n")
        return int(self._parent.stdout.readline() or self._failed())

    def _begin(self) -> subprocess.Popen[str]:
        home = Path(self._home.name)
        environ = {**os.environ, "PARLANT_HOME": str(home / "data"), "PYTHONPATH": str(ROOT)}
        with (home / "output.txt").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.parlant_server.serving"],
                env=environ,
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                bufsize=1,
            )

    def _wait(self, report: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if report.exists():
                said = json.loads(report.read_text())
                if said.get("failed"):
                    break
                self.port = said["port"]
                if self._healthy():
                    return
            time.sleep(0.05)
        self._failed()

    def _failed(self) -> NoReturn:
        output = (Path(self._home.name) / "output.txt").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"the Parlant server of the tests did not start:\n{output}")

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Ends it at once, as a crash would."""
        if self.pid:
            self._order("stop")
            self.pid = 0

    def restart(self) -> None:
        """A new life on the same port: everything that it held is gone."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._parent is not None:
            self._parent.communicate()  # at the end of its input it ends, and its child with it
        self._home.cleanup()
