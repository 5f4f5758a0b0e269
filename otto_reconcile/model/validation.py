"""What Pydantic says is wrong, as a sentence for a person."""

from __future__ import annotations

from pydantic import ValidationError

_WORDS = {
    "extra_forbidden": "it is unknown here",
    "missing": "it is missing",
    "string_pattern_mismatch": "it has characters, or is one, that no address can have",
}


def said_of(error: ValidationError) -> str:
    """The first fault, behind the path to it: `guidelines.0.id: ...`. Quotes no value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    said = _WORDS.get(first["type"], first["msg"])
    return f"{where}: {said}" if where else said
