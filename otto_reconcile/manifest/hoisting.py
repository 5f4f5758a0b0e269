"""Moves the guidelines of journeys to those of the bot, before a document is read. For `drafting`.

So they are read, checked and masked like all others, each fault in its own place.
"""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.manifest.nodes import Entry, Node, child


def hoist(root: Node) -> tuple[Node, list[tuple[Node, Node]]]:
    """The document with the guidelines of its journeys among those of the bot.

    And each of them with the journey that it stood in.
    """
    spec = child(root, "spec")
    journeys = child(spec, "journeys") if spec is not None else None
    own = child(spec, "guidelines") if spec is not None else None
    if spec is None or journeys is None or not isinstance(journeys.value, list):
        return root, []
    if own is not None and not isinstance(own.value, list):
        return root, []
    pairs: list[tuple[Node, Node]] = []
    bare = [_without(journey, pairs) for journey in journeys.value]
    if not pairs:
        return root, []
    at = own or Node([], pairs[0][0].line, pairs[0][0].column)
    assert isinstance(at.value, list)
    everything = replace(at, value=[*at.value, *(guideline for guideline, _ in pairs)])
    assert isinstance(spec.value, dict)
    entries = dict(spec.value)
    for name, node in (("guidelines", everything), ("journeys", replace(journeys, value=bare))):
        key = entries[name].key if name in entries else Node(name, node.line, node.column)
        entries[name] = Entry(key, node)
    assert isinstance(root.value, dict)
    keys = {**root.value, "spec": Entry(root.value["spec"].key, replace(spec, value=entries))}
    return replace(root, value=keys), pairs


def _without(journey: Node, pairs: list[tuple[Node, Node]]) -> Node:
    """The journey without its guidelines, which go to `pairs`."""
    inner = child(journey, "guidelines")
    if inner is None or not isinstance(inner.value, list) or not isinstance(journey.value, dict):
        return journey
    bare = replace(
        journey, value={name: e for name, e in journey.value.items() if name != "guidelines"}
    )
    pairs.extend((replace(guideline), bare) for guideline in inner.value)
    return bare
