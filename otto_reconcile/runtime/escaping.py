"""Keeps others' texts from steering a terminal, or from looking like lines of ours.

Names, ids, errors and paths come from rows, files and servers. A control character in one could
clear a screen, write over a line, or (bidirectional overrides) show a text in another order. Text
for people has them spelt out; JSON and YAML have them in the escapes of their format, so that what
is read back is exactly what was written. `cli.console`, `cli.failures` and `logs` let nothing out
without this, and no user and password that stand in a URL.
"""

from __future__ import annotations

import re
from typing import Any

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line end, DEL, C1
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # order, separators, no width
    "\ud800-\udfff\ufff9-\ufffb]"  # surrogates, annotations
)


def visible(text: str) -> str:
    """The text on one line, with all that cannot be printed spelt out as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _spelt(c) for c in text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines."""
    return "\n".join(visible(line) for line in text.split("\n"))


def steers(text: str) -> bool:
    """True if a document may have this text only escaped."""
    return _STEERING.search(text) is not None


def escaped(document: str) -> str:
    """A document in JSON, or in YAML that has all texts that steer in double quotes.

    What steers is escaped in it; it says the same.
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _spelt(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


MASKED, MASKED_CHANGED = "(masked)", "(masked, changed)"
_MASK = re.compile(r"\A\(masked(, changed)?\)\s*\Z|(?<=://)\(masked(, changed)?\)(?=@)")
_LOGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?!git@)[^\s/?#\"'<>\\]+@")


def without_logins(value: Any) -> Any:
    """The same with `(masked)` for the user and the password of every URL in its texts."""
    if isinstance(value, str):
        return _LOGIN.sub(rf"\g<1>{MASKED}@", value) if "://" in value else value
    if isinstance(value, dict):
        return {key: without_logins(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [without_logins(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def mask_in(text: str) -> int | None:
    """Where a mask of ours stands in a text that somebody means as a value; None if none does."""
    found = _MASK.search(text) if MASKED[:-1] in text else None
    return found.start() if found is not None else None


def has_login(text: str) -> bool:
    """True if it holds a URL with a user or a password."""
    return "://" in text and _LOGIN.search(text) is not None
