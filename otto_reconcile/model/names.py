"""Names as people write them, and the one that nobody can give. Used by all who look at a name."""

from __future__ import annotations

import unicodedata

OTTO = "otto"
"""The id and, however it is written, the name of the agent that this tool puts on a server."""


def folded(name: str) -> str:
    """The same text for names that look the same: case, white space and Unicode's forms aside."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def is_reserved(*names: object) -> bool:
    """True if one of these, such as an id and a name, is Otto's. What is no text is none."""
    return any(isinstance(name, str) and folded(name) == OTTO for name in names)
