"""Notices of changes in a folder of manifests, or of one file, and what the folder looks like."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.runtime.fingerprint import QUIET, RECHECK, Fingerprint, fingerprint

SHARE = 0.002
"""The part of a core for looks without a notice: with many files they come less often."""
SELDOM = 30.0
"""Seconds between two such looks, at most."""


class Watcher:
    """Watches `path`, and the files that its manifests include, as far as they are told."""

    def __init__(self, path: Path, reporter: Reporter, clock: Clock) -> None:
        self._path, self._reporter, self._clock = path, reporter, clock
        self._texts: frozenset[Path] = frozenset()  # what the manifests include
        self._took = 0.0  # seconds of work of the last look

    def include(self, texts: Mapping[str, frozenset[Path]]) -> None:
        """From now on a change of these files, given by manifest, is one of the folder."""
        self._texts = frozenset().union(*texts.values())

    def look(self) -> Fingerprint:
        """The fingerprint of the manifests, and of the texts that they include, there or not.

        Of a folder that is not there it is that of no other.
        """
        begun = time.thread_time()
        found = fingerprint([*manifest.files_below(self._path), *sorted(self._texts)])
        self._took = time.thread_time() - begun
        return found if is_there(self._path) else (*found, (str(self._path), 0, 0, 0, 0))

    @property
    def _recheck(self) -> float:
        """Seconds between two looks without a notice."""
        return max(RECHECK, min(SELDOM, self._took / SHARE))

    async def notices(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        """Something may have changed: by notice of the system, and now and then without one."""
        while not stopping.is_set():
            try:
                async for _ in self._told_by_system(stopping):
                    yield
            except OSError as error:  # too many watches, in a container for instance
                self._reporter.warn(
                    "the folder cannot be watched; it is looked at now and then",
                    folder=str(self._path),
                    seconds=RECHECK,
                    why=error.strerror or str(error),
                )
                while not await self._clock.wait(stopping, RECHECK):
                    yield

    async def _told_by_system(self, stopping: asyncio.Event) -> AsyncIterator[None]:
        import watchfiles

        if not await asyncio.to_thread(is_there, self._path):
            await self._clock.wait(stopping, 0.5)
            yield
            return
        watched = await asyncio.to_thread(os.path.realpath, self._path)
        alone = await asyncio.to_thread(self._path.is_file)
        async for changes in watchfiles.awatch(
            # Editors put another file in the place of the old one, so its folder is watched.
            Path(watched).parent if alone else self._path,
            stop_event=stopping,
            watch_filter=lambda change, path: self._matters(
                Path(path), Path(watched).name if alone else None
            ),
            recursive=not alone,
            debounce=1600,
            step=int(QUIET * 1000),
            rust_timeout=int(self._recheck * 1000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            yield
            # The system watches what a link led to: after a swap that is another folder.
            if await asyncio.to_thread(os.path.realpath, self._path) != watched:
                return
            if not changes and not await asyncio.to_thread(is_there, self._path):
                return

    def _matters(self, path: Path, alone: str | None) -> bool:
        """Whether a change of this file is one of the folder, or of the only file (`alone`)."""
        own = manifest.matters(path) if alone is None else path.name == alone
        return own or path.name in {text.name for text in self._texts}


def is_there(path: Path) -> bool:
    """True for a folder, and for a file that is the only manifest."""
    return path.is_dir() or path.is_file()
