"""All drafts together: ids that clash, relationships that name something, and then the bots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from otto_reconcile.manifest.contents import canned_id, check_contents
from otto_reconcile.manifest.drafts import PART_FORMS, Draft, Item
from otto_reconcile.manifest.forms import JourneyForm, RelationshipForm
from otto_reconcile.manifest.journeys import check_states, scoping, states_of
from otto_reconcile.manifest.policies import annotations_of, check_policies
from otto_reconcile.manifest.references import Index, Wrong, cycles, resolve
from otto_reconcile.manifest.renaming import check_renamed, renamed_in
from otto_reconcile.manifest.tree import Node, child, find
from otto_reconcile.model import JSON, Bot, Relationship
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.relationship import key_of, whole

_GROUP_OF = {"guideline": "guidelines", "journey": "journeys"}


def link(drafts: Sequence[Draft]) -> list[tuple[Draft, Bot]]:
    """The bots of the drafts in which nothing is wrong; faults go to each draft's own."""
    index = index_of(drafts)
    _check_clashes(drafts)
    check_contents(drafts)
    check_states(drafts)
    check_policies(drafts)
    check_renamed(drafts)
    ends = [(draft, list(_relationships(draft, index))) for draft in drafts]
    _check_cycles(ends)
    return [
        (draft, bot)
        for draft, found in ends
        if draft.form is not None and not draft.faults.problems
        for bot in [_bot(draft, [relationship for relationship, _ in found])]
        if bot is not None
    ]


def index_of(drafts: Iterable[Draft]) -> Index:
    index = Index()
    for draft in drafts:
        index.known["agent"].setdefault(draft.bot_id, draft.bot_id)
        if draft.unsure:
            index.unsure.add(draft.bot_id)
        for kind, group in _GROUP_OF.items():
            for item in draft.groups.get(group, ()):
                index.known[kind].setdefault(item.id, draft.bot_id)
            for other, name in (*draft.broken, *sorted(draft.shared)):
                if other == group:
                    index.known[kind].setdefault(name, draft.bot_id)
    return index


def _check_clashes(drafts: Sequence[Draft]) -> None:
    bots: dict[str, Draft] = {}
    parts: dict[tuple[str, str], tuple[Draft, Item]] = {}
    for draft in drafts:
        first = bots.setdefault(draft.bot_id, draft) if draft.bot_id else draft
        if first is not draft:
            at = _id_node(draft)
            where = f"{first.faults.file}:{first.root.line}"
            draft.faults.add(at, f"the bot `{draft.bot_id}` is there twice", f"see {where}")
            continue
        for group in (name for name in PART_FORMS if not GROUPS[name].is_written_whole):
            for item in draft.groups.get(group, ()):
                other, twin = parts.setdefault((group, item.id), (draft, item))
                if other is not draft:
                    where = f"{twin.node.file or other.faults.file}:{twin.node.line}"
                    many = group.replace("_", " ")
                    message = f"another bot has {many} with the complete id `{item.id}`"
                    draft.faults.add(item.node, message, f"see {where}")


def _id_node(draft: Draft) -> Node:
    metadata = child(draft.root, "metadata") or draft.root
    return child(metadata, "id") or child(metadata, "exact_id") or metadata


def _relationships(draft: Draft, index: Index) -> Iterable[tuple[Relationship, Item]]:
    seen: dict[tuple[str, str, str], Item] = {}
    for found, item in (*_declared(draft, index), *scoping(draft)):
        first = seen.setdefault((found.kind, found.source, whole(found.target)), item)
        if first is not item:
            message = f"this relationship is there twice (the first is on line {first.node.line})"
            draft.faults.add(item.node, message, "remove one of them")
            continue
        yield found, item


def _declared(draft: Draft, index: Index) -> Iterable[tuple[Relationship, Item]]:
    for item in draft.relationships:
        form = item.form
        assert isinstance(form, RelationshipForm)
        source = _end(draft, item, "source", form.source, index)
        target = _end(draft, item, "target", form.target, index)
        if source is None or target is None:
            continue
        if source == target:
            at = child(item.node, "target") or item.node
            draft.faults.add(at, "the source and the target are the same", "change one of them")
            continue
        if wrong := _wrongly_any(form.kind, source, target):
            draft.faults.add(child(item.node, wrong) or item.node, *_ANY)
            continue
        if form.kind == "disambiguation" and (side := _undecidable(source, target)):
            at = child(item.node, side) or item.node
            wanted = "a guideline" if side == "source" else "a guideline or a journey"
            # Parlant takes any other, and then every turn of the bot ends in an error.
            draft.faults.add(at, f"the {side} of a disambiguation is {wanted}", "name one")
            continue
        item.id = key_of(form.kind, source, target)
        yield Relationship(kind=form.kind, source=source, target=target, group=form.group), item


_ANY = ("`any:` stands only in the target of a dependency", "write `tag:`, which means all of it")


def _wrongly_any(kind: str, source: str, target: str) -> str | None:
    """The side where `any:` means nothing to Parlant, if it stands there."""
    if source.startswith("any:"):
        return "source"
    depends = kind in ("dependency", "dependency_any")
    return "target" if target.startswith("any:") and not depends else None


def _undecidable(source: str, target: str) -> str | None:
    """The end which a disambiguation cannot have, if there is one."""
    if not source.startswith("guideline:"):
        return "source"
    return None if target.startswith(("guideline:", "journey:")) else "target"


def _end(draft: Draft, item: Item, side: str, text: str, index: Index) -> str | None:
    node = child(item.node, side) or item.node
    found = resolve(str(text), draft.bot_id, index)
    if isinstance(found, Wrong):
        if not any(find(draft.root, path) is node for path in draft.secrets):
            draft.faults.add(node, *found)
        return None
    return found


def _check_cycles(ends: Sequence[tuple[Draft, list[tuple[Relationship, Item]]]]) -> None:
    flat = [(draft, item, found) for draft, pairs in ends for found, item in pairs]

    def report(number: int, way: list[str]) -> None:
        draft, item, found = flat[number]
        message = f"this closes a circle of {found.kind} relationships: {' -> '.join(way)}"
        draft.faults.add(item.node, message, "remove one of them; Parlant refuses circles")

    cycles((found for _, _, found in flat), report)


def _bot(draft: Draft, relationships: list[Relationship]) -> Bot | None:
    assert draft.form is not None
    spec = draft.form.spec.model_dump(exclude_none=True)
    for group in PART_FORMS:
        spec[group] = [_part(draft, item) for item in draft.groups.get(group, ())]
    try:
        return Bot.model_validate(
            {
                **spec,
                "id": draft.bot_id,
                "labels": draft.form.metadata.labels or {},
                "annotations": annotations_of(draft.form.metadata) | renamed_in(draft),
                "relationships": relationships,
                "masked": draft.masked,
            }
        )
    except ValidationError:
        draft.faults.add(draft.root, "this bot cannot be kept as it is")
        return None


def _part(draft: Draft, item: Item) -> dict[str, JSON]:
    unknown = {"exact_id", "renamedFrom"} | (
        {"guidelines"} if isinstance(item.form, JourneyForm) else set()
    )
    part: dict[str, JSON] = item.form.model_dump(exclude=unknown, exclude_none=True)
    if "id" in type(item.form).model_fields:
        part["id"] = item.id
    if named := part.get("canned_responses"):
        part["canned_responses"] = [canned_id(draft, name) for name in named]
    if "states" in part:
        part["states"] = states_of(draft, item)
    return part
