"""`rollback --commit`: the commit that brings a bot back, in the repository that is followed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otto_reconcile.cli.places import find_daemon
from otto_reconcile.errors import OttoError, TemporaryError
from otto_reconcile.model.shared import called
from otto_reconcile.records.events import Event
from otto_reconcile.settings import Settings
from otto_reconcile.sources.commit_tree import ContentMissing
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.git import GitRefused
from otto_reconcile.sources.mirror import Mirror, remote_of
from otto_reconcile.sources.reverting import Revert, prepared, revert

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Made:
    """A commit that was made, on which branch of which repository."""

    commit: str
    branch: str
    repository: str


def make_commit(settings: Settings, to: Event, newest: Event, reason: str | None) -> Made:
    """Raises OttoError, and nothing is done, if it cannot be made in exactly the way that is meant.

    `newest` is the last revision, which says from what repository the bot is.
    """
    followed = _followed(settings, newest)
    declaration, commit, old = to.declaration, to.source.commit, to.source.path
    if declaration is None or commit is None or old is None or "-" in commit:
        raise OttoError(
            f"revision {to.revision} of {called(to.bot_id)} is from no commit",
            hint="leave --commit out: then a revision is made, and the manifest waits",
        )
    new = newest.source.path if newest.declaration is not None else None
    message = f"Bring {called(to.bot_id)} back to revision {to.revision}"
    message += f"\n\n{reason}" if reason else ""
    signers = Path(followed["signers"]) if followed.get("signers") else None
    env = followed.get("environment")
    wanted = Revert(declaration, commit, old, new, message, env, signers)
    branch, path = str(followed["branch"]), str(followed["path"])
    if not followed["elsewhere"]:
        here = Commits.at(Path(str(followed["repository"])))
        made = revert(here, branch, path, wanted)
    else:
        made = asyncio.run(pushed(Path(str(followed["gitdir"])), branch, path, wanted))
    return Made(made, branch, str(followed["repository"]))


async def pushed(folder: Path, branch: str, path: str, wanted: Revert) -> str:
    """The commit is made in the mirror of a repository elsewhere, and pushed from there.

    It comes after where the branch is now. Raises OttoError; then nothing is done.
    """
    try:
        mirror = Mirror(remote_of(folder), folder)
        await mirror.fetch(branch)
        for _ in range(_TRIES):
            try:
                _, made = prepared(Commits.bare(folder), branch, path, wanted)
                break
            except ContentMissing as missing:
                await mirror.complete(missing.ids)
        else:
            raise TemporaryError("the remote does not give the content of the commits")
        await mirror.push(made, branch)
    except (TemporaryError, GitRefused) as error:
        raise OttoError(
            f"the commit could not be pushed: {error}",
            hint="if the branch has moved, try again; else see who may push, and OTTO_GIT_TOKEN",
        ) from None
    return made


def _followed(settings: Settings, newest: Event) -> Mapping[str, Any]:
    """The repository of the bot, as the running daemon follows it."""
    known = (find_daemon(settings) or {}).get("git") or {}
    followed: Mapping[str, Any] | None = known.get(newest.source.root)
    if followed is None:
        raise OttoError(
            f"{called(newest.bot_id)} is from no repository that a running daemon follows",
            hint="--commit is for bots of `run --git`; leave it out for others",
        )
    return followed
