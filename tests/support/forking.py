"""Processes of ours without the second of imports that each of them would begin with.

A parent imports what the process needs and forks one whenever it is asked: with streams, folder
and environment of its own it runs `python -m MODULE ...` as it would be anywhere else. There is a
parent for the command alone and one for what hosts Parlant as well. A parent ends with the tests,
and kills what still runs.

What Python, or a library when it is imported, reads of the environment cannot be changed for a
forked process: `can_be_forked` tells.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn, Self

ROOT = Path(__file__).parents[2]

_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "FORCE_COLOR", "PY_COLORS", "TERMINAL_", "TYPER_")


def can_be_forked(env: Mapping[str, str]) -> bool:
    """False if this environment differs from ours in what is read before it could be set."""
    changed = {name for name, _ in env.items() ^ os.environ.items()}
    if env.get("PYTHONPATH", str(ROOT)).startswith(str(ROOT)):
        changed.discard("PYTHONPATH")  # the parent has that one
    return not any(name.startswith(_READ_AT_START) for name in changed)


class Forked:
    """What the tests use of a `subprocess.Popen`. The streams are descriptors; they stay open here.

    With `parlant_home` it has Parlant imported, which keeps its caches in that folder.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: Path,
        env: dict[str, str],
        streams: tuple[int, int, int],
        *,
        module: str = "otto_reconcile",
        parlant_home: Path | None = None,
    ) -> None:
        self._parent = _parent(hosting=parlant_home is not None)
        home = parlant_home and str(parlant_home)
        request = {"module": module, "arguments": arguments, "cwd": str(cwd), "env": env}
        request["parlant_home"] = home
        self.pid = int(self._parent.ask(request, streams))
        self.returncode: int | None = None

    @classmethod
    def writing_to(
        cls, output: IO[Any], arguments: Sequence[str], cwd: Path, env: dict[str, str], **how: Any
    ) -> Self:
        """Without input, and with all that it writes in one file."""
        with open(os.devnull) as nothing:
            streams = (nothing.fileno(), output.fileno(), output.fileno())
            return cls(arguments, cwd, env, streams, **how)

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._parent.ask({"pid": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code; raises subprocess.TimeoutExpired after so many seconds."""
        deadline = time.monotonic() + timeout
        pause = 0.001
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("otto_reconcile", timeout)
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Parent:
    """The process that forks, asked by one thread at a time."""

    def __init__(self, *options: str) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forking", str(theirs.fileno()), *options],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._answers = self._socket.makefile("r")

    def ask(self, request: dict[str, Any], streams: Sequence[int] = ()) -> Any:
        line = json.dumps(request).encode() + b"\n"
        with self._lock:
            if streams:
                sent = socket.send_fds(self._socket, [line], list(streams))
                self._socket.sendall(line[sent:])
            else:
                self._socket.sendall(line)
            return json.loads(self._answers.readline())


@cache
def _parent(*, hosting: bool) -> Parent:
    """Started when it is needed first; it ends when this process closes its socket."""
    return Parent("hosting") if hosting else Parent()


def obey(asked: socket.socket) -> None:
    """Answers requests, a line of JSON each: the pid of a new process, or how one ended."""
    running: set[int] = set()
    for line, streams in requests(asked):
        request = json.loads(line)
        if "pid" in request:
            answer = ended(request["pid"])
            if answer is not None:
                running.discard(request["pid"])
        else:
            answer = os.fork()
            if not answer:
                asked.close()
                become(streams=streams, **request)
            running.add(answer)
        for descriptor in streams:
            os.close(descriptor)
        asked.sendall(json.dumps(answer).encode() + b"\n")
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def requests(asked: socket.socket) -> Iterable[tuple[bytes, list[int]]]:
    """Each line with the descriptors that came with it, until the other side is closed."""
    begun, streams = b"", []
    while True:
        part, more, _, _ = socket.recv_fds(asked, 1 << 16, 3)
        if not part:
            return
        begun, streams = begun + part, [*streams, *more]
        if begun.endswith(b"\n"):
            yield begun, streams
            begun, streams = b"", []


def ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def become(
    module: str,
    arguments: Sequence[str],
    cwd: str,
    env: dict[str, str],
    streams: Sequence[int],
    parlant_home: str | None,
) -> NoReturn:
    """The process itself, with what a shell would have given to it."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        setattr(sys, name, reopened(name, mode))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = cwd
    sys.argv = [module, *arguments]
    if parlant_home is not None:
        keep_apart(Path(parlant_home))
    finish(run(module))


def run(module: str) -> int:
    """The exit code of `python -m module`, with what Python would print of an exception."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return int(end.code or 0)
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    return 0


def finish(code: int) -> NoReturn:
    """Ends as Python does, but that it does not take apart first what it shares with its parent:
    each object it touched would be copied, which takes ten times as long as a small command."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def reopened(name: str, mode: str) -> Any:
    """A standard stream as Python makes it at its start, over what the descriptor is now."""
    before = getattr(sys, f"__{name}__")
    number = before.fileno()
    line_buffering = name == "stderr" or os.isatty(number)
    made = open(number, mode, -1, before.encoding, before.errors, closefd=False)  # noqa: SIM115
    made.reconfigure(line_buffering=line_buffering)
    setattr(sys, f"__{name}__", made)
    return made


def keep_apart(home: Path) -> None:
    """Parlant read where its caches are when it was imported."""
    import parlant.bin.server
    import parlant.sdk

    home.mkdir(exist_ok=True)
    for module in (parlant.bin.server, parlant.sdk):
        module.PARLANT_HOME_DIR = home  # type: ignore[attr-defined]


def import_all(*, hosting: bool) -> None:
    """What takes a process its first second, or with Parlant several."""
    cli = importlib.import_module("otto_reconcile.cli")
    for module in pkgutil.iter_modules(cli.__path__, "otto_reconcile.cli."):
        importlib.import_module(module.name)
    later = [
        "otto_reconcile.port.rest",
        "otto_reconcile.store.mongo",
        "otto_reconcile.store.sqlite",
    ]
    for name in [*later, *(["parlant.sdk", "otto_reconcile.daemon"] if hosting else [])]:
        importlib.import_module(name)
    gc.freeze()  # or the first collection in a child would copy everything


if __name__ == "__main__":
    with contextlib.closing(socket.socket(fileno=int(sys.argv[1]))) as its_own:
        import_all(hosting="hosting" in sys.argv)
        obey(its_own)
