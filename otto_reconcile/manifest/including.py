"""`!file`: a text that stands in a file of its own beside the manifest.

A folder of manifests must never be a way to read what lies outside it: neither dots nor links lead
out of it, also not if somebody changes a folder into a link in the meantime.
"""

from __future__ import annotations

import os
from pathlib import Path

from otto_reconcile.errors import InvalidInput
from otto_reconcile.manifest import tree
from otto_reconcile.manifest.files import Source
from otto_reconcile.manifest.reading import MAX_BYTES, decoded, name_of, refusal, regular
from otto_reconcile.manifest.tree import Faults, Node, Unreadable, check_characters, short

MOST = 4 * MAX_BYTES
"""Bytes that all files of one manifest may have together."""
_IN_THE_MANIFEST = frozenset({"apiVersion", "kind", "id", "exact_id", "renamedFrom"})
_FREE = frozenset({"annotations", "labels", "metadata"})
"""Below these, keys are anybody's own."""
_HINT = "name a file of this folder, from this manifest on: `!file ./prompt.md`"


class Texts:
    """Reads what the `!file` of one manifest name. `files` are all of these, there or not."""

    def __init__(self, source: Source) -> None:
        self._source, self._left = source, MOST
        self.files: set[Path] = set()

    def fill(self, node: Node, faults: Faults, path: tree.Path = ()) -> None:
        """Puts the texts in place of the paths below a node. What is wrong goes to `faults`."""
        if isinstance(node.value, dict):
            for name, entry in node.value.items():
                self.fill(entry.value, faults, (*path, name))
        elif isinstance(node.value, list):
            for index, item in enumerate(node.value):
                self.fill(item, faults, (*path, index))
        elif node.named:
            written, node.named, node.value = str(node.value), False, ""
            known = len(faults.problems)
            if not self._refuse(written, node, faults, path):
                self._include(written, node, faults)
            if len(faults.problems) > known:
                node.told = True

    def _refuse(self, written: str, node: Node, faults: Faults, path: tree.Path) -> bool:
        """True if there can be no such file, or not in this place; then that is a fault."""
        if path and path[-1] in _IN_THE_MANIFEST and not _FREE.intersection(path[1:-1]):
            message = f"`{path[-1]}` stands in the manifest itself, not in a file"
            faults.add(node, message, "`!file` is for texts")
        elif self._source.root is None:
            hint = "write the manifest into a file, and name that"
            faults.add(node, "what is piped in has no folder in which a file could be", hint)
        elif not written.strip() or os.path.isabs(written):
            faults.add(node, "`!file` takes a path that starts at this manifest", _HINT)
        elif not _is_path(written):
            faults.add(node, "the path behind `!file` has a character that no path can have", _HINT)
        elif "${" in written:
            faults.add(node, "the path behind `!file` is not filled with variables", _HINT)
        else:
            return False
        return True

    def _include(self, written: str, node: Node, faults: Faults) -> None:
        root, called = self._source.root, f"`{short(written)}` cannot be included"
        assert root is not None
        path = Path(os.path.normpath(self._source.path.parent / written))
        self.files.add(path)
        try:
            data = _inside(path, root)
        except _Refused as error:
            faults.add(node, f"{called}: {error}", _HINT)
            return
        except InvalidInput as error:
            faults.add(node, f"{called}: {error.problems[0].message}", _HINT)
            return
        self._left -= len(data)
        if len(data) > MAX_BYTES or self._left < 0:
            many = "it is larger than 1 MB"
            if len(data) <= MAX_BYTES:
                many = "the files of one manifest have at most 4 MB together"
            faults.add(node, f"{called}: {many}", "no bot needs such a text")
            return
        inner = Faults(name_of(path))
        try:
            node.value, node.text_of = decoded(inner.file, data), inner.file
            check_characters(node.value, inner)
        except InvalidInput as error:
            faults.problems += error.problems
        except Unreadable:
            node.value = ""
        faults.problems += inner.problems


class _Refused(Exception):
    """Why a path is not followed."""


def _is_path(written: str) -> bool:
    """False for a text with NUL, or with half a character."""
    try:
        return b"\0" not in os.fsencode(written)
    except UnicodeEncodeError:
        return False


def _inside(path: Path, root: Path) -> bytes:
    """The file's bytes, folder by folder from the root on. Raises _Refused, InvalidInput."""
    try:
        top, real = Path(os.path.realpath(root)), Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise refusal(path, error) from None
    if not real.is_relative_to(top):
        raise _Refused("it lies outside the folder of manifests")
    *folders, name = real.relative_to(top).parts or (".",)
    if any(part[:1] == "." and part[1:2] != "." for part in (*folders, name) if part != "."):
        # `.git`, `.env`: never meant for a bot. Kubernetes puts what it mounts below `..data`.
        raise _Refused("it starts with a dot, or lies in a folder that does")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    opened: list[int] = []
    try:
        opened.append(os.open(top, flags))
        for folder in folders:  # each is no link any more, and stays the one that it was
            opened.append(os.open(folder, flags, dir_fd=opened[-1]))
        return regular(name, folder=opened[-1], follow=False)
    except (OSError, ValueError) as error:
        raise refusal(path, error) from None
    finally:
        for one in opened:
            os.close(one)
