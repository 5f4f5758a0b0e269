"""The driver as a process: start it, wait for what it says, talk to it, signal it, see it end."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.forking import Forked

ROOT = Path(__file__).parents[2]
START = 90.0
"""Seconds for a start on a busy machine; nothing waits longer than it has to."""

_DRIVER = "tests.server.driver"
_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PARLANT_HOME", "PARLANT_ENV")


class Running:
    """One process of the driver, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environ: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        anew: bool = False,
    ) -> None:
        """`anew` in a Python of its own: for a test of how it begins."""
        self.cwd = folder / "cwd"
        self.home = folder / "home"
        self.cwd.mkdir(parents=True, exist_ok=True)
        self.said: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        kept = {name: value for name, value in os.environ.items() if name not in _KEYS}
        self._stderr = folder / "stderr"
        arguments = ("--home", str(self.home), *arguments)
        kept = {**kept, "PYTHONPATH": str(ROOT), **(environ or {})}
        reading, writing = os.pipe()
        self._stdout = open(reading, encoding="utf-8")  # noqa: SIM115
        with open(os.devnull) as nothing, self._stderr.open("w") as stderr:
            streams = (nothing.fileno(), writing, stderr.fileno())
            if anew or prefix or environ:
                driver = [*prefix, sys.executable, "-m", _DRIVER, *arguments]
                self.process: Forked | subprocess.Popen[bytes] = subprocess.Popen(
                    driver,
                    cwd=self.cwd,
                    env=kept,
                    stdin=nothing,
                    stdout=writing,
                    stderr=stderr,
                )
            else:
                self.process = Forked(
                    arguments, self.cwd, kept, streams, module=_DRIVER, parlant_home=self.home
                )
        os.close(writing)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._stdout:
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                self._lines.put({"event": "noise", "text": line})
        self._lines.put(None)

    def wait_for(self, event: str, timeout: float = START, **values: object) -> dict[str, Any]:
        """The first event of that kind with those values, old ones included."""
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            for said in self.said[seen:]:
                if said["event"] == event and values.items() <= said.items():
                    return said
            seen = len(self.said)
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, f"ended before {event}: {self.said} {self.stderr()}"
            self.said.append(line)

    def everything(self, event: str) -> list[dict[str, Any]]:
        """All events of that kind of a process that has ended."""
        self._reader.join(10)
        while (line := self._lines.get(timeout=10)) is not None:
            self.said.append(line)
        self._lines.put(None)
        return [said for said in self.said if said["event"] == event]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.wait_for("ready")["url"], trust_env=False, timeout=30)

    def stderr(self) -> str:
        return self._stderr.read_text()

    def signal_and_wait(self, number: int = signal.SIGTERM, timeout: float = 20) -> float:
        """Seconds from the signal to the end of the process."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout)
        return time.monotonic() - begun

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        self._stdout.close()


def is_free(port: int) -> bool:
    """True if a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def until(condition: Callable[[], Any], timeout: float = 20) -> Any:
    """The first true value of `condition`; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
    return value
