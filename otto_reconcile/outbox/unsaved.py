"""The folder of what will never be in the store by itself: nobody's words are thrown away.

A write that the store refused for good is a JSON file there, with the reason; an outbox that was
damaged is there as it was found. Each is reported until somebody deletes its file.
"""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.outbox.entry import Pending

UNSAVED = "unsaved"


class Unsaved:
    """Without a folder, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder / UNSAVED

    def sentences(self) -> tuple[str, ...]:
        """One for each file that is there."""
        if self._folder is None:
            return ()
        refused = [_told(path) for path in sorted(self._folder.glob("*.json"))]
        return *refused, *(_told_of_outbox(path) for path in sorted(self._folder.glob("*.db")))

    def keep(self, pending: Pending, why: str) -> str:
        """A sentence about a write that was refused. Raises StoreUnavailable."""
        if self._folder is None:
            return _sentence(pending.bot_id, why)
        path = self._folder / f"{pending.bot_id}-{pending.entry_id[:8]}.json"
        document = {**pending.to_document(), "why": why}
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path.write_text(json.dumps(document, indent=1), encoding="utf-8")
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error
        return _told(path)

    def keep_outbox(self, file: Path) -> None:
        """Keeps a damaged outbox here too, and takes what SQLite left beside it.

        The file itself stays until another one is put in its place. Raises StoreUnavailable.
        """
        if self._folder is None:
            return
        path = self._folder / f"{file.stem}-{secrets.token_hex(4)}{file.suffix}"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            shutil.copy2(file, path)
            beside = file.with_name(f"{file.name}-journal")  # SQLite would apply it to the next one
            if beside.exists():
                beside.rename(path.with_name(f"{path.name}-journal"))
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from error


def _sentence(bot_id: str, why: str) -> str:
    return f"what Otto was told to do with bot {bot_id!r} was not saved: {why}"


def _told(path: Path) -> str:
    """What the file of a write is about."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        sentence = _sentence(document["bot_id"], document.get("why", "the store refused it"))
    except (OSError, KeyError, TypeError, ValueError):
        return f"something that Otto was told was not saved: {_where(path)}"
    return f"{sentence}; {_where(path)}"


def _told_of_outbox(path: Path) -> str:
    return f"the outbox was damaged; what could be read of it was taken over: {_where(path)}"


def _where(path: Path) -> str:
    return f"it is kept in {path}; delete that file once it is dealt with"
