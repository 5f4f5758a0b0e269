"""Runs the measures that are named, all without a name: `python -m benchmarks idle,heal`.

With `--plot FILE` what was measured beside what is to be reached goes into an SVG.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import (
    commands,
    daemon,
    figures,
    fleet,
    healing,
    idle,
    opening,
    planning,
    restoring,
)

MEASURES = {
    "commands": commands,
    "planning": planning,
    "restore": restoring,
    "open": opening,
    "idle": idle,
    "heal": healing,
    "fleet": fleet,
}

parser = argparse.ArgumentParser(prog="python -m benchmarks")
parser.add_argument("names", nargs="*", help=", ".join(MEASURES))
parser.add_argument("--plot", type=Path)
given = parser.parse_args()
names = [name for name in ",".join(given.names).split(",") if name] or [*MEASURES]
if unknown := [name for name in names if name not in MEASURES]:
    sys.exit(f"no measure {unknown[0]!r}; there are {', '.join(MEASURES)}")
try:
    for number, name in enumerate(names, 1):
        started = time.monotonic()
        print(f"[{number}/{len(names)}] {name} …", file=sys.stderr, flush=True)
        MEASURES[name].measure()
        print(f"    {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
finally:
    daemon.end()
if figures.found:
    print(f"\n{figures.table()}")
if given.plot is not None:
    figures.plot(given.plot)
