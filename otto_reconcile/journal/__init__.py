"""Desired writes that the store has not confirmed yet, kept in the data directory."""

from __future__ import annotations

from otto_reconcile.journal.book import FILE, UNSAVED, Drained, Journal, Kept
from otto_reconcile.journal.pending import Pending

__all__ = ["FILE", "UNSAVED", "Drained", "Journal", "Kept", "Pending"]
