"""Runs all measures, one line each."""

from __future__ import annotations

from benchmarks import commands, planning, restoring

for measured in (commands, planning, restoring):
    measured.measure()
