"""Reads JSON into nodes. Called by `texts` and by `specification`."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any

from otto_reconcile.manifest.tree import (
    Faults,
    Node,
    Unreadable,
    add_entry,
    check_depth,
    check_number,
    close,
)

_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(text: str, faults: Faults) -> Node | None:
    """The root, or None if the text is not JSON; what is wrong goes to `faults`."""
    try:
        return _Reader(text, faults).whole()
    except Unreadable:
        return None


class _Reader:
    def __init__(self, text: str, faults: Faults) -> None:
        self.text = text
        self.faults = faults
        self.offset = 0
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.decoder = json.JSONDecoder(strict=False, parse_constant=_refuse)

    def whole(self) -> Node:
        node = self.value(1)
        self.space()
        if self.offset < len(self.text):
            hint = "write several documents as a list: `[..., ...]`"
            raise self.wrong("something follows the end of the JSON value", hint=hint)
        return node

    def value(self, depth: int) -> Node:
        self.space()
        start = self.text[self.offset : self.offset + 1]
        if start in ("{", "["):
            return self.collection(start, depth)
        node, begins = self.here(), self.offset
        try:
            found: Any
            found, self.offset = self.decoder.raw_decode(self.text, self.offset)
        except json.JSONDecodeError as error:
            raise self.wrong(_expected(error, start), error.pos) from None
        except ValueError:  # a number with thousands of digits
            raise self.wrong("this number cannot be kept") from None
        node.value = found
        node.written = None if start == '"' else self.text[begins : self.offset]
        if isinstance(found, str) and _SURROGATE.search(found):
            self.faults.add(node, "this text holds half a character (a lone surrogate)")
            node.value, node.told = _SURROGATE.sub("\ufffd", found), True
        check_number(node, self.faults)
        return node

    def collection(self, start: str, depth: int) -> Node:
        node = self.here({} if start == "{" else [])
        check_depth(node, depth, self.faults)
        end = "}" if start == "{" else "]"
        self.offset += 1
        if not self.skip(end):
            while True:
                self.item(node, depth)
                if self.skip(end):
                    break
                if not self.skip(","):
                    raise self.wrong(f"a comma or `{end}` is missing here")
        close(node, self.faults)
        return node

    def item(self, node: Node, depth: int) -> None:
        if isinstance(node.value, list):
            node.value.append(self.value(depth + 1))
            return
        assert isinstance(node.value, dict)
        self.space()
        if not self.text.startswith('"', self.offset):
            raise self.wrong("a key in double quotes is missing here")
        key = self.value(depth)
        if not self.skip(":"):
            raise self.wrong("a colon is missing here")
        add_entry(node.value, key, self.value(depth + 1), self.faults)

    def skip(self, character: str) -> bool:
        self.space()
        found = self.text.startswith(character, self.offset)
        self.offset += found
        return found

    def space(self) -> None:
        match = _SPACE.match(self.text, self.offset)
        assert match is not None
        self.offset = match.end()

    def here(self, value: Any = None) -> Node:
        return Node(value, *self.place(self.offset))

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def wrong(self, message: str, offset: int | None = None, hint: str | None = None) -> Unreadable:
        at = Node(None, *self.place(self.offset if offset is None else offset))
        return self.faults.stop(at, f"this is not valid JSON: {message}", hint)


def _expected(error: json.JSONDecodeError, start: str) -> str:
    if not start:
        return "it ends too early"
    if start == '"':
        return "the text has no closing quote, or a backslash that means nothing"
    return "a value is missing here" if "Expecting" in error.msg else error.msg.lower()


def _refuse(name: str) -> None:
    raise ValueError(name)
