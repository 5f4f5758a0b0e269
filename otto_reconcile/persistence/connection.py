"""One database, opened when it is first asked for something."""

from __future__ import annotations

import threading

from otto_reconcile.errors import SettingsError, StoreUnavailable
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.settings import Settings
from otto_reconcile.store import open_store
from otto_reconcile.store.base import Store

DISABLED = "persistence is disabled: no MongoDB URI was given"

_LONGEST = 63  # bytes, what MongoDB takes


class Opening:
    """Without a URI there is no database. What it was given is looked at when it opens."""

    def __init__(self, uri: str | None, database: str) -> None:
        self._uri = uri.strip() or None if isinstance(uri, str) else uri
        self._database = database
        self._stores: Stores | None = None
        self._owned = True
        self.closed = False
        """True after `close`, for good; never for a store that was given."""
        self._lock = threading.Lock()

    @classmethod
    def of(cls, store: Store) -> Opening:
        """Of a store that is open already; whoever opened it closes it."""
        opening = cls(None, "")
        opening._stores, opening._owned = Stores.over(store), False
        return opening

    @property
    def enabled(self) -> bool:
        return self._uri is not None or self._stores is not None

    @property
    def stores(self) -> Stores:
        """All that is kept. Blocking. Raises SettingsError, also where it is not enabled.

        Raises StoreUnavailable where it was closed before it was opened.
        """
        with self._lock:
            if self._stores is None:
                if self.closed:
                    raise StoreUnavailable("the database was closed before it was used")
                self._stores = Stores.over(self._opened())
            return self._stores

    def connected(self) -> str:
        """Where it is connected to. Blocking. Raises SettingsError and StoreUnavailable."""
        store = self.stores.store
        store.ping()
        return f"connected to {store.label}"

    def close(self) -> None:
        """Idempotent; blocking."""
        with self._lock:
            self.closed = self._owned
            if self._owned and self._stores is not None:
                self._stores.store.close()

    def _opened(self) -> Store:
        if self._uri is None:
            raise SettingsError(DISABLED)
        if not _is_text(self._uri) or not _is_name(self._database):
            raise SettingsError(
                "mongodb_uri or database_name: both are texts that can be printed, "
                f"and the name has 1 to {_LONGEST} bytes"
            )
        try:
            return open_store(Settings(mongodb_uri=self._uri, database=self._database))
        except SettingsError as error:
            said = error.message.partition(": ")[2]
            raise SettingsError(f"mongodb_uri or database_name: {said}") from error


def _is_text(given: object) -> bool:
    return isinstance(given, str) and given.isprintable()


def _is_name(given: object) -> bool:
    return _is_text(given) and 0 < len(str(given).encode()) <= _LONGEST
