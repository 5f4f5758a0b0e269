"""The command in a process that has imported Parlant already: for tests of what a daemon does.

Run as a module it reads requests, a line of JSON each, and answers each with a number: `cwd`,
`env`, `output` and `arguments` fork a process that runs `python -m otto_reconcile` as it would be
anywhere else, and give its pid; `pid` gives its exit code, or null while it runs. At the end of its
input it kills what still runs, so that nothing outlives the tests.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Forked:
    """What is used of a `subprocess.Popen`, for a process that is a child of the parent's."""

    def __init__(
        self, arguments: Sequence[str], cwd: Path, env: dict[str, str], output: Path
    ) -> None:
        output.touch()  # the child opens it only in its own time
        request = {"arguments": arguments, "cwd": str(cwd), "env": env, "output": str(output)}
        self.pid = int(_ask(request))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _ask({"pid": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code; raises subprocess.TimeoutExpired after so many seconds."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("otto_reconcile", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _parent() -> subprocess.Popen[str]:
    """Started when it is needed first; it ends with this process, whose pipe it reads."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.forking"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def _ask(request: dict[str, Any]) -> Any:
    parent = _parent()
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(json.dumps(request) + "\n")
    return json.loads(parent.stdout.readline())


def obey() -> None:
    import parlant.sdk  # noqa: F401  (what takes seconds)

    import otto_reconcile.cli
    import otto_reconcile.daemon  # noqa: F401

    running: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            answer = ended(request["pid"])
            if answer is not None:
                running.discard(request["pid"])
        else:
            answer = os.fork()
            if not answer:
                become(**request)
                return
            running.add(answer)
        print(json.dumps(answer), flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def become(arguments: Sequence[str], cwd: str, env: dict[str, str], output: str) -> None:
    """The command's own process, with what a shell would have given to it."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = cwd
    sys.argv = ["otto_reconcile", *arguments]
    keep_apart(Path(cwd) / ".parlant-home")
    runpy.run_module("otto_reconcile", run_name="__main__", alter_sys=True)


def keep_apart(home: Path) -> None:
    """Parlant read where its caches are when it was imported."""
    import parlant.bin.server
    import parlant.sdk

    home.mkdir(exist_ok=True)
    for module in (parlant.bin.server, parlant.sdk):
        module.PARLANT_HOME_DIR = home  # type: ignore[attr-defined]


if __name__ == "__main__":
    obey()
