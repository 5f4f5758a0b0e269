"""The one DomainPersistence of a program that wants no more than one."""

from __future__ import annotations

import os
from pathlib import Path

from otto_reconcile.persistence.domain import DomainPersistence
from otto_reconcile.settings import DEFAULT_DATABASE

_shared = DomainPersistence(None)


async def initialize_persistence(
    mongodb_uri: str | None,
    database_name: str | None = None,
    *,
    journal: str | Path | None = None,
) -> tuple[bool, str]:
    """Connects the shared persistence, in place of an earlier one: (it answers, a sentence).

    Without a name it is the database of MONGODB_DATABASE_NAME, else `otto_domain`.

    Never raises. Without a URI it is disabled. With one it is `enabled` from now on even if the
    database does not answer yet: writes then answer False until it does. `journal` as for
    `DomainPersistence`.
    """
    global _shared
    name = database_name
    if name is None:
        name = os.environ.get("MONGODB_DATABASE_NAME", "").strip() or DEFAULT_DATABASE
    before, _shared = _shared, DomainPersistence(mongodb_uri, name, journal=journal)
    await before.close()
    return await _shared.connect()


def get_persistence() -> DomainPersistence:
    """The shared persistence; a disabled one before `initialize_persistence`."""
    return _shared


async def shutdown_persistence() -> None:
    """Closes the shared persistence, and puts a disabled one in its place."""
    global _shared
    closing, _shared = _shared, DomainPersistence(None)
    await closing.close()
