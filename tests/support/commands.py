"""Runs `otto-reconcile` to its end in a process of its own, and gives what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.forking import Forked, can_be_forked

_PIPE_HOLDS = 32768
"""Bytes that a pipe takes before anybody reads, on any system."""


def real_command(*arguments: object) -> list[str]:
    """For what asks how the command starts: with a Python of its own."""
    return [sys.executable, "-m", "otto_reconcile", *map(str, arguments)]


def run_command(
    arguments: Sequence[object],
    cwd: Path,
    env: dict[str, str],
    *,
    stdin: bytes = b"",
    seconds: float = 90.0,
) -> subprocess.CompletedProcess[bytes]:
    """Raises subprocess.TimeoutExpired after so many seconds; the process is killed then."""
    if len(stdin) > _PIPE_HOLDS or not can_be_forked(env):
        return subprocess.run(
            real_command(*arguments),
            cwd=cwd, env=env, input=stdin, capture_output=True, timeout=seconds, check=False,
        )  # fmt: skip
    reading, writing = os.pipe()
    os.write(writing, stdin)
    os.close(writing)
    with (
        os.fdopen(reading, "rb"),
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        streams = (reading, out.fileno(), err.fileno())
        process = Forked([str(argument) for argument in arguments], cwd, env, streams)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(real_command(*arguments), code, out.read(), err.read())
