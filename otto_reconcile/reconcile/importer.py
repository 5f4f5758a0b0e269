"""Imports a folder of manifests into the desired state: as a whole, or not at all."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from otto_reconcile import guard, manifest
from otto_reconcile.desired import Desired, DesiredState, Source
from otto_reconcile.errors import Guarded, InvalidInput, Problem
from otto_reconcile.manifest import Loaded, LoadedWish
from otto_reconcile.resources import is_reserved
from otto_reconcile.resources.shared import Wish, is_shared, stream_of


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; all are ids of bots and names of shared documents, sorted.

    `moved` are as they were, but belonged to another folder until now. `withheld` are deletions
    that the guard refused, for the reason in `guarded`. `warnings` name what a person decides.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    guarded: Guarded | None = None
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.created or self.updated or self.moved or self.deleted)


def load(paths: list[Path], environ: Mapping[str, str]) -> Loaded:
    """All that the manifests hold. Raises InvalidInput with every fault of every file."""
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
    return loaded


def bring_in(
    desired: DesiredState,
    wishes: tuple[LoadedWish, ...],
    *,
    actor: str,
    root: Path | None = None,
    commit: str | None = None,
    kind: str = "manifest",
    prune: bool = True,
    foreign: Sequence[Problem] = (),
) -> Imported:
    """Wants bots and shared documents so; what came from the folder `root` and left it is deleted.

    What came from another folder and is in this one belongs to this one from now on. Without
    `root`, or without `prune`, nothing is deleted, and what is as it was stays whose it was.
    `foreign` are files of the folder that are no manifests. Raises StoreUnavailable, and
    InvalidInput if something would be deleted because its manifest is no longer one.
    """
    known = desired.read()
    before, sources = wishes_of(known), _sources(known)
    owner = root if prune else None
    if owner is not None:
        _refuse_lost(sources, wishes, foreign, owner)
    new, updated, moved, unchanged, again = [], [], [], [], set()
    for loaded in wishes:
        name = stream_of(loaded.wish)
        wanted = before.get(name)
        if wanted is None:
            new.append(loaded)
        elif wanted.digest() != loaded.wish.digest():
            updated.append(loaded)
        elif root is not None and _has_moved(sources[name], loaded.file, root):
            updated.append(loaded)
            again.add(name)
        elif owner is not None and _is_from_elsewhere(sources[name], owner):
            moved.append(loaded)
            again.add(name)
        else:
            unchanged.append(loaded)
    gone, withheld, guarded = _departed(known, wishes, owner)
    place = str(root) if root is not None else None
    pairs = [
        (w.wish, Source(kind=kind, path=w.file, root=place, commit=commit))
        for w in (*new, *updated, *moved)
    ]
    desired.put_many(pairs, actor=actor, moved=again)
    if gone:
        desired.delete_many(gone, source=Source(kind=kind, root=place), actor=actor)
    done = (_names(new), _names(updated), gone, _names(moved), _names(unchanged))
    return Imported(*done, withheld, guarded, tuple(_left_behind(sources, wishes, owner)))


def wishes_of(desired: Desired) -> dict[str, Wish]:
    """All that is wanted, by what its revisions are kept under."""
    documents = {name: one.document for name, one in desired.shared.items()}
    return {**{bot_id: wanted.bot for bot_id, wanted in desired.bots.items()}, **documents}


def _departed(
    known: Desired, wishes: tuple[LoadedWish, ...], root: Path | None
) -> tuple[tuple[str, ...], tuple[str, ...], Guarded | None]:
    """What is to be deleted, what the guard keeps, and its reason.

    Bots are guarded for themselves, so that shared documents that are left cannot stand in for
    them; what they share stays as long as they do.
    """
    if root is None:
        return (), (), None
    sources = _sources(known)
    there = {stream_of(loaded.wish) for loaded in wishes}
    from_here = {name for name, source in sources.items() if _is_from(source, root)}
    going = tuple(sorted(from_here - there))
    try:
        guard.check(_bots(there), _bots(from_here), of="bots of this folder")
        guard.check(there, from_here, of="bots and shared documents of this folder")
        guard.check(sources.keys() - set(going) | there, sources.keys())
    except Guarded as error:
        return (), going, error
    return going, (), None


def _refuse_lost(
    sources: Mapping[str, Source],
    wishes: tuple[LoadedWish, ...],
    foreign: Sequence[Problem],
    root: Path,
) -> None:
    """A file that is half written, or lost its first lines, must not delete what it held."""
    there = {stream_of(loaded.wish) for loaded in wishes}
    files = {_within(problem.file, root): problem for problem in foreign}
    lost = [
        replace(fault, message=f"this was the manifest of {name}; {fault.message}", hint=_MEND)
        for name, source in sources.items()
        if name not in there and _is_from(source, root) and source.path is not None
        for fault in [files.get(_within(source.path, root))]
        if fault is not None
    ]
    if lost:
        raise InvalidInput(lost)


_MEND = "mend it, or remove the file"


def _bots(names: set[str]) -> set[str]:
    return {name for name in names if not is_shared(name)}


def _sources(known: Desired) -> dict[str, Source]:
    sources = {bot_id: one.source for bot_id, one in known.bots.items()}
    return sources | {name: one.source for name, one in known.shared.items()}


def _has_moved(source: Source, file: str, root: Path) -> bool:
    """True if it came from another file of this folder, however the folder was named."""
    if not _is_from(source, root) or source.path is None:
        return False
    return _within(source.path, root) != _within(file, root)


def _within(file: str, root: Path) -> tuple[str, ...]:
    path = Path(file)
    if path.is_absolute():
        path = path.resolve()
        return path.relative_to(root).parts if path.is_relative_to(root) else path.parts
    parts = path.parts
    return parts[parts.index(root.name) + 1 :] if root.name in parts else parts


def _is_from(source: Source, root: Path) -> bool:
    return source.kind == "manifest" and source.root == str(root)


def _is_from_elsewhere(source: Source, root: Path) -> bool:
    """True if it came from a manifest, but not as one of this folder."""
    return source.kind == "manifest" and source.root != str(root)


def _left_behind(
    sources: Mapping[str, Source], wishes: tuple[LoadedWish, ...], root: Path | None
) -> Iterator[str]:
    """A sentence for each other folder that this one takes from, if it does not have all of it.

    It may be this one in a new place, without what was deleted meanwhile; or a folder of its own.
    """
    if root is None:
        return
    there = {stream_of(loaded.wish) for loaded in wishes}
    elsewhere = {n: s for n, s in sources.items() if s.root and _is_from_elsewhere(s, root)}
    for other in sorted({str(source.root) for n, source in elsewhere.items() if n in there}):
        left = tuple(sorted(n for n in elsewhere.keys() - there if elsewhere[n].root == other))
        if left:
            missing = f"{root} takes over from {other}, and does not have {guard.some(left)}"
            yield f"{missing}; {guard.by_name(left)}"


def _names(wishes: list[LoadedWish]) -> tuple[str, ...]:
    return tuple(sorted(stream_of(loaded.wish) for loaded in wishes))


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
