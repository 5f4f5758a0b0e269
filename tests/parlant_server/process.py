"""A Parlant server in a subprocess: started, restarted empty on its port, ended by pid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0


class ParlantProcess:
    """`with ParlantProcess() as server: server.url`. Its memory is lost with `restart()`."""

    def __init__(self) -> None:
        self.port = 0
        self._home = tempfile.TemporaryDirectory(prefix="parlant-test-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it on its old port, or on a free one, and waits until it serves."""
        home = Path(self._home.name)
        report = home / "report.json"
        report.unlink(missing_ok=True)
        environ = {**os.environ, "PARLANT_HOME": str(home / "data"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.parlant_server.serving", str(report)]
        with (home / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [*command, str(self.port)], env=environ, cwd=home, stdout=output, stderr=output
            )
        self._wait(report)

    def _wait(self, report: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            if report.exists():
                self.port = json.loads(report.read_text())["port"]
                if self._healthy():
                    return
            time.sleep(0.05)
        output = (Path(self._home.name) / "output.txt").read_text(errors="replace")[-3000:]
        self.stop()
        raise RuntimeError(f"the Parlant server of the tests did not start:\n{output}")

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Ends it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

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
        self.stop()
        self._home.cleanup()
