"""A long specification in pages that fit a tool's answer. For the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from otto_reconcile.model import JSON

LISTS = ("guidelines", "journeys", "relationships")
PAGE = 12_000
"""Bytes of JSON on a page; the rest of an answer needs room as well."""


def paged(specification: Mapping[str, JSON]) -> list[dict[str, Any]]:
    """Pages that are specifications of a part each, with the bot's id and name on all of them.

    Nothing is on two pages, and all is on one of them. Only an item that is larger than a page
    makes one that is too long.
    """
    start = {name: specification[name] for name in ("id", "name")}
    found: list[dict[str, Any]] = [dict(start)]
    size = 0
    for name, item in _items(specification):
        length = len(json.dumps({name: item}))
        if size and size + length > PAGE:
            found.append(dict(start))
            size = 0
        size += length
        if name in LISTS:
            found[-1].setdefault(name, []).append(item)
        else:
            found[-1][name] = item
    return found


def _items(specification: Mapping[str, JSON]) -> Iterator[tuple[str, JSON]]:
    """What must stay together: a part each of the lists, and all else field by field."""
    for name, value in specification.items():
        if name in LISTS and isinstance(value, list):
            yield from ((name, item) for item in value)
        elif name not in ("id", "name"):
            yield name, value
