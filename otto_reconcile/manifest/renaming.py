"""`renamedFrom` of guidelines, journeys and states: checked, and kept as an annotation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from otto_reconcile.manifest.basics import Renamable
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


def check_renamed(drafts: Iterable[Draft]) -> None:
    """A former id that is still used, that is the own one, or that of two, is a fault."""
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
            message = f"`{short(one.former[-1])}` is still in `{group}` (line {still.node.line})"
            draft.faults.add(at, message, "remove that one, or this `renamedFrom`")
        elif first is not one:
            message = f"two {group} are renamed from `{short(one.former[-1])}`"
            hint = f"keep one of them; the first is on line {first.node.line}"
            draft.faults.add(at, message, hint)
