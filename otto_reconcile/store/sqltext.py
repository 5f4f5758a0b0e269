"""Documents and filters as SQLite takes them: used by the SQLite store only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from otto_reconcile.errors import PermanentError
from otto_reconcile.runtime import exact_json
from otto_reconcile.runtime.limits import MOST_ROWS
from otto_reconcile.store.base import DAMAGED, Collection, Document, Filter, Order
from otto_reconcile.store.collections import COLLECTIONS, WATCHED
from otto_reconcile.store.matching import conditions

_DATE, _PLAIN = "$date", "$plain"
_SIGNS = {"$eq": "=", "$gt": ">", "$gte": ">=", "$lt": "<"}
_NUMBERS, _TEXTS = "('integer', 'real')", "('text')"


def encode(document: Mapping[str, Any]) -> str:
    """JSON with a time as `{"$date": text}`. Raises PermanentError for what JSON cannot hold."""
    dates: list[datetime] = []

    def simple(value: Any) -> Any:
        if isinstance(value, datetime):
            dates.append(value)
            return {_DATE: stamp(value)}
        if isinstance(value, Mapping):
            return dict(value)
        raise TypeError(f"a {type(value).__name__} is no JSON value")

    try:
        text = json.dumps(document, separators=(",", ":"), allow_nan=False, default=simple)
        if text.count(f'"{_DATE}"') == len(dates) and f'"{_PLAIN}"' not in text:
            return text
        return json.dumps(_plain(document), separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PermanentError(f"cannot be stored: {error}") from error


def text_of(raw: bytes) -> str:
    """Bytes that are no UTF-8 become lone surrogates, which `decode` finds."""
    return raw.decode("utf-8", "surrogateescape")


def decode(text: str, collection: Collection) -> Document:
    """The document again; other programs' JSON is taken as it is, what is no object as empty.

    Of what cannot be used as it is (JSON that Python cannot take, half a character, a time beyond
    the calendar, and in a collection of our own a number beyond 64 bits), the keys that can be
    told, and why.
    """
    try:
        loaded = _loaded(text, own=collection.own)
    except (ValueError, OverflowError, RecursionError) as error:
        told = _told(text, (*collection.keys, "bot_id"))
        return {**told, DAMAGED: f"its JSON cannot be read: {error}"}
    return loaded if isinstance(loaded, dict) else {DAMAGED: "it is no JSON object"}


def decode_some(text: str, fields: Sequence[str], collection: Collection) -> Document:
    """What `some(fields)` gave, by name, without what is not there. Raises as `_loaded` does."""
    values = _loaded(text, own=collection.own)
    found = zip(fields, values, strict=False)  # there is one more behind them
    return {name: value for name, value in found if value is not None}


def _loaded(text: str, *, own: bool) -> Any:
    loaded = exact_json.loads(text) if own else exact_json.loads_any_number(text)
    dates, plain = text.count(f'"{_DATE}"'), f'"{_PLAIN}"' not in text
    if plain and not dates:
        return loaded
    if plain and isinstance(loaded, dict):
        timed = {name: one for name, one in loaded.items() if _is_time(one)}
        if len(timed) == dates:  # it has no others deeper in it
            loaded.update((name, _time(one[_DATE], own)) for name, one in timed.items())
            return loaded
    return _restored(loaded, own)


def _is_time(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_DATE} and isinstance(value[_DATE], str)


def _told(text: str, keys: Sequence[str]) -> Document:
    """The first plain value that stands in a JSON text under each of these names."""
    found: Document = {}
    for key in keys:
        plain = re.search(rf'"{re.escape(key)}"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d{{1,18}}\b)', text)
        with suppress(ValueError):
            if plain is not None:
                value = json.loads(plain[1])
                str(value).encode()
                found[key] = value
    return found


def stamp(time: datetime) -> str:
    """Of fixed width, so that texts sort as times do. A time without a zone is taken as UTC."""
    utc = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {key: _plain(item) for key, item in value.items()}
        return {_PLAIN: plain} if value.keys() in ({_DATE}, {_PLAIN}) else plain
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return {_DATE: stamp(value)}
    return value


def _restored(value: Any, own: bool) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_DATE}:
            return _time(value[_DATE], own)
        if value.keys() == {_PLAIN} and isinstance(value[_PLAIN], dict):
            return {key: _restored(item, own) for key, item in value[_PLAIN].items()}
        return {key: _restored(item, own) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item, own) for item in value]
    return value


def _time(value: Any, own: bool) -> Any:
    """Raises ValueError for one beyond the calendar in UTC, and of our own for what is no time.

    Others may write there what they like: it stays.
    """
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        if own:
            raise ValueError(f"{str(value)[:40]!r} is no time") from None
        return value
    try:
        return time.astimezone(UTC) if time.tzinfo else time
    except OverflowError as error:
        raise ValueError(f"the time {value} is beyond the calendar") from error


def path(name: str) -> str:
    """The SQL expression of a field."""
    return f"json_extract(document, {_place(name)})"


def some(fields: Sequence[str]) -> str:
    """The SQL expression of a JSON array of fields, and of one more: one alone would be no array.

    The rest of a document is not handed out, and so need not be read.
    """
    return f"json_extract(document, {', '.join(map(_place, (*fields, fields[0])))})"


def _place(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"'$.\"{quoted}\"'"


def clause(where: Filter | None, order: Order = (), limit: int = 0) -> tuple[str, list[Any]]:
    """Everything after the table's name, and its parameters."""
    parts: list[str] = []
    values: list[Any] = []
    for name, operator, value in conditions(where):
        part, more = _condition(path(name), operator, value)
        parts.append(part)
        values.extend(more)
    text = f" WHERE {' AND '.join(parts)}" if parts else ""
    keys = [f"{path(name)} {'DESC' if direction < 0 else 'ASC'}" for name, direction in order]
    text += f" ORDER BY {', '.join([*keys, 'id'])}"
    return text + (f" LIMIT {min(int(limit), MOST_ROWS)}" if limit else ""), values


def _condition(field: str, operator: str, value: Any) -> tuple[str, list[Any]]:
    if operator == "$in":
        listed = f"{field} IN (SELECT value FROM json_each(?))"
        some = json.dumps([_scalar(item) for item in value if item is not None])
        return (f"({listed} OR {field} IS NULL)" if None in value else listed), [some]
    if operator == "$ne":
        return f"{field} IS NOT ?", [_scalar(value)]
    if value is None:
        return f"{field} IS NULL", []
    if operator == "$eq":
        return f"{field} = ?", [_scalar(value)]
    kinds = _NUMBERS if isinstance(value, int | float) else _TEXTS
    return f"({field} {_SIGNS[operator]} ? AND typeof({field}) IN {kinds})", [_scalar(value)]


def _scalar(value: Any) -> Any:
    """As json_extract gives it back: objects as their JSON."""
    if isinstance(value, datetime | Mapping | list | tuple):
        return json.dumps(_plain(value), separators=(",", ":"))
    return int(value) if isinstance(value, bool) else value


def schema() -> list[str]:
    """Statements that make all tables; each can be run again."""
    statements = ["CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, value INTEGER)"]
    statements.append("INSERT OR IGNORE INTO clock VALUES (1, 0)")
    for collection in COLLECTIONS.values():
        statements.extend(_table(collection))
    for name in WATCHED:
        for event in ("INSERT", "UPDATE", "DELETE"):
            statements.append(
                f"CREATE TRIGGER IF NOT EXISTS {name}_{event.lower()} AFTER {event} ON {name} "
                "BEGIN UPDATE clock SET value = value + 1; END"
            )
    return statements


def _table(collection: Collection) -> list[str]:
    name = collection.name
    key = ", ".join(path(field) for field in collection.keys)
    unique = "UNIQUE " if collection.own else ""
    table = (
        f"CREATE TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY AUTOINCREMENT, "
        "document TEXT NOT NULL CHECK (json_valid(document)), "
        f"key TEXT GENERATED ALWAYS AS (json_array({key})) VIRTUAL)"
    )
    statements = [
        table,
        f"CREATE {unique}INDEX IF NOT EXISTS {name}_key ON {name} (key)",
    ]
    wanted = {collection.keys[:1], *collection.indexes}
    for fields in sorted(wanted):
        index = f"{name}_{'_'.join(fields)}"
        columns = ", ".join(path(field) for field in fields)
        statements.append(f"CREATE INDEX IF NOT EXISTS {index} ON {name} ({columns})")
    return statements
