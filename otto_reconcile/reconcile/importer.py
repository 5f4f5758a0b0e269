"""Imports a folder of manifests into the desired state: as a whole, or not at all."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile import guard, manifest
from otto_reconcile.desired import DesiredState, Source
from otto_reconcile.errors import Guarded, InvalidInput, Problem
from otto_reconcile.manifest import LoadedBot
from otto_reconcile.resources import is_reserved


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or with `dry_run` would do; all are bot ids, sorted.

    `withheld` are deletions that the guard refused, for the reason in `guarded`.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    guarded: Guarded | None = None

    @property
    def changes(self) -> bool:
        return bool(self.created or self.updated or self.deleted)


def load(paths: list[Path], environ: Mapping[str, str]) -> tuple[LoadedBot, ...]:
    """The bots of the manifests. Raises InvalidInput with every fault of every file."""
    loaded = manifest.load(paths, environ=environ)
    problems = [
        Problem(
            b.file, b.line, 1, f"the bot {b.bot.id!r} is reserved", "choose another id and name"
        )
        for b in loaded.bots
        if is_reserved(b.bot.id, b.bot.name)
    ]
    if problems:
        raise InvalidInput(problems)
    return loaded.bots


def bring_in(
    desired: DesiredState,
    bots: tuple[LoadedBot, ...],
    *,
    actor: str,
    root: Path | None = None,
    commit: str | None = None,
    kind: str = "manifest",
    prune: bool = True,
    dry_run: bool = False,
) -> Imported:
    """Writes the bots as desired; bots that came from the folder `root` and left it are deleted.

    Without `root`, or without `prune`, nothing is deleted. Raises StoreUnavailable.
    """
    known = desired.read()
    new, updated, unchanged = [], [], []
    for loaded in bots:
        wanted = known.bots.get(loaded.bot.id)
        if wanted is None:
            new.append(loaded)
        elif wanted.bot.digest() != loaded.bot.digest():
            updated.append(loaded)
        else:
            unchanged.append(loaded)
    gone, withheld, guarded = _departed(known.bots, bots, root if prune else None)
    if not dry_run:
        place = str(root) if root is not None else None
        sources = [
            (b.bot, Source(kind=kind, path=b.file, root=place, commit=commit))
            for b in (*new, *updated)
        ]
        desired.put_many(sources, actor=actor)
        if gone:
            desired.delete_many(gone, source=Source(kind=kind, root=place), actor=actor)
    return Imported(_ids(new), _ids(updated), gone, _ids(unchanged), withheld, guarded)


def _departed(
    known: Mapping[str, object], bots: tuple[LoadedBot, ...], root: Path | None
) -> tuple[tuple[str, ...], tuple[str, ...], Guarded | None]:
    """The bots to delete, the ones that the guard keeps, and its reason."""
    if root is None:
        return (), (), None
    there = {loaded.bot.id for loaded in bots}
    from_here = {bot_id for bot_id, wanted in known.items() if _came_from(wanted, root)}
    going = tuple(sorted(from_here - there))
    try:
        guard.check(there, from_here, of="bots of this folder")
        guard.check(known.keys() - set(going) | there, known.keys())
    except Guarded as error:
        return (), going, error
    return going, (), None


def _came_from(wanted: object, root: Path) -> bool:
    source = getattr(wanted, "source", None)
    return source is not None and source.kind == "manifest" and source.root == str(root)


def _ids(bots: list[LoadedBot]) -> tuple[str, ...]:
    return tuple(sorted(loaded.bot.id for loaded in bots))


def commit_of(folder: Path) -> str | None:
    """The git commit that is checked out there, with `-dirty` if files differ; None without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
