"""`renamedFrom` of bots and of their parts: checked; of parts, kept as an annotation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otto_reconcile.manifest.basics import Renamable
from otto_reconcile.manifest.bot_forms import BotForm
from otto_reconcile.manifest.drafts import Draft, Item
from otto_reconcile.manifest.forms import JourneyForm, StateForm
from otto_reconcile.manifest.messages import short
from otto_reconcile.manifest.tree import Node, child, find
from otto_reconcile.model import JSON
from otto_reconcile.model.bot import RENAMED
from otto_reconcile.model.former import Renamed, as_data, candidates
from otto_reconcile.model.groups import GROUPS

_GROUPS = ("guidelines", "journeys")
_ADVICE = "give it the `id` that it is to keep from now on"


@dataclass(frozen=True, slots=True)
class _Named:
    """Something that has an id, with its place, and the ids that its former one may mean."""

    node: Node
    id: str
    given: bool
    former: tuple[str, ...] = ()


def check_renamed(drafts: Sequence[Draft]) -> None:
    """A former id that is still used, that is the own one, or that of two, is a fault."""
    _check_bots(drafts)
    for draft in drafts:
        for group in _GROUPS:
            items = draft.groups.get(group, ())
            _check(draft, group, [_item(draft, item) for item in items])
        for item in draft.groups.get("journeys", ()):
            _check(draft, "states", list(_states(item)))


def renamed_in(draft: Draft) -> dict[str, JSON]:
    """The annotation that says it; nothing where nothing was renamed."""
    found = [
        Renamed(GROUPS[group].kind, item.id, str(item.form.renamedFrom))
        for group in _GROUPS
        for item in draft.groups.get(group, ())
        if isinstance(item.form, Renamable) and item.form.renamedFrom is not None
    ]
    found += [
        Renamed("state", f"{item.id}/{state.id}", str(state.renamedFrom))
        for item in draft.groups.get("journeys", ())
        for state in _states_of(item)
        if state.renamedFrom is not None
    ]
    return {RENAMED: as_data(found)} if found else {}


def former_of(draft: Draft) -> str | None:
    """The id that the bot had, if its manifest says so."""
    return draft.form.metadata.renamedFrom if isinstance(draft.form, BotForm) else None


def _check_bots(drafts: Sequence[Draft]) -> None:
    there = {draft.bot_id: draft for draft in reversed(drafts) if draft.bot_id}
    taken: dict[str, tuple[Draft, Node]] = {}
    for draft in drafts:
        if (former := former_of(draft)) is None:
            continue
        at = find(draft.root, ("metadata", "renamedFrom"))
        first, first_at = taken.setdefault(former, (draft, at))
        if former == draft.bot_id:
            draft.faults.add(at, "it is renamed from its own id", "remove `renamedFrom`")
        elif (other := there.get(former)) is not None:
            message = f"the bot `{short(former)}`, from which this one is renamed, is still there"
            hint = f"remove it ({_place(other, other.root)}), or this `renamedFrom`"
            draft.faults.add(at, message, hint)
        elif first is not draft:
            hint = f"keep one of them; the first is {_place(first, first_at)}"
            draft.faults.add(at, f"two bots are renamed from `{short(former)}`", hint)


def _place(draft: Draft, node: Node) -> str:
    return f"{node.file or draft.faults.file}:{node.line}"


def _item(draft: Draft, item: Item) -> _Named:
    form = item.form
    assert isinstance(form, Renamable)
    given = form.id is not None or form.exact_id is not None
    former = candidates(draft.bot_id, form.renamedFrom) if form.renamedFrom else ()
    return _Named(item.node, item.id, given, former)


def _states(item: Item) -> Iterator[_Named]:
    nodes = child(item.node, "states") or item.node
    for number, state in enumerate(_states_of(item)):
        former = (state.renamedFrom,) if state.renamedFrom else ()
        yield _Named(find(nodes, (number,)), state.id or "", state.id is not None, former)


def _states_of(item: Item) -> list[StateForm]:
    assert isinstance(item.form, JourneyForm)
    return item.form.states or []


def _check(draft: Draft, group: str, items: list[_Named]) -> None:
    known = {one.id: one for one in items if one.id}
    taken: dict[str, _Named] = {}
    for one in (one for one in items if one.former):
        at = child(one.node, "renamedFrom") or one.node
        still = next((known[name] for name in one.former if name in known), None)
        first = taken.setdefault(one.former[0], one)
        if not one.given:
            draft.faults.add(at, "`renamedFrom` stands beside an `id`, and there is none", _ADVICE)
        elif still is one:
            draft.faults.add(at, "it is renamed from its own id", "remove `renamedFrom`")
        elif still is not None:
            where = _line(draft, at, still.node)
            message = f"`{short(one.former[-1])}` is still in `{group}` ({where})"
            draft.faults.add(at, message, "remove that one, or this `renamedFrom`")
        elif first is not one:
            message = f"two {group} are renamed from `{short(one.former[-1])}`"
            hint = f"keep one of them; the first is on {_line(draft, at, first.node)}"
            draft.faults.add(at, message, hint)


def _line(draft: Draft, at: Node, other: Node) -> str:
    """Where the other one is, seen from here: an overlay is another file."""
    return f"line {other.line}" if at.file == other.file else _place(draft, other)
