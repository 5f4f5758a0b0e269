"""The daemon: puts store, target, loop and the watched folder together, for the command `run`."""

from __future__ import annotations

from otto_reconcile.daemon.process import run

__all__ = ["run"]
