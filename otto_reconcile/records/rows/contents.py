"""Parts as rows, and the way back, for all lists of a bot that need no rule of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from otto_reconcile.model import Bot
from otto_reconcile.model.bot import Customer, ToolService, Variable
from otto_reconcile.model.groups import GROUPS, Group
from otto_reconcile.model.part import Part
from otto_reconcile.model.tool_service import fault_of
from otto_reconcile.records.rows.values import (
    NotUnderstood,
    id_in,
    needed,
    number,
    plain,
    text,
    texts,
    truth,
)
from otto_reconcile.store.base import Document

_BY_HAND = frozenset({"guidelines", "journeys", "relationships"})
"""Lists of a bot whose rows `projections` and `decoding` know themselves."""

KEYS = {name: str(group.key) for name, group in GROUPS.items() if name not in _BY_HAND}
"""The collections, each named as the bot's list is, with the field that has a part's id."""

OURS = {
    name: frozenset({key, "bot_id", "created_at", "updated_at", *GROUPS[name].model.model_fields})
    - {"id"}
    for name, key in KEYS.items()
}
"""The fields that are ours in each collection; all others are other programs'."""


def content_rows(bot: Bot) -> Iterable[tuple[str, Document]]:
    """The rows of a bot with their collections, without their times."""
    for name, key in KEYS.items():
        for part in getattr(bot, name):
            fields = part.model_dump(mode="json", exclude={"id"}, exclude_none=True)
            yield name, {key: part.id, "bot_id": bot.id, **fields}


def _part(group: Group, row: Document) -> Part:
    """A part whose row has its fields as they are, each read by what it is declared to be."""
    fields = group.model.model_fields
    values = {name: _value(row, name, field) for name, field in fields.items() if name != "id"}
    own = {"id": id_in(row, str(group.key))} if group.identity == "id" else {}
    return group.model.model_validate({**own, **values})


def _value(row: Document, name: str, field: FieldInfo) -> Any:
    kinds = [get_origin(one) or one for one in (get_args(field.annotation) or [field.annotation])]
    inner = [one for a in get_args(field.annotation) for one in get_args(a)]
    if bool in kinds:
        return truth(row, name)
    if int in kinds:
        return number(row, name)
    if dict in kinds:
        return _data(row, name, Mapping)
    if list in kinds:
        of_parts = any(isinstance(one, type) and issubclass(one, Part) for one in inner)
        return _data(row, name, list) if of_parts else texts(row, name)
    return needed(row, name) if field.is_required() else text(row, name)


def _variable(row: Document) -> Variable:
    values = _data(row, "values", Mapping)
    return Variable(
        name=needed(row, "name"),
        description=text(row, "description"),
        tool=_text_or_none(row, "tool"),
        freshness_rules=_text_or_none(row, "freshness_rules"),
        values=values and {whose: value for whose, value in values.items() if value is not None},
        tags=texts(row, "tags"),
    )


def _customer(row: Document) -> Customer:
    return Customer(
        id=id_in(row, "customer_id"),
        name=text(row, "name") or None,
        metadata=_data(row, "metadata", Mapping),
        tags=texts(row, "tags"),
    )


def _tool_service(row: Document) -> ToolService:
    service = ToolService(
        name=id_in(row, "name"),
        kind=needed(row, "kind").strip().lower(),  # type: ignore[arg-type]
        url=needed(row, "url"),
        source=text(row, "source"),
    )
    if fault := fault_of(service):
        raise NotUnderstood(f"{fault.field}: {fault.message}")
    return service


def _text_or_none(row: Document, field: str) -> str | None:
    """An empty text where there is to be none; None where the row says nothing of it."""
    found = text(row, field)
    return found if found is None or found.strip() else ""


def _data(row: Document, field: str, shape: type) -> Any:
    value = row.get(field)
    if value is not None and not isinstance(value, shape):
        what = "a list" if shape is list else "an object"
        raise NotUnderstood(f"{field} is not {what}")
    return plain(value)


_SPECIAL: Mapping[str, Callable[[Document], Any]] = {
    "variables": _variable,
    "customers": _customer,
    "tool_services": _tool_service,
}
READERS: Mapping[str, Callable[[Document], Any]] = {
    name: _SPECIAL.get(name, partial(_part, GROUPS[name])) for name in KEYS
}
"""How a row of each collection is understood. They raise NotUnderstood and ValidationError."""
