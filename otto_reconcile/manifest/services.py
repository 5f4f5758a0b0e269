"""What is wrong with the tool services that manifests name, each and together."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.manifest.drafts import Draft, Item
from otto_reconcile.manifest.tree import child, find
from otto_reconcile.model import ToolService
from otto_reconcile.model.tool_service import address, fault_of


def check_services(drafts: Iterable[Draft]) -> None:
    """Services that cannot be used, that are there twice, and that two bots describe otherwise."""
    first: dict[str, tuple[Draft, Item]] = {}
    for draft in drafts:
        here: dict[str, Item] = {}
        for item in draft.tool_services:
            if _is_named_by_a_secret(draft, item):
                continue  # a fault already; its name must not reach another message
            service = _service(item)
            if fault := fault_of(service):
                at = child(item.node, fault.field) or item.node
                draft.faults.add(at, fault.message, fault.hint)
                continue
            twin = here.setdefault(service.name, item)
            if twin is not item:
                message = f"this bot has two tool services named `{service.name}`"
                where = f"the first is on line {twin.node.line}"
                draft.faults.add(item.node, f"{message} ({where})", "change one of them")
                continue
            other, known = first.setdefault(service.name, (draft, item))
            if _essence(_service(known)) != _essence(service):
                message = (
                    f"bot `{other.bot_id}` has another tool service `{service.name}`"
                    if other.kind == "Bot"
                    else f"there is another tool service `{service.name}` for all bots"
                )
                where = f"see {known.node.file or other.faults.file}:{known.node.line}"
                hint = f"bots share services by name: make them equal, or name them apart; {where}"
                draft.faults.add(item.node, message, hint)


def _is_named_by_a_secret(draft: Draft, item: Item) -> bool:
    name = child(item.node, "name")
    return any(find(draft.root, path) is name for path in draft.secrets)


def _service(item: Item) -> ToolService:
    return ToolService.model_validate(item.form.model_dump(exclude_none=True))


def _essence(service: ToolService) -> tuple[str, str, str | None]:
    return service.kind, address(service), service.source
