"""A Git repository as commits, without a look at any work tree: where a branch is, and what it has.

Commits are named by their full hash. Nothing here writes to the repository.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from otto_reconcile.errors import OttoError
from otto_reconcile.runtime.escaping import visible
from otto_reconcile.sources.git import GitRefused, ask, is_hash
from otto_reconcile.sources.repository import ANCESTORS, SHORT, names_of

_LONGEST = 200
"""Characters of an author or a subject that are kept."""


@dataclass(frozen=True, slots=True)
class Commit:
    """`author` is a name with an address, `subject` the first line of the message, both short."""

    id: str
    author: str
    subject: str
    time: datetime

    @property
    def short(self) -> str:
        return self.id[:SHORT]

    def of_source(self) -> dict[str, str]:
        """As the fields of a Source have it."""
        document = self.to_document()
        names = {"author": "author", "subject": "subject", "time": "committed"}
        return {"commit": self.short, **{field: document[n] for n, field in names.items()}}

    def to_document(self) -> dict[str, str]:
        time = self.time.isoformat(timespec="seconds")
        return {"id": self.id, "author": self.author, "subject": self.subject, "time": time}


@dataclass(frozen=True, slots=True)
class Commits:
    """One repository: its own folder (`gitdir`), and the one that its work trees share."""

    folder: Path
    gitdir: Path
    common: Path
    shallow: bool = False

    @classmethod
    def at(cls, folder: Path) -> Commits:
        """The repository in or around a folder. Raises OttoError with what to do."""
        try:
            said = ask(
                folder, "rev-parse", "--path-format=absolute", "--is-shallow-repository",
                "--git-dir", "--git-common-dir",
            )  # fmt: skip
        except GitRefused as refused:
            raise _refusal(folder, refused) from None
        lines = os.fsdecode(said).splitlines()
        if len(lines) != 3:
            raise OttoError(f"{folder}: git does not say where its repository is")
        return cls(folder, Path(lines[1]), Path(lines[2]), lines[0] == "true")

    @classmethod
    def bare(cls, folder: Path) -> Commits:
        """A bare repository that is known to be one."""
        return cls(folder, folder, folder)

    def ask(self, *arguments: str, given: bytes = b"") -> bytes:
        """What Git says of this very repository, and of none around it. Raises GitRefused."""
        return ask(self.gitdir, f"--git-dir={self.gitdir}", *arguments, given=given)

    def _said(self, *arguments: str) -> str:
        """The same as text; "" where Git refuses."""
        try:
            return os.fsdecode(self.ask(*arguments)).strip()
        except GitRefused:
            return ""

    def current_branch(self) -> str | None:
        """The branch that is checked out; None between two, as in the middle of a rebase."""
        return self._said("symbolic-ref", "-q", "--short", "HEAD") or None

    def branches(self) -> list[str]:
        return self._said("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()

    def tags(self) -> list[str]:
        return self._said("for-each-ref", "--format=%(refname:short)", "refs/tags").splitlines()

    def find(self, name: str) -> str | None:
        """The commit that a branch is at, or else a tag, a remote's branch, or any revision."""
        places = ("refs/heads/", "refs/tags/", "refs/remotes/", "")
        for ref in (f"{place}{name}" for place in places):
            if not ref.startswith("-") and (found := self._commit(ref)) is not None:
                return found
        return None

    def tip(self, branch: str) -> str | None:
        """The commit that a branch is at; None if there is no such branch, or none of its own."""
        return self._commit(f"refs/heads/{branch}")

    def _commit(self, ref: str) -> str | None:
        commit = self._said("rev-parse", "-q", "--verify", f"{ref}^{{commit}}")
        return commit if is_hash(commit) else None

    def fork_of(self, one: str, other: str) -> str | None:
        """The newest commit that both come from."""
        found = self._said("merge-base", one, other)
        return found if is_hash(found) else None

    def has(self, commit: str, path: str) -> bool:
        """True if there is a file or folder of this path."""
        return bool(self._said("ls-tree", "--full-tree", "--name-only", commit, "--", path))

    def renamed_to(self, branch: str) -> str | None:
        """The name that a branch has now, by what Git's log of it says; None if it was deleted.

        A repository that keeps no such logs, as bare ones do not, does not say it.
        """
        sign = f"renamed refs/heads/{branch} to refs/heads/"
        found = [
            name
            for name in self.branches()
            if sign in self._said("reflog", "show", "--format=%gs", f"refs/heads/{name}")
        ]
        return found[0] if len(found) == 1 else None

    def about(self, commit: str) -> Commit:
        """Raises GitRefused for a commit that is not there."""
        form = "--format=%an <%ae>%x00%s%x00%ct"
        said = self.ask("show", "-s", "--no-show-signature", form, commit)
        author, subject, time = said.decode("utf-8", "replace").rstrip("\n").split("\0")
        author, subject = visible(author)[:_LONGEST], visible(subject)[:_LONGEST]
        return Commit(commit, author, subject, datetime.fromtimestamp(int(time), UTC))

    def ancestors(self, commit: str) -> tuple[str, ...]:
        """The newest of those before it, as many as a record keeps."""
        return tuple(self._said("rev-list", "-n", str(ANCESTORS + 1), commit).split()[1:])

    def names(self) -> tuple[str, ...]:
        """As `repository.names_of`."""
        return names_of(self.gitdir, self.common)

    def signature_fault(self, commit: str, signers: Path) -> str | None:
        """Why a commit is not signed by a key of `signers`; None if it is.

        `signers`, an absolute path, is in the form of ssh-keygen's ALLOWED SIGNERS, as in
        gpg.ssh.allowedSignersFile.
        """
        config = (
            "-c", "gpg.format=ssh", "-c", "gpg.ssh.program=ssh-keygen",
            "-c", "gpg.program=false", "-c", "gpg.openpgp.program=false",  # never a repository's
            "-c", "gpg.x509.program=false",
            "-c", f"gpg.ssh.allowedSignersFile={signers}",
        )  # fmt: skip
        try:
            self.ask(*config, "verify-commit", commit)
        except GitRefused as refused:
            said = str(refused) or "it is not signed"
            return f"commit {commit[:SHORT]} is not signed by a key of {signers}: {said}"
        return None

    def marks(self, branch: str) -> tuple[object, ...]:
        """What differs once the branch, or what is checked out, may have moved. Reads no content.

        Git replaces these files whole, so that each has another inode after a change.
        """
        files = (
            self.gitdir / "HEAD",
            self.common / "packed-refs",
            self.common / "refs" / "heads" / branch,
            self.common / "reftable" / "tables.list",
        )
        return tuple(_mark(file) for file in files)


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):  # of a branch such as `team/main`, the branch `team`
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refusal(folder: Path, refused: GitRefused) -> OttoError:
    if refused.missing:
        return OttoError("--git needs the command git", hint="install git")
    if not folder.is_dir():
        return OttoError(f"{folder}: there is no such folder", hint="name a repository, or its URL")
    if "dubious ownership" in str(refused):
        return OttoError(
            f"{folder}: this repository belongs to another user, so git does not read it",
            hint=f"git config --global --add safe.directory {folder}",
        )
    if "not a git repository" in str(refused):
        return OttoError(f"{folder} is no Git repository, nor in one", hint="git init makes one")
    return OttoError(f"{folder}: {refused}")
