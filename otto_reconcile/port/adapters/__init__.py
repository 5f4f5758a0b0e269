"""One module per kind; a new kind is a module beside these, named here."""

from otto_reconcile.port.adapters import (
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
from otto_reconcile.port.adapters.base import Adapter, adapter_of, register

__all__ = [
    "Adapter",
    "adapter_of",
    "agent",
    "canned_response",
    "capability",
    "customer",
    "guideline",
    "journey",
    "register",
    "relationship",
    "tag",
    "term",
    "tool_service",
    "variable",
]
