"""Keeps others' texts from steering a terminal, or from looking like lines of ours.

Names, ids, errors and paths come from rows, files and servers. A control character in one could
clear a screen, write over a line, or (bidirectional overrides) show a text in another order. Text
for people has them spelt out; JSON and YAML have them in the escapes of their format, so that what
is read back is exactly what was written. `cli.console`, `cli.failures` and `logs` let nothing out
without this.
"""

from __future__ import annotations

import re

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
