"""The vocabulary: bots, and the resources they are made of. Pure; every layer above speaks it."""

from __future__ import annotations

from otto_reconcile.resources import agent as _agent
from otto_reconcile.resources import canned_response as _canned_response
from otto_reconcile.resources import capability as _capability
from otto_reconcile.resources import customer as _customer
from otto_reconcile.resources import guideline as _guideline
from otto_reconcile.resources import journey as _journey
from otto_reconcile.resources import relationship as _relationship
from otto_reconcile.resources import tag as _tag
from otto_reconcile.resources import term as _term
from otto_reconcile.resources import tool_service as _tool_service
from otto_reconcile.resources import variable as _variable
from otto_reconcile.resources.bot import (
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
from otto_reconcile.resources.kinds import Field, Kind, Means, Shape, get_kind, kinds, make
from otto_reconcile.resources.model import JSON, Ref, Resource, Snapshot, digest
from otto_reconcile.resources.names import OTTO, folded, is_reserved

__all__ = [
    "JSON", "OTTO", "Bot", "Field", "Guideline", "Journey", "Kind", "Masked", "Means", "Ref",
    "Relationship", "Resource", "Shape", "Snapshot", "State", "Term", "ToolService", "Transition",
    "digest", "folded", "get_kind", "is_reserved", "kinds", "make", "snapshot_of",
]  # fmt: skip

_REGISTERED = (
    _agent, _canned_response, _capability, _customer, _guideline, _journey, _relationship, _tag,
    _term, _tool_service, _variable,
)  # fmt: skip


def snapshot_of(*bots: Bot) -> Snapshot:
    """All resources of the bots, in the order of creation within each bot."""
    return Snapshot(resource for bot in bots for kind in kinds() for resource in kind.expand(bot))
