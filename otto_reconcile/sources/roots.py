"""Folders of manifests by name: which names are those of one folder.

A folder is known by the path as it was given, made absolute, with its links as they are: where a
link is swapped to the next release, that is the same folder with other content.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile.records.events import ROLLBACK, Source
from otto_reconcile.records.rollbacks import MANIFEST


def root_of(folder: Path) -> Path:
    """The name of a folder: absolute and tidy, links not resolved.

    A relative path counts from where the shell says that it is (`PWD`), which keeps links too. `..`
    is taken out only where that leads to the same place: behind a link it may not.
    """
    path = folder.expanduser()
    given = path if path.is_absolute() else _here() / path
    tidy = Path(os.path.normpath(given))
    if ".." in given.parts and os.path.realpath(tidy) != os.path.realpath(given):
        return Path(os.path.realpath(given))
    return tidy


def _here() -> Path:
    said = os.environ.get("PWD", "")
    try:
        if os.path.isabs(said) and os.path.samefile(said, os.curdir):
            return Path(said)
    except OSError:
        pass
    return Path.cwd()


def same_folder(root: Path, names: Iterable[str]) -> frozenset[str]:
    """Those of the names that are `root` by another name now, or were in an earlier release."""
    return frozenset(name for name in names if _is_same(str(root), name))


def _is_same(root: str, other: str) -> bool:
    if other == root or os.path.realpath(other) == os.path.realpath(root):
        return True
    return not os.path.lexists(other) and _was_release(Path(root), Path(other))


def _was_release(root: Path, other: Path) -> bool:
    """True if `other` stood where a link in `root` leads to now, as the releases before it do.

    Earlier versions kept the place behind the link as the folder's name.
    """
    for link in (root, *root.parents):
        if link.is_symlink():
            tail = root.relative_to(link).parts
            before = other.parts[: len(other.parts) - len(tail)]
            if before and other.parts[len(before) :] == tail:
                release = Path(*before)
                if release.parent == Path(os.path.realpath(link)).parent:
                    return not release.exists()
    return False


def within(file: str, roots: Iterable[str]) -> tuple[str, ...]:
    """The parts of a file's path below its folder, however the folder was named."""
    path = Path(file)
    names = [Path(root) for root in roots]
    if path.is_absolute():
        for root in names:
            if path.is_relative_to(root):
                return path.relative_to(root).parts
        real = Path(os.path.realpath(path))
        for root in (Path(os.path.realpath(name)) for name in names):
            if real.is_relative_to(root):
                return real.relative_to(root).parts
        return path.parts
    here = root_of(path)  # a relative one most likely counts from here
    for root in names:
        if here.is_relative_to(root):
            return here.relative_to(root).parts
    parts = path.parts
    for root in names:
        if root.name in parts:
            return parts[parts.index(root.name) + 1 :]
    return parts


_DECLARED = (MANIFEST, ROLLBACK)  # what is rolled back still belongs to its folder


@dataclass(frozen=True, slots=True)
class Home:
    """A folder under all its names: sources may have any of them."""

    root: str
    names: tuple[str, ...]

    def has(self, source: Source) -> bool:
        """True if it came from this folder."""
        return source.kind in _DECLARED and source.root in self.names

    def has_not(self, source: Source) -> bool:
        """True if it came from a manifest, but not as one of this folder."""
        return source.kind in _DECLARED and source.root not in self.names


def home_of(
    root: Path | None, names: Collection[str], sources: Mapping[str, Source]
) -> Home | None:
    """The home that is the folder `root`; `names` are other names of it. None without a folder."""
    if root is None:
        return None
    used = {source.root for source in sources.values() if source.root is not None}
    others = same_folder(root, used) | (used & set(names))
    return Home(str(root), (str(root), *sorted(others - {str(root)})))


def has_moved(source: Source, file: str, home: Home) -> bool:
    """True if it came from another file of this folder, however the folder was named."""
    if not home.has(source) or source.path is None:
        return False
    return within(source.path, home.names) != within(file, home.names)
