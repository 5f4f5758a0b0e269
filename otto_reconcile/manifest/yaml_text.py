"""Reads YAML 1.2 into nodes, all documents of a text, without recursion. Called by `texts`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import yaml

from otto_reconcile.manifest.messages import describe
from otto_reconcile.manifest.tree import (
    Entry,
    Faults,
    Node,
    Unreadable,
    add_entry,
    check_depth,
    check_number,
    close,
    short,
)
from otto_reconcile.manifest.yaml_scalars import NO_TEXT, TAG, TAGGED, resolve

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FILE = "!file"
_OLD_LINE_ENDS = "\x85\u2028\u2029"
_BYTE_ORDER_MARK = re.compile(
    r"^(---[ \t]*(?:#[^\n]*)?\r?\n)\ufeff|^()\ufeff(?=---[ \t]*\r?$)", re.MULTILINE
)
"""Where a file was put behind another: a document may begin with one, which this reader refuses."""


def read_yaml(text: str, faults: Faults) -> list[Node]:
    """The roots of all documents that hold something; what is wrong goes to `faults`."""
    text = _BYTE_ORDER_MARK.sub(r"\1\2", text)
    veil = _Veil(text)
    composer = _Composer(faults, veil)
    try:
        for event in yaml.parse(veil.over(text), Loader=_LOADER):
            composer.take(event)
    except yaml.YAMLError as error:
        _explain(error, text, faults)
    except Unreadable:
        pass
    return composer.documents


class _Veil:
    """Characters that end a line in YAML 1.1 alone, on their way through a reader of that.

    In YAML 1.2 they are like any other. Something that the text has not stands in for each.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        found = [character for character in _OLD_LINE_ENDS if character in text]
        free = (chr(code) for code in range(0xF0000, 0xFFFFE) if chr(code) not in text)
        pairs = list(zip(found, free, strict=False))
        self._over = {ord(real): stand_in for real, stand_in in pairs}
        self._off = {ord(stand_in): real for real, stand_in in pairs}

    def over(self, text: str) -> str:
        return text.translate(self._over) if self._over else text

    def off(self, text: str) -> str:
        return text.translate(self._off) if self._off else text


@dataclass(slots=True)
class _Frame:
    node: Node
    anchor: str | None
    key: Node | None = None
    merged: list[Node] | None = None
    flow: bool = False
    key_end: int = -1


class _Composer:
    """Builds the tree from the parser's events, with a stack of its own."""

    def __init__(self, faults: Faults, veil: _Veil) -> None:
        self.faults = faults
        self.veil = veil
        self.documents: list[Node] = []
        self.anchors: dict[str, Node | None] = {}
        self.stack: list[_Frame] = []
        self.merges = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():  # most are
                node = self.scalar(event)
                self.note_bare(event)
                self.put(node)
                if event.anchor:
                    self.anchors[event.anchor] = node
            case yaml.DocumentStartEvent():
                self.anchors = {}
            case yaml.AliasEvent():
                self.put(self.alias(event))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self.open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.shut()

    def note_bare(self, event: Any) -> None:
        """Whether this is the nothing behind a key that has no colon."""
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.key is not None:
            start, end = event.start_mark.index, event.end_mark.index
            frame.key.bare = frame.flow and start == end == frame.key_end
        if frame is not None and frame.key is None:
            frame.key_end = event.end_mark.index

    def put(self, node: Node) -> None:
        if not self.stack:
            if node.value is not None:
                self.documents.append(node)
            return
        frame = self.stack[-1]
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            self.pair(frame, frame.key, node)
            frame.key = None

    def pair(self, frame: _Frame, key: Node, value: Node) -> None:
        assert isinstance(frame.node.value, dict)
        if isinstance(key, _Merge):
            frame.merged = [*(frame.merged or ()), *self.merge_sources(value)]
        elif key.named:
            self.faults.add(key, "a key stands in the manifest itself, not in a file")
        elif isinstance(key.value, str):
            add_entry(frame.node.value, key, value, self.faults)
        else:
            self.faults.add(key, "a key must be text", "put it in quotes")

    def merge_sources(self, value: Node) -> list[Node]:
        sources = value.value if isinstance(value.value, list) else [value]
        wrong = [source for source in sources if not isinstance(source.value, dict)]
        for source in wrong:
            self.faults.add(source, "`<<` takes a mapping or a list of mappings")
        return [source for source in sources if isinstance(source.value, dict)]

    def open(self, event: Any) -> None:
        kind: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        node = Node(kind, *_place(event.start_mark))
        self.check_tag(node, event.tag)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(node, event.anchor, flow=bool(event.flow_style)))
        check_depth(node, len(self.stack), self.faults)

    def shut(self) -> None:
        frame = self.stack.pop()
        if frame.merged:
            self.merge(frame.node, frame.merged)
        close(frame.node, self.faults)
        if frame.anchor:
            self.anchors[frame.anchor] = frame.node
        self.put(frame.node)

    def merge(self, node: Node, sources: list[Node]) -> None:
        assert isinstance(node.value, dict)
        for source in sources:
            assert isinstance(source.value, dict)
            self.merges += len(source.value)
            if self.merges > 100_000:
                raise self.faults.stop(node, "too much is merged with `<<` in this file")
            for name, entry in source.value.items():
                node.value.setdefault(name, Entry(entry.key, entry.value))

    def alias(self, event: yaml.AliasEvent) -> Node:
        at = Node(None, *_place(event.start_mark))
        name = str(event.anchor)
        if name not in self.anchors:
            raise self.faults.stop(at, f"the alias *{name} has no anchor &{name} before it")
        node = self.anchors[name]
        if node is None:
            raise self.faults.stop(at, f"the alias *{name} stands inside what it names")
        if node.named:  # its file is read once
            return node
        anchor = node.anchor or (node.line, node.column)
        return replace(node, line=at.line, column=at.column, anchor=anchor)

    def scalar(self, event: Any) -> Node:
        line, column = _place(event.start_mark)
        text = self.veil.off(str(event.value))
        # The tag `!`, for a text that is one whatever it looks like, is told like no tag at all.
        plain = event.implicit[0] and event.style in (None, "") and not self.has_bare_tag(event)
        if plain and text == "<<":
            return _Merge(text, line, column)
        node = Node(text, line, column)
        if plain or event.tag in NO_TEXT:
            node.value = resolve(text)
            node.written = None if isinstance(node.value, str) else text
        if event.tag == _FILE:
            node.named = True
        else:
            self.check_tag(node, event.tag, text)
        if event.tag == f"{TAG}float" and type(node.value) is int:
            node.value = float(node.value)
        check_number(node, self.faults)
        return node

    def has_bare_tag(self, event: Any) -> bool:
        """True behind `!`, and behind an anchor and `!`."""
        start, end = event.start_mark.index, event.end_mark.index
        if self.veil.text[start : start + 1] not in ("&", "!"):
            return False
        before = self.veil.text[start:end]
        return re.match(r"(&\S+\s+)?!(\s|$)", before) is not None

    def check_tag(self, node: Node, tag: str | None, text: str = "") -> None:
        """A fault for a tag that the value is not of, and for one that nobody knows."""
        if tag in (None, "!"):
            return
        known = TAGGED.get(str(tag).removeprefix(TAG)) if str(tag).startswith(TAG) else None
        shown = str(tag).replace(TAG, "!!")
        if known is None:
            self.unknown_tag(node, shown)
        elif type(node.value) not in known[1]:
            quoted = text and shown not in ("!!seq", "!!map")
            found = f"`{short(text)}`" if quoted else describe(node.value)
            self.faults.add(node, f"`{shown}` takes {known[0]}, not {found}")
        else:
            return
        node.told = True

    def unknown_tag(self, node: Node, shown: str) -> None:
        hint = "remove it"
        if shown.lower() in (_FILE, "!include"):
            hint = "write `!file ./prompt.md` for the text of a file"
        self.faults.add(node, f"the tag `{shown}` means nothing here", hint)


class _Merge(Node):
    """The plain key `<<`."""


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _explain(error: yaml.YAMLError, text: str, faults: Faults) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    at = Node(None, *(_place(mark) if mark is not None else (1, 1)))
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unknown fault"
    lines = text.splitlines()
    here = lines[at.line - 1][at.column - 1 :][:1] if at.line <= len(lines) else ""
    if "found a tab" in problem or ("cannot start any token" in problem and here == "\t"):
        faults.add(at, "a tab stands where YAML allows only spaces", "indent with spaces")
    elif "cannot start any token" in problem:
        faults.add(at, f"text cannot start with `{here}` here", "put the text in quotes")
    elif "mapping values are not allowed" in problem:
        faults.add(at, "a colon cannot stand here", "put text that has `: ` in it in quotes")
    elif "expected ',' or" in problem:
        hint = "put a text that has `{`, `}`, `[`, `]` or a comma in quotes"
        faults.add(at, f"this is not valid YAML: {problem}{_context(error)}", hint)
    elif "expected" in problem and _follows_braces(lines, at):
        hint = "put a text that begins with `{` or `[` in quotes"
        faults.add(at, f"this is not valid YAML: {problem}{_context(error)}", hint)
    else:
        faults.add(at, f"this is not valid YAML: {problem}{_context(error)}")


def _follows_braces(lines: list[str], at: Node) -> bool:
    """True behind `key: {name} and more`."""
    before = lines[at.line - 1][: at.column - 1] if at.line <= len(lines) else ""
    return before.rstrip().endswith(("}", "]"))


def _context(error: yaml.YAMLError) -> str:
    context, mark = getattr(error, "context", None), getattr(error, "context_mark", None)
    if not context:
        return ""
    return f", {context}" + (f" that starts on line {mark.line + 1}" if mark is not None else "")
