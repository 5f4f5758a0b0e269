"""Names as people write them, and the one that nobody can give. Used by all who look at a name."""

from __future__ import annotations

OTTO = "otto"
"""The id and, however it is written, the name of the agent that this tool puts on a server."""


def folded(name: str) -> str:
    """The same text for names that differ only in case or in white space."""
    return " ".join(name.split()).casefold()


def is_reserved(*names: object) -> bool:
    """True if one of these, such as an id and a name, is Otto's. What is no text is none."""
    return any(isinstance(name, str) and folded(name) == OTTO for name in names)
