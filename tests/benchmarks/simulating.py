"""The simulator as a process of its own, as benchmarks run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support.forking import ROOT


@contextmanager
def simulator(*arguments: object) -> Iterator[Sequence[str]]:
    """The base URLs of its servers; it is ended by SIGTERM, and ends well."""
    command = [sys.executable, "-m", "benchmarks.simulator", *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["urls"]
    finally:
        process.terminate()
        code = process.wait(30)
        process.stdout.close()
    assert code == 0
