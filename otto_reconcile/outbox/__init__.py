"""Desired writes that the store has not confirmed yet, kept in the data directory."""

from __future__ import annotations

from otto_reconcile.outbox.entry import Pending
from otto_reconcile.outbox.outbox import FILE, Drained, Kept, Outbox
from otto_reconcile.outbox.unsaved import UNSAVED

__all__ = ["FILE", "UNSAVED", "Drained", "Kept", "Outbox", "Pending"]
