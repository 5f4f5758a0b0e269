"""Text to nodes: YAML, or JSON where the text is JSON. Called by `loading`."""

from __future__ import annotations

from otto_reconcile.manifest.foreign import means_to_be_one
from otto_reconcile.manifest.json_text import read_json
from otto_reconcile.manifest.tree import Faults, Node, Unreadable, check_characters
from otto_reconcile.manifest.yaml_text import read_yaml


def read(text: str, faults: Faults) -> list[Node]:
    """The root of each document; what is wrong goes to `faults`.

    A list, as `export -o json` writes it, is its documents, unless none of them is a manifest.
    JSON goes first to its own reader: YAML's has no pairs of surrogates and refuses long keys.
    """
    try:
        check_characters(text, faults)
    except Unreadable:
        return []
    if text.lstrip().startswith(("{", "[")):
        attempt = Faults(faults.file)
        root = read_json(text, attempt)
        if root is not None or faults.file.lower().endswith(".json"):
            faults.problems += attempt.problems
            return _documents(root) if root is not None else []
    return [document for root in read_yaml(text, faults) for document in _documents(root)]


def _documents(root: Node) -> list[Node]:
    items = root.value if isinstance(root.value, list) else []
    return items if any(means_to_be_one(item) for item in items) else [root]
