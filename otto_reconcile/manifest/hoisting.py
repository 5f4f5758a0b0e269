"""Moves guidelines and canned responses of journeys to those of the bot.

That is before a document is read.

So they are read, checked and masked like all others, each fault in its own place.
"""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.manifest.ids import derived
from otto_reconcile.manifest.tree import Entry, Node, child

_CANNED = "canned_responses"


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
    words: list[Node] = []
    told = [_named(journey, words) for journey in journeys.value]
    bare = [_without(journey, pairs) for journey in told]
    known = child(spec, _CANNED)
    if known is not None and not isinstance(known.value, list):
        words, bare = [], [_without(journey, pairs) for journey in journeys.value]
    if not pairs and not words:
        return root, []
    assert isinstance(spec.value, dict)
    entries = dict(spec.value)
    moved = [("journeys", replace(journeys, value=bare))]
    moved += [("guidelines", _with(own, [one for one, _ in pairs]))] if pairs else []
    moved += [(_CANNED, _with(known, words))] if words else []
    for name, node in moved:
        key = entries[name].key if name in entries else Node(name, node.line, node.column)
        entries[name] = Entry(key, node)
    assert isinstance(root.value, dict)
    keys = {**root.value, "spec": Entry(root.value["spec"].key, replace(spec, value=entries))}
    return replace(root, value=keys), pairs


def _with(there: Node | None, more: list[Node]) -> Node:
    at = there or Node([], more[0].line, more[0].column)
    assert isinstance(at.value, list)
    return replace(at, value=[*at.value, *more])


def _named(owner: Node, words: list[Node]) -> Node:
    """A journey or state with the ids of the canned responses that stand in it; they go to `words`.

    One without an id gets the one that it would have among those of the bot.
    """
    if not isinstance(owner.value, dict):
        return owner
    entries = dict(owner.value)
    states = child(owner, "states")
    if states is not None and isinstance(states.value, list):
        inner = [_named(state, words) for state in states.value]
        entries["states"] = Entry(entries["states"].key, replace(states, value=inner))
    listed = child(owner, _CANNED)
    if listed is not None and isinstance(listed.value, list):
        names = [_name(one, words) for one in listed.value]
        entries[_CANNED] = Entry(entries[_CANNED].key, replace(listed, value=names))
    return replace(owner, value=entries)


def _name(one: Node, words: list[Node]) -> Node:
    if not isinstance(one.value, dict):
        return one
    text = next((n for key in ("id", "exact_id", "value") if (n := child(one, key))), None)
    if text is None or not isinstance(text.value, str) or "${" in text.value:
        return one
    words.append(one)
    exact = child(one, "id") or child(one, "exact_id")
    return text if exact is not None else replace(text, value=derived(text.value))


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
