"""Imports the commits of a branch: whole commits, from their trees, each as soon as it is there.

What is imported is the commit that the branch is at, wherever it was moved. A commit with a fault
is kept out, and the last good one stays in force. See docs/decisions/0038.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from otto_reconcile.errors import (
    Conflict,
    InvalidInput,
    OttoError,
    PermanentError,
    StoreUnavailable,
    reason_of,
)
from otto_reconcile.reconcile.jobs import Jobs
from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.settings import GitSettings
from otto_reconcile.sources import missing
from otto_reconcile.sources.branch_status import SHOWN, BranchStatus
from otto_reconcile.sources.commit_import import CommitImport
from otto_reconcile.sources.commit_tree import Read, last_imported, provenance
from otto_reconcile.sources.commits import Commit
from otto_reconcile.sources.departures import InTwoSources
from otto_reconcile.sources.git import GitRefused
from otto_reconcile.sources.importer import Imported, behind, say_imported
from otto_reconcile.sources.lineage import Lineage, Record, is_older, key_of
from otto_reconcile.sources.position import At, Position, read_whole
from otto_reconcile.sources.repository import State
from otto_reconcile.sources.witness import Witness

START = 20.0
"""Seconds that the start of the daemon waits for a repository elsewhere."""
CHECK = 2.0
"""Seconds between two looks at what others imported."""


class Branch:
    """One branch of one repository. All methods run in the loop's thread; Git in others."""

    def __init__(
        self,
        settings: GitSettings,
        position: Position,
        stores: Stores,
        reporter: Reporter,
        clock: Clock,
        actor: str,
        *,
        data_dir: Path | None,
        signers: Path | None = None,
        env: str | None = None,
    ) -> None:
        self._position, self._branch = position, settings.branch
        self._path = str(Path(settings.path))
        named = f"#{settings.branch}" if settings.branch else ""
        self.name = f"git:{position.where}{named}:{self._path}"
        self._lineage = Lineage(stores.store)
        self._reporter, self._clock = reporter, clock
        self._signers, self._env, self._jobs = signers, env, Jobs(reporter, clock)
        self._witness = Witness(data_dir, self.name)
        self._importing = CommitImport(self.name, position, stores, actor, self._witness)
        self.woken = asyncio.Event()
        """Set by whoever says that the branch has moved."""
        self._busy = asyncio.Lock()
        self._state: State | None = None  # that of the commit that was read last
        self._record: Record | None = None
        self._done: str | None = None  # the commit that was imported, or refused
        self._failures = 0
        self._rolled_back: frozenset[str] = frozenset()  # of which that was said
        known: dict[str, object] = {"repository": position.where, "path": self._path}
        known |= {"branch": settings.branch, "elsewhere": position.authoritative}
        known |= {"environment": env} if env is not None else {}
        known |= {"signers": str(signers)} if signers is not None else {}
        self._status = BranchStatus(self.name, known, reporter, clock)

    def beside(self, others: frozenset[str]) -> None:
        """Names of the other sources of this daemon: what is in one of them is not taken over."""
        self._importing.others = others

    async def import_now(self, *, patient: bool = False) -> bool:
        """Imports the commit that the branch is at; without `patient`, if that is known soon.

        False if the store was away: then nothing was written and it has to be tried again. Never
        raises: whatever fails, the last good commit stays in force, and `follow` tries again.
        """
        try:
            async with asyncio.timeout(None if patient else START), self._busy:
                return await self._look_and_import()
        except TimeoutError:
            self._status.say("Fetching", ["the repository is not here yet; it is being fetched"])
        except Exception as error:
            self._failures += 1
            self._done = None
            self._jobs.failed(self.name, error)
            self._status.say("Failed", [f"the commit could not be imported: {reason_of(error)}"])
        return True

    async def _look_and_import(self) -> bool:
        try:
            at = await self._position.look()
            if at.told is not None:
                self._reporter.say(at.told, source=self.name)
            done = await self._import(at)
        except (OttoError, GitRefused) as error:
            self._done = None
            self._failures += 1
            if isinstance(error, GitRefused):
                await self._position.renew()
            await self._recall()
            self._status.say("Unreachable", [_sentence(error)], quietly=self._failures > 1)
            return True
        self._failures = 0
        self._jobs.succeeded(self.name)
        if done:
            self._reporter.store(None, "importing")
        return done

    async def _import(self, at: At) -> bool:
        if at.commit is not None and at.commit == self._done:
            if at.told is not None:
                self._status.rename(at.branch)
            return True
        await self._recall()
        if at.commit is None:
            self._done = None
            self._status.say("Missing", [await self._missing(at)])
            return True
        commits = await self._position.commits()
        commit = await asyncio.to_thread(commits.about, at.commit)
        if self._signers is not None and (
            fault := await asyncio.to_thread(commits.signature_fault, at.commit, self._signers)
        ):
            self._refuse(at, commit, [fault])
            return True
        try:
            left = self._status.in_force is not None
            read = await read_whole(
                self._position, commits, at.commit, self._path, env=self._env, may_be_gone=left
            )
            made_from = await asyncio.to_thread(
                provenance, commits, commit, read, self._path, self._branch
            )
            assert made_from.state is not None
            self._state = made_from.state
            imported = await self._importing.bring(at, made_from, read)
        except InvalidInput as error:
            self._refuse(at, commit, [str(problem) for problem in error.problems])
            if isinstance(error, InTwoSources):  # the other one may give it up
                self._done = None
            return True
        except StoreUnavailable as error:
            self._reporter.store(error, "importing")
            return False
        except PermanentError as error:
            if isinstance(error, Conflict):
                raise
            self._refuse(at, commit, [error.with_hint])
            return True
        self._done = at.commit
        if imported.behind is not None:
            self._fall_behind(imported.behind)
        else:
            self._take(at, commit, read, imported)
        return True

    async def _missing(self, at: At) -> str:
        return missing.told(at.branch, await self._position.refs())

    def _take(self, at: At, commit: Commit, read: Read, imported: Imported) -> None:
        self._record = imported.record
        if imported.record is not None:
            self._witness.agree(imported.record.at)
        problems = []
        if imported.guarded is not None:
            problems = [imported.guarded.sentence]
        event = f"commit {commit.short} imported"
        say_imported(self._reporter, imported, event, self._rolled_back)
        self._rolled_back = frozenset(imported.rolled_back)
        notes = [str(problem) for problem in read.loaded.foreign]
        done = {"branch": at.branch, "commit": commit.to_document(), "refused": None}
        more = {**done, "notes": notes[:SHOWN], "gitdir": str(self._position.gitdir)}
        self._status.say("Imported", problems, quietly=True, more=more)

    def _refuse(self, at: At, commit: Commit, problems: list[str]) -> None:
        self._done, refused = commit.id, commit.to_document()
        known = self._status.refused == refused
        self._status.say("Refused", problems, more={"branch": at.branch, "refused": refused})
        if known:
            return
        stays = ", the last good one stays in force" if self._status.in_force else ""
        self._reporter.warn(
            f"commit {commit.short} refused{stays}",
            subject=commit.subject,
            author=commit.author,
            problems=len(problems),
        )

    async def _recall(self) -> None:
        """After a start: which commit was imported last, as the store has it on record."""
        if self._status.in_force is not None:
            return
        with suppress(OttoError, GitRefused):
            commits = await self._position.commits()
            last = await asyncio.to_thread(last_imported, self._lineage, commits, self.name)
            if last is not None:
                self._status.recall(last.to_document())

    def _fall_behind(self, record: Record) -> None:
        assert self._state is not None
        remedy = "Update this repository; or if going back is meant, commit it anew (git revert)"
        problem = behind(Path(self.name), self._state, record, remedy)
        self._status.say("Behind", [problem])

    async def follow(self, stopping: asyncio.Event) -> None:
        """Imports after every move of the branch, until `stopping` is set."""
        checking = asyncio.create_task(self._keep_checking(stopping), name=f"check {self.name}")
        waking = asyncio.create_task(self._wake_at(stopping), name=f"stop {self.name}")
        try:
            while not stopping.is_set():
                done = await self.import_now(patient=True)
                self._failures += 0 if done else 1
                await self._position.moved(self.woken, self._failures)
                self.woken.clear()
        finally:
            checking.cancel()
            waking.cancel()

    async def _wake_at(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self.woken.set()

    async def _keep_checking(self, stopping: asyncio.Event) -> None:
        while not await self._clock.wait(stopping, CHECK):
            async with self._busy:
                try:
                    await self._check()
                except StoreUnavailable:  # the loop says so
                    continue
                except Exception as error:
                    self._jobs.failed(self.name, error)

    async def _check(self) -> None:
        """Looks at what others imported: whether this branch is behind, or still is."""
        if self._state is None:
            return
        state = self._state
        record = await asyncio.to_thread(self._lineage.find, self.name, state)
        told = self._status.state
        older = record is not None and await asyncio.to_thread(is_older, state, record)
        if older != (told == "Behind") and told in ("Behind", "Imported"):
            self._look_anew()
        elif record is not None and key_of(state) == record.at:
            if self._record is not None and self._record.version != record.version:
                self._look_anew()  # somebody wrote something older over it
            self._record = record
            self._witness.agree(record.at)

    def _look_anew(self) -> None:
        self._done = None
        self.woken.set()


def _sentence(error: OttoError | GitRefused) -> str:
    return error.with_hint if isinstance(error, OttoError) else str(error)
