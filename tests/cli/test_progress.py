"""The progress bar: on a terminal alone, with the log above it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

SHOWN = """
import logging
from otto_reconcile.cli.progress import bar
from otto_reconcile.runtime import logs

log = logs.configure("console")
with bar("restoring bots") as advance:
    advance(3, 40, None)
    log.info("something happened")
    advance(12, 40, 7)
log.info("over")
"""


def on_terminal(**environ: str) -> str:
    """What the error output of SHOWN gets where it is a terminal."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": "100", "TERM": "xterm", **environ}
    with os.fdopen(ours, "rb", buffering=0) as reader:
        process = subprocess.Popen([sys.executable, "-c", SHOWN], stderr=theirs, env=environ)
        os.close(theirs)
        said = bytearray()
        try:
            while chunk := reader.read(65536):
                said += chunk
        except OSError:  # its last writer has gone
            pass
        assert process.wait(60) == 0
    return said.decode()


@pytest.mark.process
def test_a_terminal_sees_how_far_it_is_below_the_log() -> None:
    said = on_terminal()
    assert "restoring bots" in said
    assert "12/40" in said
    assert "about 7 s left" in said
    log = next(line for line in said.split("\r\n") if "something happened" in line)
    assert "restoring bots" not in log.split("\x1b[2K")[-1]
    assert said.rstrip().endswith("over\x1b[0m") or "over" in said.rsplit("\r\n", 2)[-2]


@pytest.mark.process
@pytest.mark.parametrize("dumb", [{"TERM": "dumb"}])
def test_a_dumb_terminal_gets_the_log_alone(dumb: dict[str, str]) -> None:
    said = on_terminal(**dumb)
    assert "restoring bots" not in said
    assert "something happened" in said


@pytest.mark.process
def test_without_a_terminal_there_is_the_log_alone() -> None:
    done = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True)
    assert "restoring bots" not in done.stderr
    assert "something happened" in done.stderr
