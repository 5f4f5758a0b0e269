"""Reads one file: a regular one, only so much of it, and only UTF-8. For all who read manifests."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.messages import near

MAX_BYTES = 1_048_576
_LOOKED_THROUGH = 256 * MAX_BYTES
"""Bytes of a large file that are searched for a word; some files never end."""
STANDARD_INPUT = Path("-")
_ALSO_STANDARD_INPUT = (Path("/dev/stdin"), Path("/dev/fd/0"), Path("/proc/self/fd/0"))
_GIVEN_BY_A_SHELL = (Path("/dev/fd"), Path("/proc/self/fd"))
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a terminal or another device"),
    (stat.S_ISBLK, "a disk or another device"),
    (stat.S_ISLNK, "a link in a circle"),
)


def is_standard_input(path: Path) -> bool:
    return path == STANDARD_INPUT or path in _ALSO_STANDARD_INPUT


def is_piped(path: Path) -> bool:
    """True for standard input and for what a shell hands over by number: it is in no folder."""
    return is_standard_input(path) or path.parent in _GIVEN_BY_A_SHELL


def name_of(path: Path) -> str:
    """What messages call it; bytes that are no UTF-8 are shown as `\\xff`."""
    if is_standard_input(path):
        return "<standard input>"
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_bytes(path: Path) -> bytes:
    """The file, or one byte more than MAX_BYTES of it. Never waits. Raises InvalidInput.

    Standard input and what a shell hands over by number (`<(...)`) are read until they end.
    """
    try:
        if not is_standard_input(path):
            return regular(path)
        if sys.stdin is None:
            raise OSError("it is closed")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise refusal(path, error) from None


def regular(path: str | Path, *, folder: int | None = None, follow: bool = True) -> bytes:
    """At most one byte more than MAX_BYTES of a regular file. Raises OSError, InvalidInput.

    To open anything else may wait, or do something: so it is looked at first, and once more when
    it is open. `folder` is an open one in which the path lies.
    """
    found = os.stat(path, dir_fd=folder, follow_symlinks=follow)
    named = Path(path)
    piped = stat.S_ISFIFO(found.st_mode) and named.parent in _GIVEN_BY_A_SHELL
    if not piped:
        _refuse_irregular(named, found)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY
    flags |= 0 if piped else os.O_NONBLOCK
    flags |= 0 if follow else os.O_NOFOLLOW
    with open(os.open(path, flags, dir_fd=folder), "rb") as file:
        if not piped:
            _refuse_irregular(named, os.fstat(file.fileno()))
        data: bytes | None = file.read(MAX_BYTES + 1)
    if data is None:  # a file of the system's own that waits for something to tell
        raise BlockingIOError
    return data


def is_in(path: Path, words: bytes) -> bool:
    """True if a regular file, however large, has these words; zero bytes between them count not."""
    held = b""
    try:
        with open(path, "rb") as file:
            for _ in range(0, _LOOKED_THROUGH, MAX_BYTES):
                data = file.read(MAX_BYTES)
                held += data.replace(b"\0", b"")
                if words in held or not data:
                    break
                held = held[-len(words) :]
    except (OSError, ValueError):
        return False
    return words in held


def _refuse_irregular(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    what = next((words for is_it, words in _KINDS if is_it(found.st_mode)), "something else")
    hint = "only regular files are read" + (
        "; `-f -` reads a pipe" if what.endswith("pipe") else ""
    )
    raise InvalidInput([Problem(name_of(path), 1, 1, f"this is {what}, not a file", hint)])


def decoded(name: str, data: bytes) -> str:
    """The text of a file without its byte order mark. Raises InvalidInput."""

    def wrong(
        message: str, hint: str | None = None, line: int = 1, column: int = 1
    ) -> InvalidInput:
        return InvalidInput([Problem(name, line, column, message, hint)])

    if len(data) > MAX_BYTES:
        raise wrong("the file is larger than 1 MB", "split it; one bot to a file reads best")
    if (other := _other_encoding(data)) is not None:
        hint = f"save it as UTF-8, or: iconv -f {other.name} -t UTF-8 FILE > NEW"
        raise wrong(f"the file is in {other.called}, not in UTF-8", hint)
    if b"\0" in data:
        raise wrong("this is a binary file, not a text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.decode("utf-8", "replace")) + 1
        raise wrong("this is not UTF-8 text", "save it as UTF-8", line, column) from None


class _Encoding(NamedTuple):
    """One that is not UTF-8, by its name for iconv and in words."""

    name: str
    called: str


_MARKS = {  # the longer ones first: that of UTF-16 begins one of UTF-32
    b"\xff\xfe\0\0": ("UTF-32", "little"),
    b"\0\0\xfe\xff": ("UTF-32", "big"),
    b"\xff\xfe": ("UTF-16", "little"),
    b"\xfe\xff": ("UTF-16", "big"),
}
_ORDERS = (("UTF-32LE", "little"), ("UTF-32BE", "big"), ("UTF-16LE", "little"), ("UTF-16BE", "big"))


def _other_encoding(data: bytes) -> _Encoding | None:
    """UTF-16 or UTF-32 by its byte order mark, or by where the zero bytes are."""
    for mark, (name, order) in _MARKS.items():
        if data.startswith(mark):
            return _Encoding(name, f"{name} ({order}-endian)")
    for name, order in _ORDERS:
        if b"\0" in data and _is_text(data, name):
            called = f"{name[:-2]} ({order}-endian, without a byte order mark)"
            return _Encoding(name, called)
    return None


def _is_text(data: bytes, encoding: str) -> bool:
    """True if it is a text in this encoding, of which a fifth at least is ASCII, as in YAML."""
    width = 4 if "32" in encoding else 2
    try:
        text = data[: len(data) // width * width].decode(encoding)
    except UnicodeDecodeError:
        return False
    plain = sum(character.isascii() for character in text)
    return plain * 5 >= len(text) > 0 and all(c.isprintable() or c.isspace() for c in text)


def _beside(path: Path) -> str | None:
    """The hint for a name that is nearly that of a file or folder in the same place."""
    try:
        return near(path.name, (name for name in os.listdir(path.parent) if name != path.name))
    except (OSError, ValueError):
        return None


def refusal(path: Path, error: OSError | ValueError) -> InvalidInput:
    """What the system said, as a fault of this file."""
    hint = None
    if isinstance(error, FileNotFoundError):
        message, hint = "there is no such file or folder, or it has just gone", _beside(path)
    elif isinstance(error, PermissionError):
        message, hint = "there is no permission to read this", "see its access rights"
    elif isinstance(error, BlockingIOError):
        message, hint = "this has nothing to read now", "only regular files are read"
    else:
        message = f"this cannot be read: {getattr(error, 'strerror', None) or error}"
    return InvalidInput([Problem(name_of(path), 1, 1, message, hint)])
