"""The text or the plain data of a specification to a bot, or to faults with their places."""

from __future__ import annotations

import json

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.json_text import read_json
from otto_reconcile.manifest.messages import validate as check
from otto_reconcile.manifest.specification.building import Builder
from otto_reconcile.manifest.specification.forms import SpecificationForm
from otto_reconcile.manifest.tree import Entry, Faults, Node, Unreadable, check_characters
from otto_reconcile.model import JSON, Bot

_MARKS = {"apiVersion", "metadata", "spec"}


def is_specification(text: str) -> bool:
    """True for a JSON object that is no manifest; broken JSON counts by what it starts with."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return False
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return '"apiVersion"' not in text
    return isinstance(data, dict) and not _MARKS & data.keys()


def parse(text: str, *, file: str) -> Bot:
    """The bot that the text describes. Raises InvalidInput with a Problem for each fault."""
    faults = Faults(file)
    root = _root(text, faults)
    return _finish(root, _plain(root), faults)


def plain_data(text: str, *, file: str) -> JSON:
    """What the JSON text holds, whatever that is. Raises InvalidInput."""
    faults = Faults(file)
    root = _root(text, faults)
    if faults.problems:
        raise InvalidInput(faults.problems)
    return _plain(root)


def _root(text: str, faults: Faults) -> Node:
    """Raises InvalidInput for what is no JSON; lesser faults are left in `faults`."""
    root: Node | None = None
    try:
        check_characters(text.removeprefix("\ufeff"), faults)
        root = read_json(text.removeprefix("\ufeff"), faults)
    except Unreadable:
        pass
    if root is None:
        raise InvalidInput(faults.problems)
    return root


def validate(data: JSON) -> Bot:
    """The bot that plain data describes. Raises InvalidInput.

    Its Problems have no file and line 0; their messages start with a JSON pointer.
    """
    faults = Pointers()
    return _finish(faults.plant(data, ""), data, faults)


def _plain(node: Node) -> JSON:
    if isinstance(node.value, dict):
        return {name: _plain(entry.value) for name, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    return node.value


def _finish(root: Node, data: JSON, faults: Faults) -> Bot:
    form, _ = check(SpecificationForm, data, root, faults)
    if form is None:
        raise InvalidInput(faults.problems)
    bot = Builder(form, root, faults).build()
    if bot is None or faults.problems:
        raise InvalidInput(faults.problems)
    return bot


class Pointers(Faults):
    """Faults of data that came from no text: the pointer to a value takes the place of a line."""

    def __init__(self) -> None:
        super().__init__("")
        self.pointers: dict[int, str] = {}
        self.nodes: list[Node] = []

    def plant(self, data: JSON, pointer: str) -> Node:
        node = Node(None, 0, 0)
        self.nodes.append(node)
        self.pointers[id(node)] = pointer or "/"
        if isinstance(data, dict):
            node.value = {
                str(k): Entry(self.plant(None, f"{pointer}/{k}"), self.plant(v, f"{pointer}/{k}"))
                for k, v in data.items()
            }
        elif isinstance(data, list):
            node.value = [self.plant(v, f"{pointer}/{k}") for k, v in enumerate(data)]
        return node

    def add(self, at: Node, message: str, hint: str | None = None) -> None:
        pointer = self.pointers.get(id(at), "/")
        self.problems.append(Problem("", 0, 0, f"{pointer}: {message}", hint))
