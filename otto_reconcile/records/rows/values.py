"""Single values in rows that another program may have written, read with patience."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from pydantic import ValidationError

from otto_reconcile.model.part import EXACT_ID, LONGEST_ID
from otto_reconcile.records.events import utc
from otto_reconcile.records.fields import said_of
from otto_reconcile.runtime.limits import LARGEST
from otto_reconcile.store.base import DAMAGED, Document

_MODES = {
    "fluid": "fluid", "canned_fluid": "fluid",
    "composited": "composited", "canned_composited": "composited",
    "composited_canned": "composited",
    "strict": "strict", "canned_strict": "strict", "strict_canned": "strict",
}  # fmt: skip
_OLDEST = datetime.min.replace(tzinfo=UTC)
_DEEPEST = 90  # levels; MongoDB holds 100, and an event has some around it


class NotUnderstood(ValueError):
    """A row says something that no bot can be made of; the text says what."""


def id_in(row: Document, field: str) -> str:
    """An id as it is; other types (a number, MongoDB's ObjectId) as their text."""
    value = row.get(field)
    if value is None or value == "" or isinstance(value, Mapping | list | bool):
        raise NotUnderstood(f"it has no {field}")
    if isinstance(value, float) and not isfinite(value):
        raise NotUnderstood(f"{field} is {value}, which is no id")
    found = str(value)
    if len(found) > LONGEST_ID or not re.fullmatch(EXACT_ID, found):
        allowed = "an id is 1 to 200 letters, digits, '.', '_' or '-', and more than '.' or '..'"
        raise NotUnderstood(f"{field} {found[:60]!r} cannot be addressed on a target: {allowed}")
    return found


def mode(value: Any, *more: str) -> str | None:
    """`fluid`, `composited` or `strict` in any spelling: FLUID, canned_fluid, Strict-Canned, ...

    `more` are others that may stand there, as they are.
    """
    if value is None or value == "":
        return None
    word = str(value).strip().rpartition(".")[2].lower().replace("-", "_").replace(" ", "_")
    if word not in (*_MODES, *more):
        names = ", ".join(("fluid", "composited", "strict", *more))
        raise NotUnderstood(f"composition_mode {value!r} is none of {names}")
    return _MODES.get(word, word)


def needed(row: Document, field: str) -> str:
    found = text(row, field)
    if not found or not found.strip():
        raise NotUnderstood(f"it has no {field}")
    return found


def text(row: Document, field: str) -> str | None:
    value = row.get(field)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | Mapping | list):
        raise NotUnderstood(f"{field} is not a text")
    if isinstance(value, float) and not isfinite(value):
        raise NotUnderstood(f"{field} is {value}, which is no text")
    return str(value)


def texts(row: Document, field: str) -> list[str] | None:
    value = row.get(field)
    if value is None:
        return None
    if isinstance(value, str):
        return [value] if value.strip() else []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise NotUnderstood(f"{field} is not a list of texts")
    return [item for item in value if item.strip()]


_WHOLE = re.compile(r"\s*-?[0-9]+\s*", re.ASCII)


def number(row: Document, field: str) -> int | None:
    value = row.get(field)
    if value is None:
        return None
    try:
        whole = int(value)
        said = _WHOLE.fullmatch(value) if isinstance(value, str) else whole == value
        right = not isinstance(value, bool) and bool(said)
        if right and -LARGEST <= whole < LARGEST:
            return whole
    except (TypeError, ValueError, OverflowError):
        pass
    raise NotUnderstood(f"{field} {str(value)[:60]!r} is not a whole number of 64 bits")


def truth(row: Document, field: str) -> bool | None:
    value = row.get(field)
    if value is None or isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    raise NotUnderstood(f"{field} {value!r} is neither true nor false")


def time_in(row: Document, field: str) -> datetime:
    value = row.get(field)
    try:
        value = datetime.fromisoformat(value) if isinstance(value, str) else value
        return utc(value) if isinstance(value, datetime) else _OLDEST
    except (ValueError, OverflowError):
        return _OLDEST


def plain(value: Any, level: int = 1) -> Any:
    """As JSON can hold it: other types become their text. Raises NotUnderstood if nested deeply."""
    if level > _DEEPEST:
        raise NotUnderstood(f"it is nested more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        return _with_texts_for_keys(value, level)
    if hasattr(value, "as_doc"):  # what the driver makes of an object with `$ref` and `$id`
        raise NotUnderstood("an object with `$ref` and `$id` is a reference for MongoDB")
    if isinstance(value, list | tuple):
        return [plain(item, level + 1) for item in value]
    if isinstance(value, datetime):
        return utc(value).isoformat()
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value if isinstance(value, str | float) else str(value)


def _with_texts_for_keys(value: Mapping[Any, Any], level: int) -> dict[str, Any]:
    found = {str(name): plain(item, level + 1) for name, item in value.items()}
    if len(found) < len(value):
        raise NotUnderstood("two of its keys are the same text")
    return found


def newest(row_id: str, name: str, same: Sequence[Document], problems: list[str]) -> Document:
    """Of several rows with one id, the one that was written last. Raises NotUnderstood."""
    latest = max(same, key=lambda row: (time_in(row, "updated_at"), time_in(row, "created_at")))
    if DAMAGED in latest:
        raise NotUnderstood(str(latest[DAMAGED]))
    dates = {"created_at", "updated_at"}
    bare = [{k: v for k, v in row.items() if k not in dates} for row in same]
    if any(row != bare[0] for row in bare[1:]):
        problems.append(f"{name}: {len(same)} different rows say they are {row_id!r}; newest taken")
    return latest


def said(error: Exception) -> str:
    """What is wrong with a row, of a NotUnderstood or of pydantic's ValidationError."""
    if isinstance(error, ValidationError):
        return said_of(error)
    return str(error)


def value_at(value: Any, path: str) -> Any:
    """The value at a path as `Bot.masked` names it (`terms/<id>/description`); None if none is."""
    for step in path.split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            named = {str(at): item for at, item in enumerate(value)}
            parts = [part for part in value if isinstance(part, Mapping)]
            keys = ("id", "name", "title")
            named |= {str(part[key]): part for part in parts for key in keys if key in part}
            value = named.get(name)
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value
