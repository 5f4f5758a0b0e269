"""The file in which versions until 2026-11 kept the outbox: JSON documents, one to a line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from otto_reconcile.errors import StoreUnavailable
from otto_reconcile.outbox.table import EntryTable, Row
from otto_reconcile.records.fields import text


def migrate(path: Path, table: EntryTable) -> None:
    """Moves what the file has into the table, and removes it. Raises StoreUnavailable.

    If the process dies in between, it is done again: an entry that is there already stays as it is.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be read: {error.strerror}") from error
    if rows := _rows(data):
        table.add(rows)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be removed: {error.strerror}") from error


def _rows(data: bytes) -> list[Row]:
    """What was not crossed out, oldest first. The torn last line of a crash was never confirmed."""
    rows: dict[str, str | bytes] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            document = json.loads(line)
            entry_id, done = text(document["id"]), document["do"] == "done"
        except (KeyError, TypeError, ValueError, RecursionError):
            rows[f"unreadable {hashlib.sha256(line).hexdigest()[:12]}"] = line
            continue
        if done:
            rows.pop(entry_id, None)
        else:
            rows[entry_id] = json.dumps(document)
    return list(rows.items())
