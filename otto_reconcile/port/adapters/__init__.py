"""A module for each kind, of its name: how Parlant lists, makes, changes and deletes it."""

from __future__ import annotations

from importlib import import_module

from otto_reconcile.model import kinds
from otto_reconcile.port.adapters.base import Adapter, adapter_of, register

__all__ = ["Adapter", "adapter_of", "register"]

for _kind in kinds():
    import_module(f"{__name__}.{_kind.name}")
