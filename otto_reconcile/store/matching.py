"""What filters and orders mean, for the store in memory; the others have it from their database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from otto_reconcile.store.base import Document, Filter, Order

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
}
OPERATORS = frozenset({*_COMPARE, "$in", "$ne"})


def conditions(where: Filter | None) -> Iterable[tuple[str, str, Any]]:
    """The filter as (field, operator, value), equality as `$eq`. Raises ValueError for others."""
    for name, wanted in (where or {}).items():
        if isinstance(wanted, Mapping) and any(str(key).startswith("$") for key in wanted):
            for key, value in wanted.items():
                if key not in OPERATORS:
                    raise ValueError(f"no such operator in a filter: {key}")
                yield name, key, value
        else:
            yield name, "$eq", wanted


def matches(document: Document, where: Filter | None) -> bool:
    return all(_holds(document.get(name), key, value) for name, key, value in conditions(where))


def _holds(found: Any, key: str, value: Any) -> bool:
    if key == "$eq":
        return _same(found, value)
    if key == "$ne":
        return not _same(found, value)
    if key == "$in":
        return any(_same(found, item) for item in value)
    return rank(found)[0] == rank(value)[0] and _COMPARE[key](found, value)


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def rank(value: Any) -> tuple[int, Any]:
    """Sorts values of different types: nothing, numbers, texts, truth values, dates, the rest."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 3, value
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, str):
        return 2, value
    if isinstance(value, datetime):
        return 4, value
    return 5, repr(value)


def ordered(documents: Iterable[Document], order: Order) -> list[Document]:
    result = list(documents)
    for name, direction in reversed(order):
        result.sort(key=lambda document: rank(document.get(name)), reverse=direction < 0)
    return result
