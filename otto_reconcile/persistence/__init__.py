"""The library: keep the bots of a program's own Parlant server in MongoDB. See docs/persistence.md.

Importing it imports neither Parlant nor MongoDB's driver.
"""

from __future__ import annotations

from otto_reconcile.persistence.attachment import Attachment, attach
from otto_reconcile.persistence.creation import persist_bot_creation
from otto_reconcile.persistence.domain import DomainPersistence
from otto_reconcile.persistence.restore import rehydrate_bots_from_persistence
from otto_reconcile.persistence.shared import (
    get_persistence,
    initialize_persistence,
    shutdown_persistence,
)

__all__ = [
    "Attachment",
    "DomainPersistence",
    "attach",
    "get_persistence",
    "initialize_persistence",
    "persist_bot_creation",
    "rehydrate_bots_from_persistence",
    "shutdown_persistence",
]
