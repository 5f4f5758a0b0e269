"""Where manifests come from: which Git commit has exactly these files, and what state they are."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from otto_reconcile.manifest.reading import MAX_BYTES
from otto_reconcile.sources.repository import SHORT, Repository, State


@dataclass(frozen=True, slots=True)
class Provenance:
    """The state of a folder, and by file the commit that has exactly that file.

    A file that the commit has otherwise gets `<commit>-dirty`, one that it does not have gets none.
    `about` has, where all is of one commit, the `commit`, `author`, `subject` and `committed` of a
    Source.
    """

    state: State | None = None
    commits: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


Texts: TypeAlias = Mapping[str, Collection[Path]]
"""By manifest, the files whose text it includes."""


def of_files(files: Iterable[str], texts: Texts | None = None) -> dict[str, str]:
    """By file, the commit that it belongs to; files of any repositories."""
    names = set(files)
    inner = {str(path) for name in names for path in (texts or {}).get(name, ())}
    contents = {name: _content(Path(name)) for name in names | inner}
    commits = _with_texts(_commits(contents, {}), texts or {})
    return {name: commit for name, commit in commits.items() if name in names}


def of_folder(folder: Path, files: Iterable[Path], texts: Texts | None = None) -> Provenance:
    """Where the files of a folder come from, and the state that they are together."""
    paths = list(files)
    contents = {str(path): _content(path) for path in paths}
    repositories: dict[Path, Repository | None] = {}
    commits = _with_texts(_commits(contents, repositories), texts or {})
    digest = hashlib.sha256()
    for name in sorted(contents):
        said = hashlib.sha256(contents[name] or b"").hexdigest()
        digest.update(f"{os.path.relpath(name, folder)}\0{said}\n".encode(errors="surrogateescape"))
    changed = _changed(paths, folder)
    state = State(digest.hexdigest(), changed=changed)
    repository = _repository_of(Path(os.path.realpath(folder)), repositories)
    if repository is None:
        return Provenance(state, commits)
    clean = all("-" not in commits.get(name, "-") for name in contents)
    return Provenance(repository.state(folder, state, clean), commits)


def _commits(
    contents: Mapping[str, bytes | None], repositories: dict[Path, Repository | None]
) -> dict[str, str]:
    found = {}
    for name, content in contents.items():
        real = Path(os.path.realpath(name))
        repository = _repository_of(real.parent, repositories)
        if repository is None or content is None:
            continue
        blob = repository.blob(real)
        if blob is not None:
            same = blob in _blob_ids(content, len(blob))
            found[name] = repository.commit[:SHORT] + ("" if same else "-dirty")
    return found


def _with_texts(commits: dict[str, str], texts: Texts) -> dict[str, str]:
    """A manifest is as its commit has it only if what it includes is, too."""
    dirty = {
        name
        for name, files in texts.items()
        if any("-" in commits.get(str(file), "-") for file in files)
    }
    return {
        name: f"{commit}-dirty" if name in dirty and "-" not in commit else commit
        for name, commit in commits.items()
    }


def _repository_of(folder: Path, repositories: dict[Path, Repository | None]) -> Repository | None:
    """The innermost one around a folder."""
    top = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    if top is None:
        return None
    if top not in repositories:
        repositories[top] = Repository.around(top)
    return repositories[top]


def _blob_ids(content: bytes, length: int) -> set[str]:
    """The ids that Git gives to such a file, also where it turns line ends on the way."""
    algorithm = hashlib.sha1 if length == 40 else hashlib.sha256
    forms = {content, content.replace(b"\r\n", b"\n")}
    return {algorithm(b"blob %d\0" % len(form) + form).hexdigest() for form in forms}


def _content(path: Path) -> bytes | None:
    """The bytes of a regular file; None for anything else, and none of it blocks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        return file.read(MAX_BYTES + 1)


def _changed(files: Sequence[Path], folder: Path) -> datetime | None:
    """When a file, or a folder that has one, was last touched."""
    times = []
    for path in {folder, *files, *(file.parent for file in files)}:
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return datetime.fromtimestamp(max(times), UTC) if times else None
