"""One document to a draft of a bot: checked in itself, its relationships not yet resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from otto_reconcile.manifest.basics import Identified
from otto_reconcile.manifest.bot_forms import BotMetadataForm, SpecForm
from otto_reconcile.manifest.drafts import PART_FORMS, Draft, Item
from otto_reconcile.manifest.foreign import OVERLAY, START, is_specification, means_to_be_one, why
from otto_reconcile.manifest.forms import RelationshipForm, ToolServiceForm
from otto_reconcile.manifest.hoisting import hoist
from otto_reconcile.manifest.ids import complete, derived, derived_from_name
from otto_reconcile.manifest.interpolation import Data, to_data
from otto_reconcile.manifest.messages import describe, near, short, validate
from otto_reconcile.manifest.secrets import mask, refuse_masks
from otto_reconcile.manifest.shared_forms import FORMS, SharedMetadataForm
from otto_reconcile.manifest.tree import Faults, Node, Path, find, key_at
from otto_reconcile.model import JSON
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.part import LONGEST_ID

_ELSEWHERE = {
    "Bot": {
        **dict.fromkeys(BotMetadataForm.model_fields, "metadata"),
        **dict.fromkeys(SpecForm.model_fields, "spec"),
    }
}
"""Where a key belongs that stands in the wrong place."""


def draft(root: Node, environ: Mapping[str, str], faults: Faults) -> Draft | None:
    """None if the document is no manifest, which is a fault."""
    if is_specification(root):
        hint = (
            "import it with `otto-reconcile apply -f FILE.json`, a file for each;"
            " `export` makes a manifest of it then"
        )
        faults.add(root, "this is a specification of Otto's, not a manifest", hint)
        return None
    if not means_to_be_one(root):
        faults.add(root, f"this document is no manifest: {why(root)}", START)
        return None
    refuse_masks(root, faults)
    root, scopes = hoist(root)
    data = to_data(root, environ, faults)
    kind, value = _kind(root, data, faults)
    form, wrong = validate(
        FORMS[kind], value, root, faults, secrets=data.secrets, elsewhere=_ELSEWHERE.get(kind)
    )
    made = Draft(faults, root, form, kind=kind, secrets=data.secrets, scopes=scopes)
    metadata = value.get("metadata")
    made.metadata = metadata if isinstance(metadata, dict) else {}
    made.guarded, made.unset = data.guarded, data.unset
    made.bot_id = _bot_id(made, value, wrong)
    _read_parts(made, value, wrong)
    mask(made)
    return made


def _kind(root: Node, data: Data, faults: Faults) -> tuple[str, JSON]:
    """What the document is, and its data; one of a kind that is not known is read as a bot."""
    kind = data.value.get("kind")
    if isinstance(kind, str) and kind in FORMS:
        return kind, data.value
    if "kind" not in data.value or ("kind",) in data.secrets:
        return "Bot", data.value
    found, hint = describe(kind), None
    if isinstance(kind, str):
        found, hint = f"`{short(kind)}`", near(kind, (*FORMS, OVERLAY))
    message = f"`kind` must be one of {', '.join((*FORMS, OVERLAY))}, not {found}"
    faults.add(find(root, ("kind",)), message, hint)
    return "Bot", {**data.value, "kind": "Bot"}


def _bot_id(made: Draft, data: JSON, wrong: set[Path]) -> str:
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        made.unsure = True
        return ""
    node = find(made.root, ("metadata",))
    ids = [name for name in ("id", "exact_id") if isinstance(metadata.get(name), str)]
    if all(metadata.get(name) is None for name in ("id", "exact_id")):
        described = BotMetadataForm if made.kind == "Bot" else SharedMetadataForm
        made.faults.add(node, "`id` is missing", described.model_fields["id"].description)
    if len(ids) == 2:
        _both(made, ("metadata", "exact_id"))
    if any(("metadata", name) in {*made.secrets, *wrong} for name in ids):
        # An id made with a secret must not reach any message, and one that no bot can have no part.
        made.unsure = True
        return ""
    return str(metadata[ids[-1]]) if ids else ""


def _both(made: Draft, path: Path) -> None:
    at = key_at(made.root, path)
    made.faults.add(at, "there are both `id` and `exact_id`", "keep one of them")


def _read_parts(made: Draft, data: JSON, wrong: set[Path]) -> None:
    spec = data.get("spec")
    if not isinstance(spec, dict):
        made.unsure = True
        return
    if made.kind == "ToolService":
        _read_service(made, spec, wrong)
        return
    known = FORMS[made.kind].model_fields["spec"].annotation
    for group, form in PART_FORMS.items():
        if group not in getattr(known, "model_fields", ()):
            continue
        items = _items(made, spec, group, form, wrong)
        for item in items:
            item[1].id = _item_id(made, group, *item)
        made.groups[group] = [item for _, item in items]
        _check_twice(made, group)
    relationships = _items(made, spec, "relationships", RelationshipForm, wrong)
    made.relationships = [item for _, item in relationships]
    services = _items(made, spec, "tool_services", ToolServiceForm, wrong)
    made.tool_services = [item for _, item in services]


def _read_service(made: Draft, spec: dict[str, JSON], wrong: set[Path]) -> None:
    """The service as a bot would have it: so it is checked with those of the bots."""
    if not made.bot_id or wrong:
        return
    try:
        form = ToolServiceForm.model_validate({"name": made.bot_id, **spec})
    except ValidationError:  # an id may be longer than the name of a service
        at = find(made.root, ("metadata", "id"))
        hint = "give it a shorter `id`"
        made.faults.add(at, "the name of a tool service has at most 100 characters", hint)
        return
    made.tool_services = [Item(find(made.root, ("spec",)), form)]


def _items(
    made: Draft, spec: dict[str, JSON], group: str, form: type[BaseModel], wrong: set[Path]
) -> list[tuple[int, Item]]:
    """The items in which nothing is wrong, by their index."""
    values: Any = spec.get(group)
    if not isinstance(values, list):
        made.unsure |= values is not None
        return []
    bad = {path[2] for path in wrong if path[:2] == ("spec", group) and len(path) > 2}
    for index in sorted(bad, key=str):
        _note_broken(made, group, int(index), values[int(index)])
    nodes = find(made.root, ("spec", group)).value
    assert isinstance(nodes, list)
    return [
        (index, Item(nodes[index], form.model_validate(value)))
        for index, value in enumerate(values)
        if index not in bad
    ]


def _note_broken(made: Draft, group: str, index: int, value: JSON) -> None:
    """Of an item in which something is wrong at least its id, so that nothing else dangles."""
    if group not in PART_FORMS:
        return
    item = value if isinstance(value, dict) else {}
    given, source = item.get("id"), item.get(GROUPS[group].id_from)
    paths = [("spec", group, index, n) for n in ("id", "exact_id", GROUPS[group].id_from)]
    if any(path in made.secrets or find(made.root, path).told for path in paths):
        made.unsure = True
    elif GROUPS[group].is_written_whole:
        made.broken += [(group, source)] if isinstance(source, str) else []
    elif isinstance(item.get("exact_id"), str):
        made.broken.append((group, item["exact_id"]))
    elif isinstance(given, str):
        made.broken.append((group, complete(made.bot_id, given)))
    elif isinstance(source, str):
        made.broken.append((group, complete(made.bot_id, _derived(group, source))))
    else:
        made.unsure = True


def _item_id(made: Draft, group: str, index: int, item: Item) -> str:
    form, path = item.form, ("spec", group, index)
    if GROUPS[group].is_written_whole:
        return str(getattr(form, GROUPS[group].id_from))
    assert isinstance(form, Identified)
    if form.id is not None and form.exact_id is not None:
        _both(made, (*path, "exact_id"))
    source = GROUPS[group].id_from
    used = "exact_id" if form.exact_id else "id" if form.id else source
    hidden = (*path, used) in made.secrets
    made.unsure |= find(made.root, (*path, used)).told
    if form.exact_id is not None and not hidden:
        return form.exact_id
    if form.id is None and (*path, source) in made.secrets:
        hint = "an id made from it would show the secret"
        made.faults.add(item.node, f"what has a secret in its {source} needs an `id`", hint)
    if hidden:
        made.unsure = True  # an id made with a secret must not reach any message
        return complete(made.bot_id, f"secret-{index}")
    found = complete(made.bot_id, form.id or _derived(group, getattr(form, source)))
    if len(found) > LONGEST_ID:
        made.faults.add(item.node, f"its complete id is longer than {LONGEST_ID} characters")
    return found


def _derived(group: str, text: str) -> str:
    return derived_from_name(text) if GROUPS[group].id_from == "name" else derived(text)


def _check_twice(made: Draft, group: str) -> None:
    seen: dict[str, Item] = {}
    source = GROUPS[group].id_from
    for item in made.groups[group]:
        first = seen.setdefault(item.id, item)
        if first is item:
            continue
        many = group.replace("_", " ")
        id_node = item.node.value
        assert isinstance(id_node, dict)
        declared = id_node.get("id") or id_node.get("exact_id") or _natural(group, id_node)
        if declared is not None:
            named = source if GROUPS[group].is_written_whole else "id"
            message, hint = (
                f"this {made.noun} has two {many} with this {named}",
                "change one of them",
            )
            at = declared.value
        else:
            message, hint = (
                f"this {made.noun} has two {many} with this {source}",
                "give each {} an `id`",
            )
            hint, at = hint.format(many.removesuffix("s")), item.node
        made.faults.add(at, f"{message} (the first is on line {first.node.line})", hint)


def _natural(group: str, keys: Mapping[Any, Any]) -> Any:
    return keys.get(GROUPS[group].id_from) if GROUPS[group].is_written_whole else None
