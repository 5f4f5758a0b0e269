"""A folder of manifests as the home of what was declared in it, under all the names that it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile.records.events import Source
from otto_reconcile.sources.roots import same_folder, within


@dataclass(frozen=True, slots=True)
class Home:
    """A folder under all its names: sources may have any of them."""

    root: str
    names: tuple[str, ...]

    def has(self, source: Source) -> bool:
        """True if it came from this folder."""
        return source.kind == "manifest" and source.root in self.names

    def has_not(self, source: Source) -> bool:
        """True if it came from a manifest, but not as one of this folder."""
        return source.kind == "manifest" and source.root not in self.names


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
