"""`diff --git-ref`: what differs between two commits, or between one and what is live."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from otto_reconcile.cli.foreseeing import foreseen
from otto_reconcile.cli.inputs import Brought, Inputs
from otto_reconcile.cli.unknown import not_there
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import InvalidInput, OttoError, Problem
from otto_reconcile.records.events import Desired
from otto_reconcile.render.lines import counted
from otto_reconcile.render.reports import Report
from otto_reconcile.settings import GitSettings
from otto_reconcile.sources.commit_tree import ContentMissing, Read, provenance, read_commit
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.git import GitRefused
from otto_reconcile.sources.importer import bring_in
from otto_reconcile.store.memory import MemoryStore

_ROOT = Path("git:")
"""The name under which both commits are imported, so that what has left is seen to have."""


class Repository:
    """The commits of one repository on this machine, and the folder in it that counts.

    `env` is the environment whose overlays change its manifests.
    """

    def __init__(self, settings: GitSettings, env: str | None = None) -> None:
        self._path, self._env = str(Path(settings.path)), env
        self.commits = Commits.at(Path(settings.url))

    def sides(self, refs: str) -> tuple[str | None, str]:
        """The commits that `A..B` or `A...B` names; of one alone the first is None.

        With three dots the first is where the second left it, as in a pull request. A side that is
        left out is HEAD. Raises OttoError for what names no commit.
        """
        first, dots, second = refs.partition("...") if "..." in refs else refs.partition("..")
        if not dots:
            return None, self._commit(refs)
        older, newer = self._commit(first or "HEAD"), self._commit(second or "HEAD")
        if dots == "...":
            older = self.commits.fork_of(older, newer) or older
        return older, newer

    def _commit(self, name: str) -> str:
        if (found := self.commits.find(name)) is not None:
            return found
        hint = "a shallow clone lacks what it was not made with: git fetch --unshallow"
        shown = f"{name!r} names no commit of {self.commits.folder}"
        raise OttoError(shown, hint=hint if self.commits.shallow else "git log lists them")

    def read(self, commit: str) -> Read:
        """Raises InvalidInput with every fault, and OttoError."""
        try:
            return read_commit(self.commits, commit, self._path, env=self._env)
        except ContentMissing as missing:
            raise OttoError(str(missing), hint="git fetch, or clone it whole") from None
        except GitRefused as refused:
            raise OttoError(f"{self.commits.folder}: {refused}") from None

    def is_there(self, commit: str) -> bool:
        """False if the commit has nothing at all where the manifests are."""
        return self._path == "." or self.commits.has(commit, self._path)

    def nothing(self, commit: str) -> Problem:
        """The fault of a commit without any manifests, where there were some."""
        message = f"it is gone in commit {commit[:12]}, and nothing of that would be imported"
        return Problem(self._path, 1, 1, message, "if it was moved, name it with --path")

    def inputs(self, commit: str) -> Inputs:
        """What a commit has, for a comparison with what is live."""
        read, about = self.read(commit), self.commits.about(commit)
        made_from = provenance(self.commits, about, read, self._path)
        return Inputs(read.loaded, commit=made_from)


def between(repository: Repository, older: str, newer: str, bot_ids: Sequence[str]) -> Report:
    """What the newer commit changes in the bots. No daemon, store or target is asked.

    Raises InvalidInput for faults of the newer one; those of the older one are a warning.
    """
    desired = DesiredState(MemoryStore())
    warnings: list[str] = []
    if repository.is_there(older):
        try:
            _bring(desired, repository.read(older))
        except InvalidInput as error:
            faults = f"{counted(len(error.problems), 'fault')}, such as {error.problems[0]}"
            warnings.append(f"nothing of {older[:12]} counts, since it has {faults}")
    before = desired.read()
    if before.bots and not repository.is_there(newer):
        raise InvalidInput([repository.nothing(newer)])
    brought = _bring(desired, repository.read(newer))
    after = desired.read()
    report = foreseen(desired.effective(before).bots, desired.effective(after).bots, brought)
    report = replace(report, warnings=(*warnings, *report.warnings))
    return _only(report, bot_ids, before, after) if bot_ids else report


def _bring(desired: DesiredState, read: Read) -> Brought:
    brought = Brought()
    foreign = read.loaded.foreign
    declarations = read.loaded.declarations
    brought.add(bring_in(desired, declarations, actor="diff", root=_ROOT, foreign=foreign))
    return brought


def _only(report: Report, bot_ids: Sequence[str], *sides: Desired) -> Report:
    """Of these bots alone. Raises NotFound for one that is on neither side."""
    known = {bot_id for side in sides for bot_id in side.bots}
    for bot_id in bot_ids:
        if bot_id not in known:
            raise not_there(bot_id, known)
    kept = {word: [i for i in ids if i in bot_ids] for word, ids in report.imported.items()}
    bots = [bot for bot in report.bots if bot.bot_id in bot_ids]
    return replace(report, bots=bots, imported={word: ids for word, ids in kept.items() if ids})


def path_of(given: str | None) -> str:
    """The folder that is named, else that of OTTO_MANIFESTS where that is one of a repository."""
    named = os.environ.get("OTTO_MANIFESTS", "")
    usual = named if named and not os.path.isabs(named) and ".." not in named else "manifests"
    return given or usual
