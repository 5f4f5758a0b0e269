"""Finds the files that hold manifests, and reads them. Called by `loading` and by watchers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest import ignoring
from otto_reconcile.manifest.foreign import MARK, left_out
from otto_reconcile.manifest.reading import (
    STANDARD_INPUT,
    decoded,
    is_in,
    is_piped,
    is_standard_input,
    name_of,
    read_bytes,
    refusal,
)

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class Source:
    """A file with its text; `name` is how messages call it.

    `root` is the folder that was named, or the one of the file that was; None of what is piped in.
    `found` is True for a file that nobody named: it was in a folder.
    """

    name: str
    text: str
    path: Path = STANDARD_INPUT
    root: Path | None = None
    found: bool = False


def is_manifest(path: Path) -> bool:
    """True for a name that a manifest may have: not for editors' swap and backup files."""
    return _is_manifest(path.name)


def _is_manifest(name: str) -> bool:
    suffix = os.path.splitext(name)[1]
    return suffix.lower() in SUFFIXES and not name.startswith((".", "#", "~"))


def matters(path: Path) -> bool:
    """True for a file that holds manifests, or says which files do."""
    return path.name == ignoring.NAME or is_manifest(path)


def read_all(
    paths: Iterable[Path | Source], problems: list[Problem], foreign: list[Problem]
) -> Iterator[Source]:
    """Each file below the paths once, folders in the order of names; faults go to `problems`.

    What cannot be read as text and is no manifest's goes to `foreign`, if it was in a folder, and
    so does what leads nowhere now: a folder of manifests may be behind it.
    """
    seen: set[str] = set()
    for path in paths:
        if isinstance(path, Source):
            yield path
            continue
        folder = os.path.isdir(path)
        unseen: list[Path] = []
        for file in _files(path, problems, unseen):
            real = _real(file)
            if file.name == ignoring.NAME or real in seen:
                continue
            seen.add(real)
            source = _source(file, path if folder else None, problems, foreign)
            if source is not None:
                yield source
        foreign += (left_out(leads_nowhere(one)) for one in unseen if not os.path.isdir(one))


def leads_nowhere(path: Path) -> Problem:
    """The line about a link whose target is not there, or cannot be reached."""
    return Problem(name_of(path), 1, 1, "it leads nowhere now, so what is behind it is not known")


def files_below(folder: Path) -> Iterator[Path]:
    """The files that `read_all` would read, in its order, and those that say which these are.

    A folder that cannot be listed, and a link that leads nowhere, stand for what is in them.
    """
    unseen: list[Path] = []
    yield from _files(folder, [], unseen)
    yield from unseen


def _real(path: Path) -> str:
    try:
        return "-" if is_standard_input(path) else os.path.realpath(path)
    except ValueError:  # a name with a NUL: there is no such file, as reading it tells
        return str(path)


def _files(path: Path, problems: list[Problem], unseen: list[Path]) -> Iterator[Path]:
    if is_standard_input(path) or not os.path.isdir(path):
        yield path
    else:
        yield from _below(path, problems, unseen, ignoring.Rules(), set())


def _below(
    folder: Path,
    problems: list[Problem],
    unseen: list[Path],
    rules: ignoring.Rules,
    seen: set[str],
) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen:  # links lead here more than once, perhaps in a circle
        return
    seen.add(real)
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda one: one.name)
    except OSError as error:
        problems += refusal(folder, error).problems
        unseen.append(folder)
        return
    rules = rules.below(folder, problems)
    for entry in entries:
        path = folder / entry.name
        if entry.name == ignoring.NAME:
            yield path
        if entry.name.startswith("."):
            continue
        inner = os.path.isdir(path) if entry.is_symlink() else entry.is_dir()
        if rules.leave_out(path, folder=inner):
            continue
        if inner:
            yield from _below(path, problems, unseen, rules, seen)
        elif _is_manifest(entry.name):
            yield path
        elif not os.path.exists(path):
            unseen.append(path)


def read_one(path: Path, root: Path | None = None) -> Source:
    """The file; `root` is the folder in which it was found. Raises InvalidInput."""
    name = name_of(path)
    _refuse_name(path, name)
    return _decoded(path, root, name, read_bytes(path))


def _source(
    path: Path, root: Path | None, problems: list[Problem], foreign: list[Problem]
) -> Source | None:
    name, data = name_of(path), b""
    try:
        _refuse_name(path, name)
        data = read_bytes(path)
        return _decoded(path, root, name, data)
    except InvalidInput as error:
        if root is not None and data and not is_in(path, MARK.encode()):
            foreign += map(left_out, error.problems)
        else:
            problems += error.problems
        return None


def _decoded(path: Path, root: Path | None, name: str, data: bytes) -> Source:
    home = None if is_piped(path) else path.parent
    return Source(name, decoded(name, data), path, root or home, found=root is not None)


def _refuse_name(path: Path, name: str) -> None:
    """Raises InvalidInput for a name that could not be kept as the source of a bot."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        message = "the name of this file or of its folder is not UTF-8"
        raise InvalidInput([Problem(name, 1, 1, message, "rename it")]) from None
