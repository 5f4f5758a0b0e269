"""A file of JSON documents, one to a line, that only grows until it is emptied: the journal's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.runtime.data_dir import never_lost


class LinesFile:
    """Every method raises StoreUnavailable if the file cannot be used. Without a path: nowhere."""

    def __init__(self, path: Path | None, lost: Callable[[], str | None] = never_lost) -> None:
        self._path, self._lost = path, lost

    def lines(self) -> list[bytes]:
        """The whole ones; the torn last one of a crash is cut off."""
        if self._path is None:
            return []
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be read: {error.strerror}") from error
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) != len(data):
            self._cut(len(whole))
        return whole.splitlines()

    def append(self, document: Mapping[str, Any]) -> None:
        """The whole line is on disk afterwards, or nothing of it."""
        if self._path is None:
            return
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        if (why := self._lost()) is not None:
            raise StoreUnavailable(f"{self._path} cannot be written: {why}")
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                _whole(descriptor, line, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreUnavailable(
                f"{self._path} cannot be written: {error.strerror}", hint="is the disk full?"
            ) from error

    def empty(self) -> None:
        self._cut(0)

    def _cut(self, size: int) -> None:
        if self._path is None or self._lost() is not None:
            return
        try:
            os.truncate(self._path, size)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be written: {error.strerror}") from error


def _whole(descriptor: int, line: bytes, size: int) -> None:
    """The whole line or nothing of it."""
    try:
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(0, "only a part of a line could be written")
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
