"""The command `run`: the daemon in the foreground."""

from __future__ import annotations

import gc
import sys

from otto_reconcile.cli import console
from otto_reconcile.settings import Settings


def run_daemon(settings: Settings, *, prune_unmanaged: bool = False) -> int:
    """Runs until it is stopped; gives the exit code. Raises OttoError if it cannot start."""
    from otto_reconcile.daemon import run

    code = run(settings, prune_unmanaged=prune_unmanaged, say=_say)
    gc.freeze()  # else Python would end by going through all of Parlant, which takes a second
    return code


def _say(text: str) -> None:
    console.say_text(text)
    sys.stdout.flush()
