"""A program as a process of its own: start it, wait until it serves, ask it, end it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.parlant_server.serving import free_port
from tests.support.forking import Forked

ROOT = Path(__file__).parents[2]
START = 90.0
READY = "Server is ready to accept requests."
"""What Parlant logs when it knows itself that it serves."""


def documented() -> list[str]:
    """The programs in docs/persistence.md, as they stand."""
    text = (ROOT / "docs" / "persistence.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def until(what: str, check: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer of `check`; AssertionError with the last when time is up."""
    deadline = time.monotonic() + seconds
    answer: Any = None
    while time.monotonic() < deadline:
        try:
            answer = check()
        except httpx.HTTPError as error:
            answer = error
        else:
            if answer:
                return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}; last: {answer!r}")


class Program:
    """`with Program(folder, text, MONGODB_URI=...) as program:`; the folder is Parlant's home too.

    `asked` are the schemas that the model was asked for in this life.
    """

    def __init__(self, folder: Path, text: str, **environ: str) -> None:
        self._folder, self._environ = folder, environ
        self._file = folder / "program.py"
        self._file.write_text(text, encoding="utf-8")
        self._asked = folder / f"asked-{time.monotonic_ns()}"
        self._output = folder / f"output-{time.monotonic_ns()}"
        self._process: Forked | None = None
        self.http = httpx.Client()

    def __enter__(self) -> Self:
        port, home = free_port(), self._folder / "home"
        environ = {
            **os.environ,
            **self._environ,
            "PYTHONPATH": str(ROOT),
            "PARLANT_HOME": str(home),
            "OTTO_TEST_ASKED": str(self._asked),
            "PORT": str(port),
            "TOOL_PORT": str(free_port()),
        }
        with self._output.open("wb") as output:
            self._process = Forked.writing_to(
                output,
                [str(self._file)],
                self._folder,
                environ,
                module="tests.persistence.run",
                parlant_home=home,
            )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        try:
            until("the program serves", self._serves, START)
        except BaseException:
            self.kill()
            raise
        return self

    def _serves(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.output
        # Parlant never ends if it is interrupted between the two.
        return self.http.get("/healthz").is_success and READY in self.output

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill() if error is not None else self.end()

    def end(self) -> None:
        """As Ctrl-C does; the program has to end well, and by itself."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGUSR1)
            until("it says what it waits for", lambda: "Stack for" in self.output)
            raise AssertionError(f"it does not end: {self.output}") from None
        self._process = None
        self.http.close()
        assert code == 0, self.output

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None
        self.http.close()

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    @property
    def asked(self) -> list[str]:
        return self._asked.read_text().split() if self._asked.exists() else []

    def get(self, path: str, **params: str) -> Any:
        answer = self.http.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def agents(self) -> dict[str, Any]:
        return {agent["id"]: agent for agent in self.get("/agents")}

    def guidelines(self, bot_id: str) -> dict[str, Any]:
        found = self.get("/guidelines", tag_id=f"agent:{bot_id}")
        return {guideline["id"]: guideline for guideline in found}

    def journeys(self, bot_id: str) -> dict[str, Any]:
        found = self.get("/journeys", tag_id=f"agent:{bot_id}")
        return {journey["id"]: journey for journey in found}
