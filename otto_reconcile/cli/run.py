"""The command `run`: the daemon in the foreground."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import suppress

from otto_reconcile.cli import console
from otto_reconcile.errors import OttoError
from otto_reconcile.settings import Settings


def run_daemon(settings: Settings, *, prune_unmanaged: bool = False) -> int:
    """Runs until it is stopped; gives the exit code. Raises OttoError if it cannot start."""
    # Until its loop hears it: all is looked at then anyway, and by default it ends the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from otto_reconcile.cli.progress import bar
    from otto_reconcile.daemon import run

    code = run(settings, prune_unmanaged=prune_unmanaged, say=_say, bar=bar)
    gc.freeze()  # else Python would end by going through all of Parlant, which takes a second
    return code


def _say(text: str) -> None:
    """A daemon whose output nobody takes goes on: bots depend on it."""
    with suppress(BrokenPipeError, OttoError), console.writing():
        console.say_text(text)
        sys.stdout.flush()
