"""The tree that a text becomes: values with their places. Made by the readers, read by all here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from otto_reconcile.errors import Problem

Scalar: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 50
MAX_VALUES = 100_000
LARGEST = 2**63 - 1
"""The largest whole number that every store can hold."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Node:
    """A value and where it starts (1-based). `size` and `depth` count what aliases stand for.

    `bare` is a key in `{...}` without a colon: `{a text, broken by a comma}`. `named` is True while
    the value is the path of a file whose text belongs here; `text_of` is the file that it is from.
    `told` is True where there is no value, which is a fault already: nothing else of it is wrong.
    `file` is the overlay that put it here; None is the document's own file. `values_at` are the
    places of the values that its text was filled with, `file:line:column`. `written` is how a
    number or a switch is written: `01067`, `1e3`. `anchor` is where the value stands that an alias
    puts here.
    """

    value: Scalar | list[Node] | dict[str, Entry]
    line: int
    column: int
    size: int = 1
    depth: int = 1
    bare: bool = False
    named: bool = False
    text_of: str | None = None
    told: bool = False
    file: str | None = None
    values_at: tuple[str, ...] = ()
    written: str | None = None
    anchor: tuple[int, int] | None = None


class Entry(NamedTuple):
    """One key of a mapping, as a node for its place, and its value."""

    key: Node
    value: Node


class Change(NamedTuple):
    """What a patch does at a place: it takes away what has these names, from the node `of`."""

    at: Node
    names: frozenset[str] = frozenset()
    of: Node | None = None


class Unreadable(Exception):
    """The rest of this text cannot be read; the fault is recorded."""


class Faults:
    """Collects the Problems of one text, and refuses to go on where that makes no sense.

    `changes` are what the text, as an overlay, takes away from others.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.changes: list[Change] = []

    def add(self, at: Node, message: str, hint: str | None = None) -> None:
        if not at.told:
            self._tell(at, (at.file or self.file, at.line, at.column), message, hint)

    def add_inside(self, at: Node, offset: int, message: str, hint: str | None = None) -> None:
        """A fault in the text of a node; if that is from a file, at its place there."""
        if at.text_of is None:
            self.add(at, message, hint)
        else:
            self._tell(at, (at.text_of, *place(str(at.value), offset)), message, hint)

    def _tell(self, at: Node, where: tuple[str, int, int], message: str, hint: str | None) -> None:
        """With the values that the text is filled with: what is wrong may be one of them."""
        if at.anchor is not None and where[0] == (at.file or self.file):
            line, column = at.anchor
            message = f"{message}; the alias here stands for what is at {line}:{column}"
        if at.values_at:
            message = f"{message}; it is filled with {', '.join(at.values_at)}"
        self.problems.append(Problem(*where, message, hint))

    def stop(self, at: Node, message: str, hint: str | None = None) -> Unreadable:
        """Records the fault; the caller raises what this returns."""
        self.add(at, message, hint)
        return Unreadable(message)


def close(node: Node, faults: Faults) -> None:
    """Counts a finished list or mapping. Raises Unreadable if it is too deep or too large."""
    children = _children(node)
    node.size = 1 + sum(child.size for child in children)
    node.depth = 1 + max((child.depth for child in children), default=0)
    if node.size > MAX_VALUES:
        raise faults.stop(
            node,
            f"this holds more than {MAX_VALUES:,} values once its aliases are written out",
            "use fewer aliases (*name), or split the bot",
        )
    check_depth(node, node.depth, faults)


def check_depth(node: Node, depth: int, faults: Faults) -> None:
    """Raises Unreadable beyond MAX_DEPTH levels."""
    if depth > MAX_DEPTH:
        raise faults.stop(node, f"this is nested more than {MAX_DEPTH} levels deep")


def add_entry(mapping: dict[str, Entry], key: Node, value: Node, faults: Faults) -> None:
    """Adds a key, or records that it is there already; the first one stays."""
    assert isinstance(key.value, str)
    if key.value in mapping:
        first = mapping[key.value].key
        faults.add(
            key,
            f"the key `{short(key.value)}` is there twice",
            f"the first is on line {first.line}; remove one of them",
        )
        return
    mapping[key.value] = Entry(key, value)


def check_number(node: Node, faults: Faults) -> None:
    """Records a number that JSON or a store cannot hold, and puts 0 in its place."""
    value = node.value
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        hint = "write a number, or put it in quotes to make it text"
        faults.add(node, "this is not a number that can be kept", hint)
        node.value, node.told = 0, True
    elif isinstance(value, int) and abs(value) > LARGEST:
        hint = "write a smaller one, or put it in quotes to make it text"
        faults.add(node, "this number is too large", hint)
        node.value, node.told = 0, True


def check_characters(text: str, faults: Faults) -> None:
    """Raises Unreadable at the first character that no text may hold."""
    found = _UNPRINTABLE.search(text)
    if found is not None:
        at = Node(None, *place(text, found.start()))
        code = f"U+{ord(found.group()):04X}"
        raise faults.stop(at, f"the character {code} is not allowed in a text file", "remove it")


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, 1-based, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def child(node: Node, name: str | int) -> Node | None:
    """The value under a key or index, or None."""
    if isinstance(node.value, dict) and isinstance(name, str):
        entry = node.value.get(name)
        return entry.value if entry is not None else None
    if isinstance(node.value, list) and isinstance(name, int) and name < len(node.value):
        return node.value[name]
    return None


def find(root: Node, path: Sequence[str | int]) -> Node:
    """The node at a path, or the last one on the way to it that there is."""
    node = root
    for name in path:
        below = child(node, name)
        if below is None:
            return node
        node = below
    return node


def key_at(root: Node, path: Sequence[str | int]) -> Node:
    """The node of the key that ends a path; of its value where there is no such key."""
    parent = find(root, path[:-1])
    if isinstance(parent.value, dict) and str(path[-1]) in parent.value:
        return parent.value[str(path[-1])].key
    return find(root, path)


def short(text: str) -> str:
    """At most forty characters of a text on one line, to be quoted in a message.

    What nobody sees is written out: `\\u200b` for a space without width.
    """
    flat = " ".join(text[:400].split())
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in flat)
    return seen if len(seen) <= 40 else f"{seen[:37]}..."


def _children(node: Node) -> list[Node]:
    if isinstance(node.value, dict):
        return [entry.value for entry in node.value.values()]
    return node.value if isinstance(node.value, list) else []
