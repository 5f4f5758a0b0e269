"""All that is kept, over one store."""

from __future__ import annotations

from dataclasses import dataclass

from otto_reconcile.desired import DesiredState
from otto_reconcile.records.applied import AppliedSets
from otto_reconcile.records.audit import Audit
from otto_reconcile.records.leases import Leases
from otto_reconcile.store.base import Store


@dataclass(frozen=True, slots=True)
class Stores:
    """The readers and writers of each collection."""

    store: Store
    desired: DesiredState
    applied: AppliedSets
    audit: Audit
    leases: Leases

    @classmethod
    def over(cls, store: Store) -> Stores:
        return cls(store, DesiredState(store), AppliedSets(store), Audit(store), Leases(store))
