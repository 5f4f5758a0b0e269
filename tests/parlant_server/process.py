"""A Parlant server in a process: started, restarted empty on its port, ended as by a crash."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import httpx

from tests.support.forking import ROOT, Forked

START_SECONDS = 90.0


class ParlantProcess:
    """`with ParlantProcess() as server: server.url`. Its memory is lost with `restart()`."""

    def __init__(self, module: str = "tests.parlant_server.serving", **environ: str) -> None:
        self.port = 0
        self._module, self._environ = module, environ
        self._home = tempfile.TemporaryDirectory(prefix="parlant-test-")
        self._process: Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Starts it on its old port, or on a free one, and waits until it serves."""
        home = Path(self._home.name)
        report = home / "report.json"
        report.unlink(missing_ok=True)
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "PARLANT_HOME": str(home / "data")}
        environ.update(self._environ)
        with (home / "output.txt").open("ab") as output:
            self._process = Forked.writing_to(
                output,
                [str(report), str(self.port)],
                home,
                environ,
                module=self._module,
                parlant_home=home / "data",
            )
        self._wait(report)

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
            time.sleep(0.02)
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
