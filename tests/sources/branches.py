"""A repository and a daemon's branch of it, for the tests of commits as a source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from otto_reconcile.reconcile.reporter import Reporter
from otto_reconcile.reconcile.status import StatusBoard
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.settings import GitSettings
from otto_reconcile.sources.branch import Branch
from otto_reconcile.sources.position import position_of
from tests.reconcile.fakes import FastClock, Heard
from tests.sources.test_importer import MANIFEST
from tests.sources.test_provenance import commit, git


class Repo:
    """A work tree with manifests in `m`; `put` commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "m").mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")

    def write(self, name: str, text: str = "Helps.") -> Path:
        file = self.folder / "m" / f"{name}.yaml"
        file.write_text(MANIFEST.format(name).replace("Helps.", text))
        return file

    def put(self, *names: str, text: str = "Helps.", message: str = "change") -> str:
        for name in names:
            self.write(name, text)
        return commit(self.folder, message)

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments)


class Follower:
    """A daemon's branch; `start` is what a (re)start does."""

    def __init__(self, url: Path | str, stores: Stores, data_dir: Path, **options: Any) -> None:
        self.url, self.stores, self.data_dir, self.options = str(url), stores, data_dir, options
        self.start()

    def start(self) -> None:
        branch, path = self.options.get("branch"), self.options.get("path", "m")
        settings, clock = GitSettings(self.url, branch, path), FastClock(speed=1)
        self.log = Heard()
        self.reporter = Reporter(StatusBoard(None), clock, self.log)
        position = position_of(settings, self.data_dir, clock, 0.1)
        self.branch = Branch(
            settings,
            position,
            self.stores,
            self.reporter,
            clock,
            "tests",
            data_dir=self.data_dir,
            signers=self.options.get("signers"),
            env=self.options.get("env"),
        )

    async def restart(self) -> str:
        self.start()
        assert await self.branch.import_now()
        return self.state

    @property
    def told(self) -> dict[str, Any]:
        (told,) = self.reporter.board.status.git.values()
        return told

    @property
    def state(self) -> str:
        return str(self.told["state"])

    @property
    def problem(self) -> str:
        return " ".join(self.told["problems"])

    def said(self, name: str = "desk") -> str | None:
        found = self.stores.desired.read().bots.get(name)
        return found.bot.description if found is not None else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.branch.import_now()
        stopping = asyncio.Event()
        following = asyncio.create_task(self.branch.follow(stopping))
        try:
            yield
        finally:
            stopping.set()
            await following
