"""A bot as rows of the collections that others read and write too: docs/desired-state.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from otto_reconcile.model import Bot, Guideline
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.journey_graph import plain
from otto_reconcile.model.shared import Declaration, is_shared, stream_of
from otto_reconcile.records.rows import contents
from otto_reconcile.records.rows.shared import OURS as SHARED_OURS
from otto_reconcile.records.rows.shared import is_shared_row, main_row, shared_row
from otto_reconcile.store.base import DAMAGED, Collection, Document, Store, Write
from otto_reconcile.store.collections import COLLECTIONS, key_of

Rows: TypeAlias = Mapping[str, Sequence[Document]]
"""Rows by the name of their collection."""

_MAPPINGS = "tool_mappings"
COLLECTION_NAMES = ("bots", *GROUPS, _MAPPINGS)
"""The collections of rows, the one that makes a bot first."""

PART_NAMES = COLLECTION_NAMES[1:]
"""Those that have the parts of bots."""

SOLE = tuple(name for name in GROUPS if "bot_id" not in COLLECTIONS[name].keys)
"""The groups whose ids no two bots may share: a part is one row, and one thing on a target."""

_CORE = {
    "bots": ("name", "description", "composition_mode", "max_engine_iterations"),
    "guidelines": ("condition", "action", "description", "criticality"),
    "journeys": ("title", "description", "conditions"),
}
_MORE = {
    "bots": ("message_output_mode", "tags"),
    "guidelines": (
        "composition_mode",
        "enabled",
        "priority",
        "track",
        "labels",
        "tags",
        "metadata",
        "canned_responses",
    ),
    "journeys": (
        "labels",
        "priority",
        "composition_mode",
        "tags",
        "states",
        "canned_responses",
    ),
    "relationships": ("group",),
}
_UNDATED = frozenset({"tool_mappings", "relationships"})  # these have created_at only
_MADE = {"bots": ("metadata",), "guidelines": ("tools",)}  # by a rule of their own
_ALWAYS = ("bot_id", "created_at", "updated_at")
_OURS = {
    name: frozenset((*COLLECTIONS[name].keys, *_ALWAYS)).union(
        *(fields.get(name, ()) for fields in (_CORE, _MORE, _MADE))
    )
    for name in COLLECTION_NAMES
} | contents.OURS
_LABELS = re.compile(r"_*labels")


def ours_of(name: str, row: Document) -> frozenset[str]:
    """The fields of a row that are ours; all others are other programs'."""
    return SHARED_OURS[name] if is_shared_row(name, row) else _OURS[name]


def rows_of_declaration(declaration: Declaration) -> Rows:
    """The rows of a bot or of a shared document, without their times."""
    if isinstance(declaration, Bot):
        return rows_of(declaration)
    name, row = shared_row(declaration)
    return {name: [row]}


def rows_of(bot: Bot) -> dict[str, list[Document]]:
    """The rows of a bot, without their times."""
    rows: dict[str, list[Document]] = {name: [] for name in COLLECTION_NAMES}
    rows["bots"].append({"bot_id": bot.id, **_fields("bots", bot), "metadata": metadata_of(bot)})
    for guideline in bot.guidelines:
        rows["guidelines"].append(_guideline(bot.id, guideline))
        for tool in sorted(set(guideline.tools or ())):
            mapping = {"bot_id": bot.id, "guideline_id": guideline.id, "tool_name": tool}
            rows["tool_mappings"].append(mapping)
    for journey in bot.journeys:
        fields = _fields("journeys", journey)
        if journey.states is not None:
            fields["states"] = plain(journey.states)
        rows["journeys"].append({"journey_id": journey.id, "bot_id": bot.id, **fields})
    for name, content in contents.content_rows(bot):
        rows[name].append(content)
    pairs = {(r.kind, r.source, r.target): r.group for r in bot.relationships}
    for (kind, source, target), group in sorted(pairs.items()):
        row = {"bot_id": bot.id, "kind": kind, "source": source, "target": target}
        row |= {"group": group} if group is not None else {}
        rows["relationships"].append(row)
    return rows


def metadata_of(bot: Bot) -> Document:
    """The annotations as they are, and the labels under `labels`.

    An annotation of that name has `_` put before it, unless it cannot be taken for labels.
    """
    own = bot.annotations.get("labels")
    if not bot.labels and own is not None and not are_labels(own):
        return dict(bot.annotations)
    metadata = {
        f"_{name}" if _LABELS.fullmatch(name) else name: value
        for name, value in bot.annotations.items()
    }
    return {**metadata, "labels": dict(bot.labels)} if bot.labels else metadata


def from_metadata(metadata: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Labels and annotations; the way back of `metadata_of`."""
    found = metadata.get("labels")
    if found is not None and not are_labels(found):
        return {}, dict(metadata)
    annotations = {
        name[1:] if _LABELS.fullmatch(name) else name: value
        for name, value in metadata.items()
        if name != "labels"
    }
    return dict(found or {}), annotations


def are_labels(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(text, str) for name, text in value.items()
    )


def row_count(name: str, bot: Bot) -> int:
    """How many rows a bot has in one of PART_NAMES, without making them."""
    if name == _MAPPINGS:
        return sum(len(set(guideline.tools or ())) for guideline in bot.guidelines)
    return len(GROUPS[name].of(bot))


def stored_rows(store: Store, streams: Sequence[str]) -> dict[str, dict[str, list[Document]]]:
    """All rows of these bots and shared documents, by what their revisions are kept under."""
    found: dict[str, dict[str, list[Document]]] = {stream: {} for stream in streams}
    bot_ids = [stream for stream in streams if not is_shared(stream)]
    for name in COLLECTION_NAMES if bot_ids else ():
        for row in store.find(name, {"bot_id": {"$in": bot_ids}}):
            bot_id = row.get("bot_id")  # MongoDB also finds lists that have the id in them
            if isinstance(bot_id, str):
                found[bot_id].setdefault(name, []).append(row)
    for stream in sorted(set(streams) - set(bot_ids)):
        name, where = main_row(stream)
        found[stream] = {name: store.find(name, where)}
    return found


def projection(
    declaration: Declaration,
    before: Declaration | None,
    stored: Rows,
    time: datetime,
    *,
    whole: bool = False,
) -> Iterator[Write]:
    """Writes that bring the stored rows to what is wanted; none for rows that say so already.

    Rows that neither this revision nor `before` knows are another program's, not yet absorbed, and
    stay; with `whole` they go, and of several rows of one key one is left. Rows with a list or an
    object in their key are never ours, and stay. Fields of others in a row that is ours are kept.
    """
    stream = stream_of(declaration)
    known = rows_of_declaration(before) if before is not None else {}
    for name, rows in rows_of_declaration(declaration).items():
        collection = COLLECTIONS[name]
        its = [
            row
            for row in stored.get(name, ())
            if (is_shared(stream) or row.get("bot_id") == stream)
            and _has_plain_key(collection, row)
        ]
        old = {key_of(collection, row): row for row in its}
        counts = Counter(key_of(collection, row) for row in its) if whole else Counter()
        doubled = {key for key, count in counts.items() if count > 1}
        new = {key_of(collection, row): row for row in rows}
        ours = {key_of(collection, row) for row in known.get(name, ())}
        gone = [key for key in old if key not in new and (whole or key in ours)]
        gone += [key for key in old if key in new and key in doubled]
        if gone:
            yield Write("delete", name, [_named(name, stream, old[key]) for key in gone])
        changed = [
            _dated(name, row, old.get(key), time)
            for key, row in new.items()
            if key not in old or key in doubled or not _says(old[key], row, name)
        ]
        if changed:
            yield Write("put", name, changed)


def has_row_of(stored: Rows, then: Declaration, now: Declaration | None, time: datetime) -> bool:
    """True if a stored row is to the letter one of `then`, written at that time, and not of now."""
    wanted = rows_of_declaration(now) if now is not None else {}
    for name, old in rows_of_declaration(then).items():
        for row in stored.get(name, ()):
            if name in _UNDATED or row.get("updated_at") != time:
                continue
            said_then = any(_says(row, one, name) for one in old)
            if said_then and not any(_says(row, one, name) for one in wanted.get(name, ())):
                return True
    return False


def removal(stream: str) -> Iterable[Write]:
    """Writes that take all rows of it away, the one that makes it a bot first."""
    if is_shared(stream):
        name, where = main_row(stream)
        return [Write("delete", name, [where])]
    return (Write("delete", name, [{"bot_id": stream}]) for name in COLLECTION_NAMES)


def _has_plain_key(collection: Collection, row: Document) -> bool:
    return all(not isinstance(part, Mapping | list) for part in key_of(collection, row))


def _named(name: str, bot_id: str, row: Document) -> Document:
    return {**{key: row.get(key) for key in COLLECTIONS[name].keys}, "bot_id": bot_id}


def _dated(name: str, row: Document, old: Document | None, time: datetime) -> Document:
    ours = ours_of(name, row) | {DAMAGED}
    others = {k: v for k, v in (old or {}).items() if k not in ours}
    created = (old or {}).get("created_at") or time
    dates = {"created_at": created} if name in _UNDATED else {}
    dates = dates or {"created_at": created, "updated_at": time}
    return {**row, **dates, **others}


def _says(old: Document, row: Document, name: str) -> bool:
    times = ("created_at", "updated_at")
    ours = ours_of(name, row)
    return {k: v for k, v in old.items() if k in ours and k not in times} == row


def _fields(name: str, part: Any) -> Document:
    fields = {field: getattr(part, field) for field in _CORE[name]}
    more = {field: getattr(part, field) for field in _MORE[name]}
    return {**fields, **{field: value for field, value in more.items() if value is not None}}


def _guideline(bot_id: str, guideline: Guideline) -> Document:
    row = {"guideline_id": guideline.id, "bot_id": bot_id, **_fields("guidelines", guideline)}
    return {**row, "tools": []} if guideline.tools == [] else row
