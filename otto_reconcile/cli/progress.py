"""A progress bar on a terminal, above which the log goes on; elsewhere nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from otto_reconcile.daemon.live import Advance


@contextmanager
def bar(what: str) -> Iterator[Advance]:
    """Gives what is called with how many are done, of how many, and the seconds to go if known."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda done, of, left: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None, left="")

        def advance(done: int, of: int, left: int | None) -> None:
            text = "" if left is None else f"about {left} s left"
            progress.update(task, completed=done, total=of, left=text)

        yield advance
