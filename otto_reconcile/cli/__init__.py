"""The command line: `main` is the entry point. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command that is named; gives 0 (done, same), 1 (error) or 2 (different)."""
    try:
        from otto_reconcile.cli.surroundings import open_streams

        open_streams()
        from otto_reconcile.cli.failures import guarded

        code = guarded(_run)
        return guarded(_flush) or code
    except KeyboardInterrupt:  # while that was imported, so that nothing of it can be used
        sys.stderr.write("error: interrupted\n")
        return 1


def _run() -> int:
    from otto_reconcile.cli import (  # noqa: F401 (they register)
        bot_commands,
        environment_commands,
        fleet_commands,
        history_commands,
    )
    from otto_reconcile.cli.app import app
    from otto_reconcile.cli.surroundings import settle

    settle()
    code = app(prog_name="otto-reconcile", standalone_mode=False)
    if code is None or code in (0, 1, 2):
        return int(code or 0)
    if code == 130:
        raise KeyboardInterrupt
    return 1


def _flush() -> int:
    """What is still to be written is written here, where a closed pipe is no surprise."""
    from otto_reconcile.cli.console import writing

    with writing():
        sys.stdout.flush()
    return 0
