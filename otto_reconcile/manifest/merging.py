"""A patch laid over a document, as kustomize's strategic merge: items of lists by their ids.

Nothing here changes a node that is there: what a patch touches is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otto_reconcile.manifest.ids import derived, derived_from_name
from otto_reconcile.manifest.messages import describe, near
from otto_reconcile.manifest.tree import Change, Entry, Faults, Node, Path, child, short
from otto_reconcile.model.groups import GROUPS

DIRECTIVE = "$patch"
_WAYS = ("add", "delete", "replace")
_FREE = frozenset({"annotations", "labels", "metadata", "values"})
"""Below these, data is anybody's own, and a list is one value."""
_KEYS = {
    "states": ("id",),
    "fields": ("name",),
    "next": ("to",),
    "fork": ("to",),
    "relationships": ("kind", "source", "target"),
    "tool_services": ("name",),
}
"""What tells the items of a list apart, where that is not the identity of a part of a bot."""
_LISTS = frozenset({*GROUPS, "states", "relationships", "tool_services"})


def merge(base: Node, patch: Node, faults: Faults, path: Path = ()) -> Node:
    """The base as the patch has it. What the patch names and the base lacks is a fault."""
    if isinstance(patch.value, dict):
        way = _way(patch, faults)
        if way is None and isinstance(base.value, dict):
            return _mappings(base, patch, faults, path)
        return bare(patch)
    if isinstance(base.value, list) and isinstance(patch.value, list) and _is_merged(base, path):
        return _lists(base, patch, faults, path)
    return base if base.value == patch.value and not isinstance(base.value, list) else patch


def bare(node: Node) -> Node:
    """What a patch adds as a whole: without its directives."""
    if isinstance(node.value, dict):
        kept = {k: Entry(e.key, bare(e.value)) for k, e in node.value.items() if k != DIRECTIVE}
        return replace(node, value=kept)
    if isinstance(node.value, list):
        return replace(node, value=[bare(item) for item in node.value])
    return node


def _mappings(base: Node, patch: Node, faults: Faults, path: Path) -> Node:
    assert isinstance(base.value, dict)
    assert isinstance(patch.value, dict)
    merged = dict(base.value)
    for name, entry in patch.value.items():
        gone = entry.value.value is None or _directive(entry.value) == "delete"
        if gone and name not in merged:
            message = f"there is no `{short(name)}` that could be removed"
            faults.add(entry.key, message, near(name, merged))
        elif gone:
            del merged[name]
            faults.changes.append(Change(entry.key, frozenset({name}), base))
        elif _refuse_other_than_list(entry.value, faults, (*path, name)):
            continue
        elif name in merged:
            inner = merge(merged[name].value, entry.value, faults, (*path, name))
            key = entry.key if inner.file is not None else merged[name].key
            merged[name] = Entry(key, inner)
        else:
            merged[name] = Entry(entry.key, bare(entry.value))
    return replace(base, value=merged)


def _lists(base: Node, patch: Node, faults: Faults, path: Path) -> Node:
    assert isinstance(base.value, list)
    assert isinstance(patch.value, list)
    group, items = str(path[-1]), list(base.value)
    for new in patch.value:
        if _is_alone(new):
            gone = frozenset(name for item in items for name in _names(item, group))
            faults.changes.append(Change(new, gone, base))
            items = []
            continue
        way, names = _way(new, faults), _names(new, group)
        at = next((i for i, item in enumerate(items) if names & _names(item, group)), None)
        if at is None and way != "add" and items:
            faults.add(*_missing(new, group, items))
        elif at is None:
            items.append(bare(new))
        elif way == "delete":
            del items[at]
            faults.changes.append(Change(new, frozenset(names), base))
        elif way == "add":
            known = f"`{group}` of the base has this already"
            faults.add(new, known, f"leave `{DIRECTIVE}: add` out to change it")
        else:
            items[at] = merge(items[at], new, faults, (*path, at))
    return replace(base, value=items)


def _refuse_other_than_list(patch: Node, faults: Faults, path: Path) -> bool:
    """True for what is no list where one is needed: laid over a list, it would take its place."""
    if isinstance(patch.value, list) or not _is_known(path) or path[-1] not in _LISTS:
        return False
    hint = f"write its items in `[...]`, or each behind `-`; `{DIRECTIVE}: delete` is for an item"
    faults.add(patch, f"`{path[-1]}` must be a list, not {describe(patch.value)}", hint)
    return True


def _is_known(path: Path) -> bool:
    """True in what a manifest knows, not in data that is anybody's own."""
    return path[:1] == ("spec",) and not _FREE.intersection(path[1:])


def _is_merged(base: Node, path: Path) -> bool:
    """True for a list of mappings that a manifest knows; all others are one value."""
    assert isinstance(base.value, list)
    mappings = all(isinstance(item.value, dict) for item in base.value)
    return _is_known(path) and mappings and (path[-1] in GROUPS or path[-1] in _KEYS)


def _is_alone(item: Node) -> bool:
    """True for the item that says that the others take the place of the list."""
    return (
        isinstance(item.value, dict)
        and set(item.value) == {DIRECTIVE}
        and (_directive(item) == "replace")
    )


def _directive(node: Node) -> object:
    found = child(node, DIRECTIVE)
    return found.value if found is not None else None


def _way(node: Node, faults: Faults) -> object:
    """The directive of a patch, or None; one that there is not is a fault."""
    found = child(node, DIRECTIVE)
    if found is None or found.value in _WAYS:
        return found.value if found is not None else None
    hint = near(str(found.value), _WAYS)
    faults.add(found, f"`{DIRECTIVE}` must be one of {', '.join(_WAYS)}", hint)
    return None


def _names(item: Node, group: str) -> set[str]:
    """All that an item may be named by: its id, or what an id of it is made from."""
    if group in _KEYS:
        parts = [_text(item, key) for key in _KEYS[group]]
        return {" ".join(part or "" for part in parts)} if parts[0] is not None else set()
    given = _text(item, "id") or _text(item, "exact_id")
    if given is not None:
        return {given}
    text = _text(item, GROUPS[group].id_from)
    if text is None or GROUPS[group].is_written_whole:
        return {text} if text is not None else set()
    return {derived_from_name(text) if GROUPS[group].id_from == "name" else derived(text)}


def _text(item: Node, key: str) -> str | None:
    found = child(item, key)
    return found.value if found is not None and isinstance(found.value, str) else None


def _missing(new: Node, group: str, items: Sequence[Node]) -> tuple[Node, str, str | None]:
    known = sorted({name for item in items for name in _names(item, group)})
    name = next(iter(_names(new, group)), None)
    if name is None:
        what = _KEYS.get(group) or (
            ("id",) if not GROUPS[group].is_written_whole else (GROUPS[group].id_from,)
        )
        return new, f"it is not said which of `{group}` this is", f"give its `{what[0]}`"
    at = next((found for key in ("id", "exact_id") if (found := child(new, key))), new)
    hint = near(name, known) or f"`{DIRECTIVE}: add` makes a new one; there are: " + (
        ", ".join(short(one) for one in known[:10])
    )
    return at, f"there is no `{short(name)}` in `{group}` of the base", hint
