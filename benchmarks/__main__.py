"""Runs the measures that are named, all without a name: `python -m benchmarks idle,heal`."""

from __future__ import annotations

import sys
import time

from benchmarks import commands, fleet, healing, idle, opening, planning, restoring

MEASURES = {
    "commands": commands,
    "planning": planning,
    "restore": restoring,
    "open": opening,
    "idle": idle,
    "heal": healing,
    "fleet": fleet,
}

names = [name for name in ",".join(sys.argv[1:]).split(",") if name] or [*MEASURES]
if unknown := [name for name in names if name not in MEASURES]:
    sys.exit(f"no measure {unknown[0]!r}; there are {', '.join(MEASURES)}")
for number, name in enumerate(names, 1):
    started = time.monotonic()
    print(f"[{number}/{len(names)}] {name} …", file=sys.stderr, flush=True)
    MEASURES[name].measure()
    print(f"    {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
