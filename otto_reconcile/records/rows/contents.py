"""Canned responses, variables, capabilities and customers as rows, and the way back.

For `projections` and `decoding`, which read the rest of a bot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from otto_reconcile.model import Bot
from otto_reconcile.model.bot import CannedResponse, Capability, Customer, Variable
from otto_reconcile.records.rows.values import (
    NotUnderstood,
    id_in,
    needed,
    plain,
    text,
    texts,
    truth,
)
from otto_reconcile.store.base import Document

KEYS = {
    "canned_responses": "canned_response_id",
    "variables": "name",
    "capabilities": "title",
    "customers": "customer_id",
}
"""The collections, each named as the bot's list is, with the field that has a part's id."""

_MODELS: Mapping[str, type[BaseModel]] = {
    "canned_responses": CannedResponse,
    "variables": Variable,
    "capabilities": Capability,
    "customers": Customer,
}
OURS = {
    name: frozenset({KEYS[name], "bot_id", "created_at", "updated_at", *model.model_fields})
    - {"id"}
    for name, model in _MODELS.items()
}
"""The fields that are ours in each collection; all others are other programs'."""


def content_rows(bot: Bot) -> Iterable[tuple[str, Document]]:
    """The rows of a bot with their collections, without their times."""
    for name, key in KEYS.items():
        for part in getattr(bot, name):
            fields = part.model_dump(mode="json", exclude={"id"}, exclude_none=True)
            yield name, {key: part.id, "bot_id": bot.id, **fields}


def _canned_response(row: Document) -> CannedResponse:
    return CannedResponse(
        id=id_in(row, "canned_response_id"),
        value=needed(row, "value"),
        fields=_data(row, "fields", list),
        signals=texts(row, "signals"),
        field_dependencies=texts(row, "field_dependencies"),
        preamble=truth(row, "preamble"),
        tags=texts(row, "tags"),
        metadata=_data(row, "metadata", Mapping),
    )


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


def _capability(row: Document) -> Capability:
    return Capability(
        title=needed(row, "title"),
        description=needed(row, "description"),
        signals=texts(row, "signals"),
        tags=texts(row, "tags"),
    )


def _customer(row: Document) -> Customer:
    return Customer(
        id=id_in(row, "customer_id"),
        name=text(row, "name") or None,
        metadata=_data(row, "metadata", Mapping),
        tags=texts(row, "tags"),
    )


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


READERS: Mapping[str, Callable[[Document], Any]] = {
    "canned_responses": _canned_response,
    "variables": _variable,
    "capabilities": _capability,
    "customers": _customer,
}
"""How a row of each collection is understood. They raise NotUnderstood and ValidationError."""
