"""The vocabulary: bots, and the resources they are made of. Pure; every layer above speaks it."""

from __future__ import annotations

from importlib import import_module

from otto_reconcile.model.bot import Bot, Guideline, Masked, Relationship, Term, ToolService
from otto_reconcile.model.groups import BY_KIND
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, get_kind, kinds, make
from otto_reconcile.model.names import OTTO, folded, is_reserved
from otto_reconcile.model.resource import JSON, Ref, Resource, Snapshot, digest
from otto_reconcile.model.states import Journey, State, Transition

__all__ = [
    "JSON", "OTTO", "Bot", "Field", "Guideline", "Journey", "Kind", "Masked", "Means", "Ref",
    "Relationship", "Resource", "Shape", "Snapshot", "State", "Term", "ToolService", "Transition",
    "digest", "folded", "get_kind", "is_reserved", "kinds", "make", "snapshot_of",
]  # fmt: skip

for _kind in ("agent", "tag", *BY_KIND):  # a module for each kind, which registers it
    import_module(f"{__name__}.{_kind}")


def snapshot_of(*bots: Bot) -> Snapshot:
    """All resources of the bots, in the order of creation within each bot."""
    return Snapshot(resource for bot in bots for kind in kinds() for resource in kind.expand(bot))
