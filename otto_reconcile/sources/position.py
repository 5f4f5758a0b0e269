"""Where a branch is: of a repository on this machine, or of one elsewhere by a mirror of it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from otto_reconcile.errors import OttoError, SettingsError, TemporaryError
from otto_reconcile.runtime.backoff import CONNECTION, Backoff
from otto_reconcile.runtime.clock import Clock
from otto_reconcile.settings import GitSettings, without_credentials
from otto_reconcile.sources.commit_tree import ContentMissing, Read, read_commit
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.mirror import Mirror, Remote
from otto_reconcile.sources.missing import Refs
from otto_reconcile.sources.repository import origin_of
from otto_reconcile.sources.roots import root_of

POLL = 0.25
"""Seconds between two looks at the refs of a repository on this machine."""
RECHECK = 30.0
"""Seconds after which such a repository is asked although none of its refs seems to have moved."""
AGAIN = Backoff(most=300.0)
"""For a remote that does not answer."""
_TRIES = 5
_SCP_LIKE = re.compile(r"[^/:]+:(?!\\)")


@dataclass(frozen=True, slots=True)
class At:
    """The branch that is followed, and the commit it is at; None of what there is not.

    `told` is a remark for people, such as that the branch has another name now.
    """

    branch: str | None
    commit: str | None
    told: str | None = None


class Position(Protocol):
    """A branch that moves. `look` raises OttoError with a sentence if nobody can tell."""

    @property
    def where(self) -> str:
        """What the repository is called in names of sources; without credentials."""
        ...

    @property
    def gitdir(self) -> Path:
        """Where the commits are on this machine."""
        ...

    @property
    def authoritative(self) -> bool:
        """True if a look asks the one place that everybody follows, not somebody's clone of it."""
        ...

    async def look(self) -> At: ...

    async def commits(self) -> Commits:
        """The repository that has the commit of the last look."""
        ...

    async def complete(self, ids: Collection[str]) -> bool:
        """Brings contents that are missing; False if that cannot be done."""
        ...

    async def refs(self) -> Refs: ...

    async def renew(self) -> None:
        """Git could not read what was here a moment ago."""
        ...

    async def moved(self, woken: asyncio.Event, failures: int) -> None:
        """Returns when it is worth a look: after so many looks in a row that failed, later."""
        ...


def is_remote(url: str) -> bool:
    """True for a URL, and for what looks like `host:path`; False for a path of this machine."""
    return "://" in url or (_SCP_LIKE.match(url) is not None and not os.path.exists(url))


def position_of(
    settings: GitSettings, data_dir: Path | None, clock: Clock, interval: float
) -> Position:
    """`data_dir` is where a mirror may be kept; None for nowhere."""
    if not is_remote(settings.url):
        return Here(settings, clock)
    return Elsewhere(settings, data_dir, clock, interval)


async def read_whole(
    position: Position,
    commits: Commits,
    commit: str,
    path: str,
    *,
    env: str | None,
    may_be_gone: bool,
) -> Read:
    """As `read_commit`, after what a mirror lacks was fetched. Raises TemporaryError too."""
    for _ in range(_TRIES):
        try:
            return await asyncio.to_thread(
                read_commit, commits, commit, path, env=env, may_be_gone=may_be_gone
            )
        except ContentMissing as missing:
            if not await position.complete(missing.ids):
                raise TemporaryError(
                    f"{missing}: it is a partial clone, and what it lacks is not fetched here",
                    hint="name its remote with --git, or clone it whole",
                ) from None
    raise TemporaryError("the remote does not give the content of the commit")


class Here:
    """A repository on this machine, bare or with a work tree. Its refs are looked at."""

    authoritative = False

    def __init__(self, settings: GitSettings, clock: Clock) -> None:
        self._folder = root_of(Path(settings.url))
        self._branch, self._clock = settings.branch, clock
        self._named = settings.branch is not None
        self._marks: tuple[object, ...] = ()
        self._gitdir: Commits | None = None

    @property
    def where(self) -> str:
        return str(self._folder)

    @property
    def gitdir(self) -> Path:
        return self._gitdir.gitdir if self._gitdir is not None else self._folder

    async def look(self) -> At:
        return await asyncio.to_thread(self._look)

    def _look(self) -> At:
        commits = self._gitdir = Commits.at(self._folder)
        current = None if self._named else commits.current_branch()
        self._branch = self._branch or current
        if self._branch is None:
            raise SettingsError(
                f"{self._folder} is at no branch now", hint="name the one to follow with --branch"
            )
        self._marks = commits.marks(self._branch)
        tip, told = commits.tip(self._branch), None
        if tip is None and not self._named:
            other = commits.renamed_to(self._branch)
            if other is not None:
                told = f"the branch {self._branch} is called {other} now"
                self._branch, tip = other, commits.tip(other)
        return At(self._branch, tip, told)

    async def commits(self) -> Commits:
        return await asyncio.to_thread(Commits.at, self._folder)

    async def complete(self, ids: Collection[str]) -> bool:
        return False

    async def refs(self) -> Refs:
        commits = await self.commits()
        return Refs(commits.branches(), commits.tags())

    async def renew(self) -> None:
        """It is not ours to mend."""

    async def moved(self, woken: asyncio.Event, failures: int) -> None:
        until = self._clock.monotonic() + (CONNECTION.delay(failures) if failures else RECHECK)
        while self._clock.monotonic() < until and not await self._clock.wait(woken, POLL):
            if self._gitdir is None or self._branch is None:
                continue
            if await asyncio.to_thread(self._gitdir.marks, self._branch) != self._marks:
                return


class Elsewhere:
    """A repository elsewhere, which is asked now and then."""

    authoritative = True

    def __init__(
        self, settings: GitSettings, data_dir: Path | None, clock: Clock, interval: float
    ) -> None:
        remote = Remote.of(settings.url)
        named = origin_of(remote.url, Path()).partition(":")[2]
        self.where = without_credentials(named).removesuffix("/.git")
        self._branch, self._clock, self._interval = settings.branch, clock, interval
        self._own: str | None = None if data_dir is not None else tempfile.mkdtemp("", "otto-git-")
        folder = Path(self._own) if self._own is not None else _kept_in(data_dir, self.where)
        self._mirror = Mirror(remote, folder)
        self.gitdir = self._mirror.folder
        self._at = At(None, None)

    async def look(self) -> At:
        branch, commit = await self._mirror.look(self._branch)
        if branch is None:
            return await self._without_default()
        if commit is not None and (branch, commit) != (self._at.branch, self._at.commit):
            commit = await self._mirror.fetch(branch)
        told = None
        if self._at.branch not in (None, branch):
            told = f"the branch of the repository is {branch} now, not {self._at.branch}"
        self._at = At(branch, commit, told)
        return self._at

    async def _without_default(self) -> At:
        """Where the remote names no branch that is there: the one so far may be deleted."""
        branches = (await self._mirror.refs()).branches
        if not branches:
            raise OttoError("the repository has no branch yet", hint="push one")
        return At(None if self._at.branch in branches else self._at.branch, None)

    async def commits(self) -> Commits:
        return Commits.bare(self._mirror.folder)

    async def complete(self, ids: Collection[str]) -> bool:
        await self._mirror.complete(ids)
        return True

    async def refs(self) -> Refs:
        return await self._mirror.refs()

    async def renew(self) -> None:
        self._at = At(None, None)
        await asyncio.to_thread(self._mirror.remove)

    async def moved(self, woken: asyncio.Event, failures: int) -> None:
        await self._clock.wait(woken, AGAIN.delay(failures) if failures else self._interval)

    def __del__(self) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)


def _kept_in(data_dir: Path | None, where: str) -> Path:
    assert data_dir is not None
    return data_dir / "git" / re.sub(r"[^A-Za-z0-9._-]+", "-", where).strip("-.")[-80:]
