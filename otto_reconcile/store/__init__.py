"""The store: which one the settings name is known here alone; the layers above see `base.Store`."""

from __future__ import annotations

import os
from collections.abc import Callable

from otto_reconcile.runtime.data_dir import never_lost
from otto_reconcile.settings import Settings, without_credentials
from otto_reconcile.store.base import Store
from otto_reconcile.store.memory import MemoryStore

FILE = "otto.db"


def open_store(settings: Settings, lost: Callable[[], str | None] = never_lost) -> Store:
    """MongoDB if it is named, memory with `--ephemeral`, else a SQLite file in the data directory.

    Raises SettingsError for what cannot be used at all, and StoreUnavailable for a file that
    cannot be read now; `lost` says why the data directory is not this process's any more. A
    MongoDB server that is down raises nothing yet: the operations do.
    """
    if settings.mongodb_uri is not None:
        from otto_reconcile.store.mongo import MongoStore

        return MongoStore(settings.mongodb_uri, settings.database)
    if settings.ephemeral:
        return MemoryStore()
    from otto_reconcile.store.sqlite import SQLiteStore

    return SQLiteStore(settings.data_dir / FILE, lost)


def is_there(settings: Settings) -> bool:
    """False if opening it would make it: a file that nobody has written yet."""
    return settings.mongodb_uri is not None or os.path.lexists(settings.data_dir / FILE)


def place_of(settings: Settings) -> str:
    """Where that store is, as a person would look for it."""
    if settings.mongodb_uri is not None:
        return f"{without_credentials(settings.mongodb_uri)} database {settings.database}"
    path = settings.data_dir / FILE
    return str(path) if path.exists() else f"{path} (there is no such file)"
