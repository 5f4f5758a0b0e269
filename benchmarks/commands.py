"""What a person waits for: `--help`, and `validate` of 200 manifests; against an empty Python."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import figures
from benchmarks.bots import made

MANIFESTS = 200
ROUNDS = 5


def measure() -> None:
    empty = _best([sys.executable, "-c", "pass"])
    command = program()
    helped = _best([*command, "--help"])
    print(
        f"--help: {helped:.2f} s; an empty Python {empty:.2f} s; "
        f"{helped / empty:.1f} times as long (to reach: 0.4 s)"
    )
    figures.note("--help", helped, 0.4, "s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        validated = _best([*command, "validate", str(folder)])
    print(
        f"validate of {MANIFESTS} manifests: {validated:.2f} s; an empty Python {empty:.2f} s; "
        f"{validated / empty:.1f} times as long (to reach: 3 s)"
    )
    figures.note(f"validate of {MANIFESTS} manifests", validated, 3.0, "s")


def program() -> list[str]:
    """The installed command where there is one, as a user has it."""
    installed = Path(sys.executable).with_name("otto-reconcile")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "otto_reconcile"]


def _write(folder: Path) -> None:
    from otto_reconcile import manifest

    for bot in made(MANIFESTS):
        (folder / f"{bot.id}.yaml").write_text(manifest.dump([bot]), encoding="utf-8")


def _best(command: list[str]) -> float:
    return min(_seconds(command) for _ in range(ROUNDS))


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
