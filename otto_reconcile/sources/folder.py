"""Imports the folder of manifests, or one file, whenever it has come to rest.

Editors write in steps: a file may be half there, or away for a moment, when its change is noticed.
So an import waits for quiet, and what cannot be read is looked at once more before it is called
wrong.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from otto_reconcile.errors import InvalidInput, OttoError, Problem, StoreUnavailable, reason_of
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.runtime.backoff import CONNECTION
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.runtime.fingerprint import (
    Fingerprint,
    at_rest,
)
from otto_reconcile.sources.importer import (
    Imported,
    behind,
    files_of,
    import_folder,
    load,
    say_imported,
)
from otto_reconcile.sources.lineage import Lineage, Record, is_older, key_of
from otto_reconcile.sources.provenance import of_folder
from otto_reconcile.sources.repository import State
from otto_reconcile.sources.roots import root_of
from otto_reconcile.sources.watching import Watcher, is_there

JOB = "manifests"
SECOND_LOOK = 0.6
"""Seconds after which a file that could not be read is looked at again."""
CHECK = 2.0
"""Seconds between two looks at what others imported this folder as."""
MOVING = 5
"""How often a folder is read again that changed while it was read."""


class Folder:
    """One folder, as one environment has it, or its base.

    All methods run in the loop's thread; reading and writing in others.
    """

    def __init__(
        self,
        path: Path,
        stores: Stores,
        reporter: Reporter,
        clock: Clock,
        actor: str,
        env: str | None = None,
    ) -> None:
        self._root = root_of(path)
        # Where the shell came here by a link, that is followed when it is swapped.
        direct = path.is_absolute() or Path.cwd() / path == self._root
        self._path = path if direct else self._root
        self._desired, self._lineage = stores.desired, Lineage(stores.store)
        self._reporter, self._clock = reporter, clock
        self._state: State | None = None  # that of the folder when it was read last
        self._record: Record | None = None
        self._witness: str | None = None
        self._checked = 0.0
        self._env = env
        self._actor, self._jobs = actor, Jobs(reporter, clock)
        self._failed: Fingerprint | None = None  # the folder whose import failed unforeseen
        self._retry = 0.0
        self._done: Fingerprint | None = None
        self._foreign: frozenset[str] = frozenset()
        self._rolled_back: Mapping[str, str] = {}
        self.name = str(self._root)
        self._others: frozenset[str] = frozenset()
        self._watcher = Watcher(self._path, reporter, clock)

    def beside(self, others: frozenset[str]) -> None:
        """Names of the other sources of this daemon: what is in one of them is not taken over."""
        self._others = others

    async def import_now(self, *, patient: bool = False) -> bool:
        """Imports the folder as it is; with `patient` a wrong one gets a second look first.

        False if the store was away: then nothing was written and it has to be tried again. Never
        raises: whatever fails, the last good state stays, and `follow` tries again.
        """
        seen: Fingerprint | None = None
        try:
            seen = await asyncio.to_thread(self._watcher.look)
            done = await self._import(seen, patient)
        except Exception as error:
            self._failed, self._done = seen, None
            self._retry = self._clock.monotonic() + self._jobs.failed(JOB, error)
            problem = f"the folder could not be imported: {reason_of(error)}"
            self._reporter.board.status.manifests = self._told("Failed", [problem])
            return True
        self._failed = None
        self._jobs.succeeded(JOB)
        if done:
            self._reporter.store(None, "importing")
        return done

    async def _import(self, seen: Fingerprint, patient: bool, tries: int = MOVING) -> bool:
        if not await asyncio.to_thread(is_there, self._path):
            self._say(f"{self._path} is no folder and no file: nothing is imported", seen)
            return True
        texts: dict[str, frozenset[Path]] = {}
        try:
            loaded = await asyncio.to_thread(load, [self._path], os.environ, texts, self._env)
        except InvalidInput as error:
            self._watcher.include(texts)
            if patient:
                await self._clock.sleep(SECOND_LOOK)
                return await self._import(await asyncio.to_thread(self._watcher.look), False)
            now = await asyncio.to_thread(self._watcher.look)
            if now != seen and tries:
                return await self._import(now, patient, tries - 1)
            self._refuse(error, seen)
            return True
        self._watcher.include(texts)
        files = await asyncio.to_thread(files_of, self._path, loaded)
        made_from = await asyncio.to_thread(of_folder, self._path, files, texts)
        now = await asyncio.to_thread(self._watcher.look)
        if now != seen and tries:  # half of it may be of what was there before
            return await self._import(now, patient, tries - 1)
        self._state = made_from.state
        try:
            imported = await asyncio.to_thread(
                import_folder,
                self._desired,
                self._lineage,
                loaded.declarations,
                made_from,
                actor=self._actor,
                root=self._root,
                witnesses=() if self._witness is None else (self._witness,),
                foreign=loaded.foreign,
                others=self._others,
            )
        except StoreUnavailable as error:
            self._reporter.store(error, "importing")
            return False
        except InvalidInput as error:
            self._refuse(error, seen)
            return True
        except OttoError as error:
            self._say(error.message, seen)
            return True
        self._tell_foreign(loaded.foreign)
        self._checked = self._clock.monotonic()
        if imported.behind is not None:
            self._done = seen
            self._fall_behind(imported.behind)
        else:
            self._record = imported.record
            self._witness = imported.record.at if imported.record is not None else None
            self._tell(imported, seen)
        return True

    def _fall_behind(self, record: Record) -> None:
        assert self._state is not None
        again = f"otto-reconcile apply -f {self._root} --prune"
        remedy = f"Update the folder; or if going back is meant: {again}"
        problem = behind(self._root, self._state, record, remedy)
        if self._reporter.board.status.manifests.get("problems") == [problem]:
            return  # its time is that of the first
        self._reporter.warn(problem)
        self._reporter.board.status.manifests = self._told("Behind", [problem])

    async def _check(self) -> None:
        """Looks at what others imported the folder as: whether this one is behind, or still is."""
        if self._state is None or self._clock.monotonic() - self._checked < CHECK:
            return
        self._checked, state = self._clock.monotonic(), self._state
        try:
            record = await asyncio.to_thread(self._lineage.find, str(self._root), state)
        except StoreUnavailable:  # the loop says so
            return
        if record is not None and await asyncio.to_thread(is_older, state, record):
            self._witness = None
            self._fall_behind(record)
            return
        was_behind = self._reporter.board.status.manifests.get("state") == "Behind"
        if record is None or was_behind:
            self._done = None
        elif key_of(state) == record.at:
            if self._record is None or self._record.version != record.version:
                self._done = None  # somebody wrote something older over it, or a name was added
            self._record, self._witness = record, record.at

    def _refuse(self, error: InvalidInput, seen: Fingerprint) -> None:
        if self._done == seen:
            return
        self._done = seen
        problems = [str(problem) for problem in error.problems]
        for problem in problems[:20]:
            self._reporter.warn(problem)
        self._reporter.warn("manifests refused, the last good state stays", problems=len(problems))
        self._reporter.board.status.manifests = self._told("Refused", problems)

    def _say(self, message: str, seen: Fingerprint) -> None:
        if self._done != seen:
            self._reporter.warn(message)
        self._done = seen
        self._reporter.board.status.manifests = self._told("Refused", [message])

    def _tell_foreign(self, foreign: Sequence[Problem]) -> None:
        """A line for each file that is new among those that are no manifests."""
        lines = [str(problem) for problem in foreign]
        for line in [line for line in lines if line not in self._foreign][:20]:
            self._reporter.warn(line)
        self._foreign = frozenset(lines)

    def _tell(self, imported: Imported, seen: Fingerprint) -> None:
        self._done = seen
        problems = []
        if imported.guarded is not None:
            problems = [imported.guarded.sentence]
        say_imported(self._reporter, imported, "manifests imported", self._rolled_back)
        self._rolled_back = imported.rolled_back
        self._reporter.board.status.manifests = self._told("Imported", problems)

    def _told(self, state: str, problems: list[str]) -> dict[str, object]:
        now = self._clock.now().isoformat(timespec="seconds")
        state_now = self._state
        label = state_now.label if state_now is not None and state_now.commit is not None else None
        rolled_back = {"rolled_back": dict(self._rolled_back)} if self._rolled_back else {}
        folder = {"folder": str(self._path), "root": str(self._root), "at": label}
        folder |= {"environment": self._env} if self._env is not None else {}
        return {**folder, "state": state, "problems": problems, "time": now, **rolled_back}

    async def follow(self, stopping: asyncio.Event) -> None:
        """Imports after every change, until `stopping`; a fault of ours is not the end of it."""
        await self._jobs.keep(JOB, lambda: self._follow(stopping))

    async def _follow(self, stopping: asyncio.Event) -> None:
        failures = 0
        async for _ in self._watcher.notices(stopping):
            await self._check()
            if not await self._at_rest_and_new():
                continue
            while not stopping.is_set() and not await self.import_now(patient=True):
                failures += 1
                await self._clock.wait(stopping, CONNECTION.delay(failures))
            failures = 0

    async def _at_rest_and_new(self) -> bool:
        """True if the folder differs from what was imported, once nobody is writing any more."""
        seen = await asyncio.to_thread(self._watcher.look)
        if seen == self._done:
            self._jobs.succeeded(JOB)
            return False
        if seen == self._failed and self._clock.monotonic() < self._retry:
            return False
        return await at_rest(self._watcher.look, self._clock) != self._done
