"""The file of what a data directory has managed, with the changes since it was last written whole.

A change is a line of its own in a file beside it, so that it costs the same among many bots.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otto_reconcile.runtime import data_dir


@dataclass(frozen=True, slots=True)
class Seen:
    """In which store a bot or shared document was, and in which revision and of what time.

    Earlier versions remembered no revision; none is known of what cannot be read.
    """

    store: str
    revision: int | None = None
    time: str | None = None

    def precedes(self, before: Seen) -> bool:
        """True if this is no later state of what was seen before, but one of another past."""
        if self.revision is None or before.revision is None or self.revision > before.revision:
            return False
        return self.revision < before.revision or self.time != before.time


class RememberedFile:
    """Of one folder; None keeps nothing. A disk that is full is told by others."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / data_dir.MANAGED_FILE if folder is not None else None
        self._changes = folder / data_dir.MANAGED_CHANGES_FILE if folder is not None else None
        self.is_whole = True
        """False once there are changes beside it, or one could not be written."""

    def load(self) -> dict[str, Seen]:
        known: dict[str, Seen] = {}
        if self._file is not None and self._file.is_file():
            with suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
                document = json.loads(self._file.read_text("utf-8"))
                revisions = document.get("revisions") or {}
                known = {
                    str(name): _seen(label, revisions.get(name))
                    for name, label in document["bots"].items()
                }
        for name, seen in self._changed():
            known[name] = seen
            if not seen.store:
                del known[name]
        return known

    def save(self, known: Mapping[str, Seen]) -> None:
        """Writes it whole."""
        if self._file is None or self._changes is None:
            return
        document = {
            "bots": {name: seen.store for name, seen in known.items()},
            "revisions": {
                name: [seen.revision, seen.time]
                for name, seen in known.items()
                if seen.revision is not None
            },
        }
        with suppress(OSError):
            data_dir.write_whole(self._file, json.dumps(document))
            self._changes.unlink(missing_ok=True)
            self.is_whole = True

    def add(self, changes: Mapping[str, Seen | None]) -> None:
        """Notes what was seen now of these, or (None) that they are wanted no more."""
        if self._changes is None or not changes:
            return
        self.is_whole = False
        lines = [
            json.dumps([name, seen.store, seen.revision, seen.time] if seen else [name, ""])
            for name, seen in changes.items()
        ]
        with suppress(OSError), self._changes.open("a", encoding="utf-8") as file:
            file.write("".join(f"\n{line}" for line in lines))

    def _changed(self) -> Iterator[tuple[str, Seen]]:
        """In order. A line that was cut off is left out."""
        if self._changes is None or not self._changes.is_file():
            return
        self.is_whole = False
        lines: list[str] = []
        with suppress(OSError, ValueError):
            lines = self._changes.read_text("utf-8").splitlines()
        for line in lines:
            with suppress(ValueError):
                match json.loads(line):
                    case [str(name), str(store), *state]:
                        yield name, _seen(store, state)


def _seen(label: object, state: Any) -> Seen:
    match state:
        case [int(revision), str(time)]:
            return Seen(str(label), revision, time)
    return Seen(str(label))
