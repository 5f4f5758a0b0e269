"""Documents that bots share as rows, and the way back.

Such a document is one row with all that it has: in `glossaries`, or one of `tool_services` that
names no bot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from otto_reconcile.model import Masked, ToolService
from otto_reconcile.model.shared import GROUPS, Glossary, SharedDocument, SharedToolService
from otto_reconcile.model.tool_service import fault_of
from otto_reconcile.records.rows.values import NotUnderstood, id_in, newest, plain, said, value_at
from otto_reconcile.store.base import Document

COLLECTION_OF = {Glossary.prefix: "glossaries", SharedToolService.prefix: "tool_services"}
"""The collection of the rows of each sort of shared document."""

_MODELS: dict[str, type[SharedDocument]] = {
    "glossaries": Glossary,
    "tool_services": SharedToolService,
}
_WITH_BOTS = frozenset({"tool_services"})  # these have rows of bots too
_KEYS = {"glossaries": "glossary_id", "tool_services": "name"}
_OWN = ("annotations", "labels")
_FIELDS = {
    "glossaries": (*_OWN, "used_by", *GROUPS),
    "tool_services": (*_OWN, "kind", "url", "source"),
}
OURS = {
    name: frozenset({_KEYS[name], *_FIELDS[name], "created_at", "updated_at"}) for name in _MODELS
}
"""The fields that are ours in each collection; all others are other programs'."""


def main_row(stream: str) -> tuple[str, Document]:
    """Where the row of a shared document is: the collection, and a filter."""
    prefix, _, own = stream.partition("/")
    name = COLLECTION_OF[prefix]
    no_bot = {"bot_id": None} if name in _WITH_BOTS else {}
    return name, {_KEYS[name]: own, **no_bot}


def is_shared_row(name: str, row: Document) -> bool:
    """True for a row that is a shared document: in `tool_services` one that names no bot."""
    return name in _MODELS and (name not in _WITH_BOTS or row.get("bot_id") is None)


def shared_row(document: SharedDocument) -> tuple[str, Document]:
    """The row without its times, and its collection."""
    name = COLLECTION_OF[document.prefix]
    fields = document.to_document()
    if isinstance(document, SharedToolService):
        fields |= document.service.model_dump(exclude_none=True)
    return name, {_KEYS[name]: document.id, **{f: fields[f] for f in _FIELDS[name] if f in fields}}


def shared_by_stream(
    rows: Mapping[str, Sequence[Document]],
) -> tuple[dict[str, dict[str, list[Document]]], list[str]]:
    """The rows of each shared document, and a problem for each row that names none."""
    found: dict[str, dict[str, list[Document]]] = {}
    problems = []
    for name, model in _MODELS.items():
        for row in (row for row in rows.get(name, ()) if is_shared_row(name, row)):
            try:
                stream = f"{model.prefix}/{id_in(row, _KEYS[name])}"
                found.setdefault(stream, {name: []})[name].append(row)
            except NotUnderstood as error:
                problems.append(f"a row of {name} was left out: {error}")
    return found, problems


def shared_from_rows(
    stream: str, rows: Mapping[str, Sequence[Document]], known: SharedDocument | None
) -> tuple[SharedDocument | None, list[str]]:
    """The document that its row means; None, and a problem, if that is not understood."""
    name, own = main_row(stream)[0], stream.partition("/")[2]
    problems: list[str] = []
    try:
        row = newest(own, name, rows[name], problems)
        fields = {f: plain(row[f]) for f in _FIELDS[name] if row.get(f) is not None}
        document = _document(name, own, fields)
    except (NotUnderstood, ValidationError) as error:
        return None, [*problems, f"{name} row {own!r}: {said(error)}; it stays as it was"]
    if known is None:
        return document, problems
    return document.model_copy(update={"masked": _still_masked(document, known)}), problems


def _document(name: str, own: str, fields: dict[str, Any]) -> SharedDocument:
    if name == "glossaries":
        return Glossary.from_document({"id": own, **fields})
    people = {field: fields.pop(field) for field in _OWN if field in fields}
    service = ToolService.model_validate({"name": own, **fields})
    if fault := fault_of(service):
        raise NotUnderstood(f"{fault.field}: {fault.message}")
    return SharedToolService(id=own, service=service, **people)


def shared_view(document: SharedDocument) -> Mapping[str, Any]:
    """All that a row can say of it."""
    return shared_row(document)[1]


def _still_masked(now: SharedDocument, before: SharedDocument) -> dict[str, Masked]:
    """How values were made of secrets, where the value is the same."""
    new, old = shared_view(now), shared_view(before)
    return {
        path: masked
        for path, masked in before.masked.items()
        if (value := value_at(new, path)) is not None and value == value_at(old, path)
    }
