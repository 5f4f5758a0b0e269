"""Completion of bot ids in a shell: fast, silent, and from what is at hand only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from otto_reconcile.errors import OttoError


def bot_ids(incomplete: str) -> list[str]:
    """Ids of bots that begin so: of the running daemon, else of the embedded store.

    One that cannot be printed is not offered: the shell would print it.
    """
    folder = Path(os.environ.get("OTTO_DATA_DIR") or ".otto")
    return sorted(b for b in _known(folder) if b.startswith(incomplete) and b.isprintable())


def _known(folder: Path) -> set[str]:
    from otto_reconcile.reconcile.status import read_status

    document = read_status(folder)
    if document is not None:
        return {str(bot["bot_id"]) for bot in document.get("bots", ())}
    return _stored(folder)


def _stored(folder: Path) -> set[str]:
    from otto_reconcile.settings import Settings
    from otto_reconcile.store import is_there, open_store

    settings = Settings(data_dir=folder)
    if os.environ.get("MONGODB_URI") or not is_there(settings):
        return set()
    with suppress(OttoError):
        store = open_store(settings)
        try:
            return {
                str(row["bot_id"])
                for row in store.find("bots", fields=("bot_id",))
                if "bot_id" in row
            }
        finally:
            store.close()
    return set()
