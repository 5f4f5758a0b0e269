"""The vocabulary: bots, and the resources they are made of. Pure; every layer above speaks it."""

from __future__ import annotations

from otto_reconcile.model import (
    agent,
    canned_response,
    capability,
    customer,
    guideline,
    journey,
    relationship,
    tag,
    term,
    tool_service,
    variable,
)
from otto_reconcile.model.bot import (
    Bot,
    Guideline,
    Journey,
    Masked,
    Relationship,
    State,
    Term,
    ToolService,
    Transition,
)
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, get_kind, kinds, make
from otto_reconcile.model.names import OTTO, folded, is_reserved
from otto_reconcile.model.resource import JSON, Ref, Resource, Snapshot, digest

__all__ = [
    "JSON", "OTTO", "Bot", "Field", "Guideline", "Journey", "Kind", "Masked", "Means", "Ref",
    "Relationship", "Resource", "Shape", "Snapshot", "State", "Term", "ToolService", "Transition",
    "digest", "folded", "get_kind", "is_reserved", "kinds", "make", "snapshot_of",
]  # fmt: skip

_REGISTERED = (
    agent, canned_response, capability, customer, guideline, journey, relationship, tag,
    term, tool_service, variable,
)  # fmt: skip


def snapshot_of(*bots: Bot) -> Snapshot:
    """All resources of the bots, in the order of creation within each bot."""
    return Snapshot(resource for bot in bots for kind in kinds() for resource in kind.expand(bot))
