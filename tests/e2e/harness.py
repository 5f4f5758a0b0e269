"""The real command in a folder of its own, and the questions that a person would ask of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.commands import real_command, run_command
from tests.support.forking import Forked

ROOT = Path(__file__).parents[2]
TLS = ssl.create_default_context()
"""Made once: each client would take 50 ms of work for one of its own, also where none is used."""

BOT = """\
apiVersion: otto/v1
kind: Bot
metadata: {{id: {id}, labels: {{team: retail}}}}
spec:
  name: {name}
  description: Helps customers of {name}.
  composition_mode: fluid
  max_engine_iterations: 3
  tags: [shop]
  guidelines:
    - id: order-status
      condition: The customer asks where an order is
      action: {action}
      criticality: high
      labels: [orders]
    - id: small-talk
      condition: The customer chats
      action: Answer in one friendly sentence
  journeys:
    - id: return-item
      title: Return an item
      description: Find the order, check that it can go back, give the address.
      conditions: [The customer wants to send something back, The item arrived broken]
  terms:
    - {{name: RMA, description: The number under which a return travels, synonyms: [return number]}}
  relationships:
    - {{kind: priority, source: order-status, target: small-talk}}
"""


def bot(
    bot_id: str = "order-desk", name: str = "Order Desk", action: str = "Ask for the number"
) -> str:
    return BOT.format(id=bot_id, name=name, action=action)


def wait_for(what: str, check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true answer of `check`; AssertionError with the last answer when time is up."""
    deadline = time.monotonic() + seconds
    answer: Any = None
    while time.monotonic() < deadline:
        try:
            answer = check()
        except (httpx.HTTPError, KeyError, StopIteration) as error:
            answer = error
        else:
            if answer:
                return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}; last: {answer!r}")


class Place:
    """A working folder with manifests and a data directory; runs commands in it."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.manifests = folder / "manifests"
        self.manifests.mkdir(exist_ok=True)
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "OTTO_ACTOR": "tests", **environ}

    def write(self, name: str = "order-desk.yaml", text: str | None = None) -> Path:
        path = self.manifests / name
        path.write_text(bot() if text is None else text, encoding="utf-8")
        return path

    def command(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        done = run_command(arguments, self.folder, {**self.environ, **environ}, seconds=90)
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def daemon(self, *arguments: str, **environ: str) -> Daemon:
        return Daemon(self, arguments, environ)

    def forked(self, *arguments: str, **environ: str) -> Daemon:
        """The same in a process that has imported Parlant already: where the start is no matter."""
        return Daemon(self, arguments, environ, forked=True)


class Daemon:
    """`with place.daemon("--port", "0") as daemon:`; ended by SIGTERM, with its output kept."""

    def __init__(
        self,
        place: Place,
        arguments: tuple[str, ...],
        environ: dict[str, str],
        *,
        forked: bool = False,
    ) -> None:
        self.place, self._forked = place, forked
        self._arguments, self._environ = arguments, environ
        self._output = place.folder / f"output-{time.monotonic_ns()}.txt"
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def start(self) -> Self:
        arguments = ["run", *self._arguments]
        folder, environ = self.place.folder, {**self.place.environ, **self._environ}
        if self._forked:
            home = None if "--parlant-url" in arguments else folder / ".parlant-home"
            with self._output.open("wb") as output:
                self.process = Forked.writing_to(
                    output, arguments, folder, environ, parlant_home=home
                )
            return self
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                real_command(*arguments),
                cwd=folder,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        return self

    def wait_up(self, seconds: float = 60.0) -> Self:
        """Until it has said its summary."""
        wait_for("the summary", lambda: "is up after" in self.output or self._ended(), seconds)
        assert self.running, self.output
        return self

    def _ended(self) -> bool:
        return not self.running

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def status(self) -> dict[str, Any]:
        """What this process says; nothing is taken from one that was killed before it."""
        path = self.place.folder / ".otto" / "status.json"
        with contextlib.suppress(OSError, ValueError):
            status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if self.process is not None and status["pid"] == self.process.pid:
                return status
        return {"bots": [], "target": {}, "store": {}, "manifests": {}}

    def bot(self, bot_id: str) -> dict[str, Any]:
        return next((b for b in self.status["bots"] if b["bot_id"] == bot_id), {})

    @property
    def url(self) -> str:
        return str(self.status["url"])

    def get(self, path: str, **params: str) -> Any:
        answer = httpx.get(f"{self.url}{path}", params=params, timeout=30, verify=TLS)
        answer.raise_for_status()
        return answer.json()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A change by somebody else than us."""
        answer = httpx.request(method, f"{self.url}{path}", json=body, timeout=30, verify=TLS)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def guideline(self, guideline_id: str) -> dict[str, Any]:
        guideline: dict[str, Any] = self.get(f"/guidelines/{guideline_id}")["guideline"]
        return guideline

    def wait_synced(self, *bot_ids: str, seconds: float = 60.0) -> None:
        """Until they are said to be; after a change wait for what it does first, or it is old."""

        def synced() -> bool:
            bots = [self.bot(bot_id) for bot_id in bot_ids]
            return all(b.get("sync") == "Synced" and b["health"] == "Healthy" for b in bots)

        wait_for(f"{bot_ids} Synced", synced, seconds)

    def signal(self, number: int = signal.SIGTERM) -> int:
        """Sends it, waits for the end, gives the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def __enter__(self) -> Self:
        """Up and summed up; one that was started before is taken as it is."""
        if self.process is None:
            try:
                self.start().wait_up()
            except BaseException as error:
                self.__exit__(type(error), error, None)
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(self.output[-6000:])
            print(json.dumps(self.status, indent=1)[:6000])
        if self.running:
            assert self.process is not None
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
