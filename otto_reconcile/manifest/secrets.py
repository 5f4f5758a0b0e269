"""Where secrets may stand in a manifest, and how their places are called. For drafting.

Where a service is and how one gets in are meant for secrets. All other texts go to a model and to
customers: a variable whose name or value looks like a secret is read into them only if whoever runs
the command allows it.
"""

from __future__ import annotations

from dataclasses import replace

from otto_reconcile.manifest.drafts import Draft
from otto_reconcile.manifest.interpolation import refuse_unset
from otto_reconcile.manifest.tree import Faults, Node, Path, find
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.runtime.escaping import MASKED, mask_in
from otto_reconcile.settings import ALLOW_ENV


def refuse_masks(node: Node, faults: Faults) -> None:
    """What is shown in the place of a secret is no value: somebody copied it from what is shown."""
    if isinstance(node.value, dict):
        for entry in node.value.values():
            refuse_masks(entry.value, faults)
    elif isinstance(node.value, list):
        for item in node.value:
            refuse_masks(item, faults)
    elif isinstance(node.value, str) and (offset := mask_in(node.value)) is not None:
        message = f"`{MASKED}` stands in the place of a secret here"
        faults.add_inside(node, offset, message, "write the value, or `${NAME}` for a variable")


def mask(made: Draft) -> None:
    """Notes where the document's secrets stand in its bot; a fault for those that may not."""
    for path, masked in sorted(made.secrets.items(), key=lambda pair: repr(pair[0])):
        place = _masked_path(made, path)
        at = replace(find(made.root, path), told=False)
        if place is None:
            hint = "only descriptions, conditions, actions and the like may hold one"
            made.faults.add(at, f"a secret ({', '.join(masked.variables)}) cannot stand here", hint)
            continue
        guarded = () if _is_of_service(made, path) else made.guarded.get(path, ())
        for name in guarded:
            _refuse_guarded(made, at, name)
        for unset in made.unset.get(path, ()):
            if unset.name not in guarded:
                refuse_unset(unset, at, made.faults)
        if place:
            made.masked[place] = masked


def _is_of_service(made: Draft, path: Path) -> bool:
    own = made.kind == "ToolService" and path[:-1] == ("spec",)
    part = path[:2] == ("spec", "tool_services") and len(path) == 4
    return (own or part) and path[-1] in ("url", "source")


def _refuse_guarded(made: Draft, at: Node, name: str) -> None:
    message = f"the environment variable {name} looks like a secret and may not be read here"
    hint = (
        f"allow it with `--allow-env {name}` ({ALLOW_ENV}) to the command, the daemon included,"
        " or keep it to the `url` or `source` of a tool service"
    )
    made.faults.add(at, message, hint)


def _masked_path(made: Draft, path: Path) -> str | None:
    """The path as a Bot has it; "" if its item is wrong anyway; None if it may not be there."""
    if path == ("spec", "description"):  # a name is how people are shown the bot everywhere
        return str(path[1])
    if made.kind == "ToolService" and path in (("spec", "url"), ("spec", "source")):
        return str(path[1])
    group = str(path[1]) if len(path) > 3 and path[0] == "spec" else ""
    if group == "tool_services" and path[3] in ("url", "source"):
        node = find(made.root, path[:3])
        names = (i.form.model_dump()["name"] for i in made.tool_services if i.node is node)
        return next((f"{group}/{name}/{path[3]}" for name in names), "")
    if group not in GROUPS or path[3] not in GROUPS[group].model.secret:
        return None
    node = find(made.root, path[:3])
    id_ = next((item.id for item in made.groups.get(group, ()) if item.node is node), None)
    if id_ is None:
        return ""
    return "/".join((group, *(pointer_part(part) for part in (id_, *path[3:]))))


def pointer_part(part: str | int) -> str:
    """One step of a path as text, written as JSON pointers write it."""
    return str(part).replace("~", "~0").replace("/", "~1")
