"""Finds and reads the files that hold manifests. Called by `loading` and by watchers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile.errors import Problem

MAX_BYTES = 1_048_576
SUFFIXES = frozenset({".yaml", ".yml", ".json"})
STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True)
class Source:
    """A file with its text; `name` is how messages call it."""

    name: str
    text: str


def is_manifest(path: Path) -> bool:
    """True for a name that a manifest may have: not for editors' swap and backup files."""
    return path.suffix in SUFFIXES and not path.name.startswith((".", "#", "~"))


def read_all(paths: Sequence[Path], problems: list[Problem]) -> Iterator[Source]:
    """Each file below the paths once, folders in the order of names; faults go to `problems`."""
    seen: set[str] = set()
    for path in paths:
        for file in _files(path, problems, set()):
            real = os.path.realpath(file) if file != STANDARD_INPUT else "-"
            if real not in seen:
                seen.add(real)
                source = _read(file, problems)
                if source is not None:
                    yield source


def files_below(folder: Path) -> Iterator[Path]:
    """The files that `read_all` would read, in its order; what cannot be listed is left out."""
    return _files(folder, [], set())


def _files(path: Path, problems: list[Problem], above: set[str]) -> Iterator[Path]:
    if path == STANDARD_INPUT or not path.is_dir():
        yield path
        return
    real = os.path.realpath(path)
    if real in above:  # a link to a folder that holds it
        return
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        problems.append(_unreadable(path, error))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry, problems, above | {real})
        elif is_manifest(entry) and (entry.is_file() or entry.is_symlink()):
            yield entry


def _read(path: Path, problems: list[Problem]) -> Source | None:
    name = "<standard input>" if path == STANDARD_INPUT else str(path)
    try:
        data = _bytes(path)
    except OSError as error:
        problems.append(_unreadable(path, error))
        return None
    text = _text(name, data, problems)
    return Source(name, text) if text is not None else None


def _bytes(path: Path) -> bytes:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _text(name: str, data: bytes, problems: list[Problem]) -> str | None:
    if len(data) > MAX_BYTES:
        hint = "split it; one bot to a file reads best"
        problems.append(Problem(name, 1, 1, "the file is larger than 1 MB", hint))
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "save it as UTF-8"
        problems.append(Problem(name, 1, 1, "the file is in UTF-16, not in UTF-8", hint))
        return None
    if b"\0" in data:
        problems.append(Problem(name, 1, 1, "this is a binary file, not a manifest"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.decode("utf-8", "replace")) + 1
        problems.append(Problem(name, line, column, "this is not UTF-8 text", "save it as UTF-8"))
        return None


def _unreadable(path: Path, error: OSError) -> Problem:
    name = "<standard input>" if path == STANDARD_INPUT else str(path)
    if isinstance(error, FileNotFoundError):
        return Problem(name, 1, 1, "there is no such file or folder, or it has just gone")
    if isinstance(error, PermissionError):
        return Problem(name, 1, 1, "there is no permission to read this", "see its access rights")
    return Problem(name, 1, 1, f"this cannot be read: {error.strerror or error}")
