"""Makes a commit that brings the file of one bot back to what an earlier commit had.

It is made from trees alone: no work tree is needed, and one that has the branch checked out gets
the file only if nobody has changed it there. Before the branch moves, the new commit is read as an
import would read it: it changes this bot, to exactly what is asked for, and nothing else.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile.errors import InvalidInput, OttoError
from otto_reconcile.model.shared import Declaration, called, stream_of
from otto_reconcile.sources.commit_tree import ContentMissing, read_commit
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.git import GitRefused, environ, run

_NOBODY = ("tell me who you are", "no email was given", "no name was given", "empty ident")
_WHO = (
    "set user.name and user.email with `git config --global`, or GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL,"
    " GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL"
)
_SIGN = (
    "have Git sign with such a key: `git config --global` of gpg.format (ssh), user.signingkey and"
    " commit.gpgsign (true)"
)
_IDENTITY = ("GIT_AUTHOR_", "GIT_COMMITTER_")


@dataclass(frozen=True, slots=True)
class Revert:
    """What is to come back: `declaration`, from file `old` of `commit` to where `new` is now.

    `env` is the environment of which the bot is. `signers` are those whose commits are imported.
    """

    declaration: Declaration
    commit: str
    old: str
    new: str | None
    message: str
    env: str | None = None
    signers: Path | None = None


def revert(commits: Commits, branch: str, path: str, wanted: Revert) -> str:
    """The commit that was made, to which the branch has moved.

    Raises OttoError; then nothing is done.
    """
    try:
        tip, made = prepared(commits, branch, path, wanted)
    except ContentMissing as missing:
        raise OttoError(str(missing), hint="git fetch, or clone it whole") from None
    try:
        _move(commits, branch, (tip, made), wanted)
    except GitRefused as refused:
        raise OttoError(f"{commits.folder}: {refused}") from None
    return made


def prepared(commits: Commits, branch: str, path: str, wanted: Revert) -> tuple[str, str]:
    """Where the branch is, and the commit that is to come after that: no branch has it yet.

    Raises OttoError, and ContentMissing in a partial clone.
    """
    tip, before = commits.tip(branch), commits.find(wanted.commit)
    if tip is None or before is None:
        missing = branch if tip is None else f"commit {wanted.commit}"
        raise OttoError(f"{commits.folder} has no {missing} any more")
    try:
        made = _made(commits, tip, before, wanted)
        _refuse_other(commits, (tip, made), path, wanted)
        _refuse_unsigned(commits, made, wanted.signers)
    except GitRefused as refused:
        raise OttoError(f"{commits.folder}: {refused}") from None
    return tip, made


def _made(commits: Commits, tip: str, before: str, wanted: Revert) -> str:
    """A commit on the tip that no branch has yet."""
    entry = commits.ask("ls-tree", "-z", "--full-tree", before, "--", wanted.old).split(b"\0")[0]
    mode, _, blob = entry.partition(b"\t")[0].decode("ascii").split() if entry else ("", "", "")
    if not blob:
        raise OttoError(f"commit {wanted.commit} has no file {wanted.old}")
    with tempfile.TemporaryDirectory(prefix="otto-index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(commits, "read-tree", tip, more=index)
        if wanted.new not in (None, wanted.old):
            _git(commits, "update-index", "--force-remove", "--", str(wanted.new), more=index)
        cache = f"{mode},{blob},{wanted.old}"
        _git(commits, "update-index", "--add", "--cacheinfo", cache, more=index)
        tree = _git(commits, "write-tree", "--missing-ok", more=index)
    if tree == os.fsdecode(commits.ask("rev-parse", f"{tip}^{{tree}}")).strip():
        raise OttoError(f"the branch has {wanted.old} as it was in commit {wanted.commit} already")
    signed = (
        ("-S",) if _git(commits, "config", "--default=false", "commit.gpgsign") == "true" else ()
    )
    try:
        return _git(commits, "commit-tree", *signed, "-p", tip, "-m", wanted.message, tree)
    except GitRefused as refused:
        if not any(said in str(refused) for said in _NOBODY):
            raise
        raise OttoError("Git does not know who makes this commit", hint=_WHO) from None


def _refuse_unsigned(commits: Commits, made: str, signers: Path | None) -> None:
    """Raises OttoError if the commit would not be imported for want of a signature."""
    if signers is not None and commits.signature_fault(made, signers) is not None:
        raise OttoError(
            f"the commit would not be signed by a key of {signers}, and not be imported",
            hint=_SIGN,
        )


def _refuse_other(commits: Commits, sides: tuple[str, str], path: str, wanted: Revert) -> None:
    """Raises OttoError if the commit would do anything but what is asked for."""
    name = stream_of(wanted.declaration)
    by_hand = "git revert the commits by hand"
    try:
        tip, made = (
            {
                stream_of(one.declaration): one.declaration.digest()
                for one in read_commit(commits, side, path, env=wanted.env).loaded.declarations
            }
            for side in sides
        )
    except InvalidInput as error:
        shown = f"the commits cannot be compared: {error.problems[0]}"
        raise OttoError(shown, hint=by_hand) from None
    if made.get(name) != wanted.declaration.digest():
        shown = f"{wanted.old} alone does not bring {called(name)} back to that revision"
        raise OttoError(shown, hint=by_hand)
    others = sorted(
        one for one in tip.keys() | made.keys() if one != name and tip.get(one) != made.get(one)
    )
    if others:
        shown = f"{wanted.old} also holds {', '.join(others)}, which would be taken back too"
        raise OttoError(shown, hint=by_hand)


def _move(commits: Commits, branch: str, sides: tuple[str, str], wanted: Revert) -> None:
    """The branch, and the file where the branch is checked out. Raises GitRefused, OttoError."""
    tip, made = sides
    top = _work_tree(commits, branch)
    files = sorted({wanted.old, wanted.new or wanted.old})
    if top is not None:
        lock = Path(_git(commits, "rev-parse", "--git-path", "index.lock", top=top))
        if (top / lock).exists():
            raise OttoError(
                f"{top / lock} is there: another Git is at work in this work tree",
                hint="wait for it; if none runs any more, remove the file",
            )
        changed = _git(commits, "status", "--porcelain", "--ignored", "--", *_in(files), top=top)
        if changed:
            raise OttoError(
                f"{', '.join(files)}: there are changes that are not committed",
                hint="commit or stash them, and try again",
            )
    ref = ("update-ref", "-m", "otto-reconcile rollback", f"refs/heads/{branch}")
    _git(commits, *ref, made, tip)
    if top is None:
        return
    try:
        _git(commits, "reset", "-q", "--", *_in(files), top=top)
        _git(commits, "checkout", "-q", "--", *_in([wanted.old]), top=top)
    except GitRefused:
        _git(commits, *ref, tip, made)
        with suppress(GitRefused):
            _git(commits, "reset", "-q", "--", *_in(files), top=top)
        raise
    if wanted.new not in (None, wanted.old):
        (top / str(wanted.new)).unlink(missing_ok=True)


def _work_tree(commits: Commits, branch: str) -> Path | None:
    """Where the branch is checked out: in the folder that was named, or in a linked work tree."""
    place: str | None = None
    for line in _git(commits, "worktree", "list", "--porcelain").splitlines():
        name, _, value = line.partition(" ")
        if name == "worktree":
            place = value
        elif name == "branch" and value == f"refs/heads/{branch}" and place is not None:
            return Path(place) if Path(place).is_dir() else None  # else it was removed by hand
    return None


def _in(files: list[str]) -> list[str]:
    return [f":(top,literal){file}" for file in files]


def _git(
    commits: Commits, *arguments: str, more: dict[str, str] | None = None, top: Path | None = None
) -> str:
    """What Git says, with the person's identity; in the work tree `top`. Raises GitRefused."""
    who = {name: value for name, value in os.environ.items() if name.startswith(_IDENTITY)}
    place = ("-C", str(top)) if top is not None else (f"--git-dir={commits.gitdir}",)
    env = {**environ(), "GIT_OPTIONAL_LOCKS": "1", **who, **(more or {})}
    return os.fsdecode(run((*place, "--no-pager", *arguments), env)).strip()
