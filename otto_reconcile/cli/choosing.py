"""Which bots `delete` is about: those named, or all of a sort that one word names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from otto_reconcile.cli.unknown import not_there
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import Loaded
from otto_reconcile.model.shared import is_shared
from otto_reconcile.records.events import Desired
from otto_reconcile.records.row_loss import rowless
from otto_reconcile.sources.commit_tree import read_commit
from otto_reconcile.sources.commits import Commits
from otto_reconcile.sources.departures import gone_from
from otto_reconcile.sources.importer import load
from otto_reconcile.sources.lineage import Lineage
from otto_reconcile.sources.roots import root_of
from otto_reconcile.store.base import Store


@dataclass(frozen=True, slots=True)
class Chosen:
    """Exactly one of these says what is to go: names, everything, or what a guard kept.

    `held_back` are those that have lost their rows, or are on a target and wanted no longer.
    """

    names: Sequence[str] = ()
    everything: bool = False
    held_back: bool = False
    folder: Path | None = None
    env: str | None = None

    def __post_init__(self) -> None:
        given = (bool(self.names), self.everything, self.held_back, self.folder is not None)
        if sum(given) != 1:
            raise typer.BadParameter(
                "give ids of bots, or one of --all, --held-back and --gone-from",
                param_hint="BOT",
            )

    def of(
        self,
        store: Store,
        found: Desired,
        applied: frozenset[str],
        commits: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> list[str]:
        """What it means now, sorted. Raises OttoError if that is nothing, or not known.

        `commits` are the repositories that the running daemon follows, as its status has them.
        """
        if self.names:
            names = set(self.names)
            _refuse_unknown(sorted(names), found, applied)
        elif self.folder is not None:
            names = _gone_from(self.folder, store, found, self.env, commits or {})
        elif self.held_back:
            unwanted = applied - found.bots.keys() - found.unreadable.keys() - _deleted(store)
            names = rowless(store, found) | unwanted
        else:
            names = {*found.bots, *found.unreadable, *found.shared, *found.unreadable_shared}
            names |= applied - _deleted(store)
        if not names:
            raise OttoError("nothing was deleted: there is nothing of that sort")
        return sorted(names, key=lambda name: (is_shared(name), name))


def _refuse_unknown(names: Sequence[str], found: Desired, applied: frozenset[str]) -> None:
    bots = found.bots.keys() | found.unreadable.keys() | applied
    known = bots | found.shared.keys() | found.unreadable_shared.keys()
    for name in names:
        if name not in known:
            raise not_there(name, {*found.bots, *found.shared})


def _gone_from(
    folder: Path,
    store: Store,
    found: Desired,
    env: str | None,
    commits: Mapping[str, Mapping[str, Any]],
) -> set[str]:
    """A folder that is there no longer has no manifests; a file that is no folder is refused."""
    if str(folder).startswith("git:"):
        return _gone_from_commit(str(folder), store, found, commits)
    root = root_of(folder)
    if root.exists() and not root.is_dir():
        raise OttoError(f"{folder} is not a folder")
    there = load([root], os.environ, env=env) if root.is_dir() else Loaded()
    return gone_from(root, Lineage(store).names(str(root)), found, there)


def _gone_from_commit(
    name: str, store: Store, found: Desired, commits: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """By the commit that is in force of a repository, which the running daemon knows."""
    followed = commits.get(name) or {}
    if not followed.get("commit"):
        known = ", ".join(commits) or "none"
        raise OttoError(
            f"no running daemon has a commit of {name} in force",
            hint=f"start it, or name the bots one by one; it follows: {known}",
        )
    if followed.get("state") == "Behind":
        raise OttoError(
            f"{name} is behind here: what is gone from its commit may be newer than that",
            hint="bring the repository up to date, or name the bots one by one",
        )
    there = read_commit(
        Commits.bare(Path(followed["gitdir"])),
        followed["commit"]["id"],
        followed["path"],
        may_be_gone=True,
        env=followed.get("environment"),
    )
    return gone_from(Path(name), Lineage(store).names(name), found, there.loaded)


def _deleted(store: Store) -> set[str]:
    """Those whose deletion is recorded: the daemon takes them off the target by itself."""
    return {str(head.get("bot_id")) for head in store.find("heads", {"deleted": True})}
