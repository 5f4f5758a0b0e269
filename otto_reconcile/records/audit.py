"""The record of every call to a target: intent before it, outcome after it. Written by the loop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from otto_reconcile.model import JSON
from otto_reconcile.planning.plan import Operation, Result
from otto_reconcile.records.events import utc
from otto_reconcile.runtime.limits import LARGEST, Unfit, check
from otto_reconcile.store.base import Document, Store, Write

_LOOKED_AT = 200
"""Records of a bot, at most, among which its last change is looked for."""
_NEWEST = (("started", -1), ("action_id", -1))
_LONGEST = 10_000  # characters of a value in a record that cannot be kept whole
_YEAR = 366 * 86400.0  # seconds; no call takes longer
_DIED = "the process ended between the call and its record"


@dataclass(frozen=True, slots=True)
class Record:
    """One action on one thing. `changes` are {field, before, after}, masked by whoever made them.

    Numbers in them that not every store holds (beyond 64 bits, infinite) come back as text.

    `started` is a time, `duration` in seconds; `outcome` (see plan.Result) is None until there is
    one, and stays None where a process died. `commit` is that of the revision, if it has one.
    """

    action_id: str
    run_id: str
    target: str
    bot_id: str
    kind: str
    key: str
    operation: str
    cause: str
    changes: tuple[Mapping[str, JSON], ...]
    revision: int
    started: datetime
    duration: float | None = None
    outcome: str | None = None
    error: str | None = None
    commit: str | None = None


_NAMES = tuple(field.name for field in fields(Record))


class Audit:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def intend(self, records: Sequence[Record]) -> None:
        """Before the calls. Again with the same records changes nothing."""
        self._store.batch([self.writing(records)])

    def conclude(self, records: Sequence[Record]) -> None:
        """After the calls; also for records that were never intended (what was skipped)."""
        self._store.batch([self.writing(records)])

    def writing(self, records: Sequence[Record]) -> Write:
        """What `intend` and `conclude` write, for a batch with the applied sets'."""
        return Write("put", "actions", [_document(record) for record in records])

    def dropping(self, action_ids: Sequence[str]) -> Write:
        """What takes records away of calls that were intended and never made."""
        return Write("delete", "actions", [{"action_id": action_id} for action_id in action_ids])

    def find(
        self,
        *,
        bot_id: str | None = None,
        run_id: str | None = None,
        target: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 0,
    ) -> list[Record]:
        """Newest first; `since` counts in, `until` does not; at most `limit` (0: all)."""
        where: Document = {
            name: value
            for name, value in (
                ("bot_id", bot_id),
                ("run_id", run_id),
                ("target", target),
                ("outcome", outcome),
            )
            if value is not None
        }
        times = {"$gte": since, "$lt": until}
        if bounds := {sign: utc(time) for sign, time in times.items() if time is not None}:
            where["started"] = bounds
        found = self._store.find("actions", where, order=_NEWEST, limit=limit)
        records = (_record(document) for document in found)
        return [record for record in records if record is not None]

    def last_change(self, bot_id: str, target: str) -> datetime | None:
        """When a bot was last changed on a target, as far back as its newest records say."""
        done = {"bot_id": bot_id, "target": target, "outcome": str(Result.SUCCEEDED)}
        found = self._store.find("actions", done, order=_NEWEST, limit=_LOOKED_AT)
        records = (_record(document) for document in found)
        changes = (r for r in records if r and r.operation in list(Operation))  # no evaluations
        return next((r.started + timedelta(seconds=r.duration or 0.0) for r in changes), None)

    def close_open(self, target: str) -> int:
        """Intents without an outcome, of a process that died, become `unknown`; how many."""
        open_ones = self._store.find(
            "actions", {"target": target, "outcome": None}, fields=("action_id",)
        )
        changes = {"outcome": str(Result.UNKNOWN), "error": _DIED}
        ids = [d["action_id"] for d in open_ones if isinstance(d.get("action_id"), str)]
        return sum(
            self._store.swap("actions", {"action_id": one, "outcome": None}, changes) for one in ids
        )


def _document(record: Record) -> Document:
    values = {name: _held(getattr(record, name)) for name in _NAMES}
    document = {**values, "changes": [_held(change) for change in record.changes]}
    try:
        check(document)
    except Unfit:  # too large or too deep
        document["changes"] = [
            {name: _told(value) for name, value in change.items()} for change in record.changes
        ]
    return document


def _told(value: JSON) -> str:
    """The beginning of it as text: what happened is on record, whatever the value was."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return str(_held(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."))


def _held(value: JSON) -> JSON:
    """As every store holds it: a target may say numbers that MongoDB or JSON have no place for.

    Those become their text, so that what is told by a target never stops its mending.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        if {"$ref", "$id"} <= value.keys():  # MongoDB would take it for a reference
            return json.dumps(value, default=str)
        return {str(_held(key)).replace("\0", "\\0"): _held(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_held(item) for item in value]
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value


def _is(value: object, types: Any) -> bool:
    return value is None or (isinstance(value, types) and not isinstance(value, bool))


def _record(document: Document) -> Record | None:
    """None for one that is damaged."""
    values = {name: document.get(name) for name in _NAMES}
    texts = [values[name] for name in _NAMES[: _NAMES.index("changes")]]
    changes, started = document.get("changes") or (), document.get("started")
    if not (isinstance(started, datetime) and isinstance(changes, list | tuple)):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    if not (_is(values["duration"], float | int) and _is(values["revision"], int)):
        return None
    if not 0.0 <= (values["duration"] or 0.0) <= _YEAR:
        return None
    if not all(_is(values[name], str) for name in ("outcome", "error", "commit")):
        return None
    values["changes"] = tuple(change for change in changes if isinstance(change, Mapping))
    values["started"] = utc(started)
    return Record(**values)  # type: ignore[arg-type]
