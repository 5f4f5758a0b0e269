"""The record of every call to a target: intent before it, outcome after it. Written by the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from math import isfinite

from otto_reconcile.events import utc
from otto_reconcile.plan import Result
from otto_reconcile.resources import JSON
from otto_reconcile.store.base import Document, Store, Write

_NEWEST = (("started", -1), ("action_id", -1))
_LARGEST = 2**63
_DIED = "the process ended between the call and its record"


@dataclass(frozen=True, slots=True)
class Record:
    """One action on one thing. `changes` are {field, before, after}, masked by whoever made them.

    Numbers in them that not every store holds (beyond 64 bits, infinite) come back as text.

    `started` is a time, `duration` in seconds; `outcome` (see plan.Result) is None until there is
    one, and stays None where a process died.
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
        return [_record(document) for document in found]

    def close_open(self, target: str) -> int:
        """Intents without an outcome, of a process that died, become `unknown`; how many."""
        open_ones = self._store.find(
            "actions", {"target": target, "outcome": None}, fields=("action_id",)
        )
        changes = {"outcome": str(Result.UNKNOWN), "error": _DIED}
        return sum(
            self._store.swap("actions", {"action_id": d["action_id"], "outcome": None}, changes)
            for d in open_ones
        )


def _document(record: Record) -> Document:
    values = {name: getattr(record, name) for name in _NAMES}
    return {**values, "changes": [_held(change) for change in record.changes]}


def _held(value: JSON) -> JSON:
    """As every store holds it: a target may say numbers that MongoDB or JSON have no place for.

    Those become their text, so that what is told by a target never stops its mending.
    """
    if isinstance(value, Mapping):
        return {key: _held(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_held(item) for item in value]
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return str(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value


def _record(document: Document) -> Record:
    values = {name: document.get(name) for name in _NAMES}
    values["changes"] = tuple(document.get("changes") or ())
    values["started"] = utc(document["started"])
    return Record(**values)  # type: ignore[arg-type]
