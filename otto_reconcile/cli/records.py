"""The commands `history` and `actions`: what was wanted, and what was done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from otto_reconcile.cli.console import Output, note, say, say_data, say_lines, say_table
from otto_reconcile.cli.places import find_daemon, opened_store, targets_of_daemon
from otto_reconcile.cli.unknown import not_there
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import NotFound, PermanentError, SettingsError
from otto_reconcile.model.shared import called, is_shared
from otto_reconcile.planning.plan import Change, Operation, Result
from otto_reconcile.planning.redaction import MASKED, MASKED_CHANGED
from otto_reconcile.reconcile.evaluation.evaluator import OPERATION
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.records.events import Event, utc
from otto_reconcile.records.past import Past
from otto_reconcile.render.changes import change_lines
from otto_reconcile.render.lines import Line, Tone, visible
from otto_reconcile.render.tables import Table
from otto_reconcile.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TONES = {
    Result.SUCCEEDED: Tone.PLAIN,
    Result.SKIPPED: Tone.QUIET,
    Result.FAILED: Tone.REMOVED,
    Result.UNKNOWN: Tone.CHANGED,
}
_OF_COMMITS = ("author", "subject")
"""Columns that are there only where a revision was made from a commit."""
_REVISION_COLUMNS = (
    "revision", "type", "time", "actor", "source", "commit", *_OF_COMMITS, "digest", "note",
)  # fmt: skip
_ACTION_COLUMNS = ("time", "outcome", "operation", "kind", "key", "cause", "run", "error")


def run_history(settings: Settings, bot_id: str, limit: int, output: Output) -> int:
    """Every revision of a bot, newest first."""
    with opened_store(settings) as store:
        events = DesiredState(store).history(bot_id, limit)
        if not events and bot_id in Past(store).names():
            message = f"{called(bot_id)}: none of its revisions can be read"
            raise PermanentError(message, hint=f"otto-reconcile get {bot_id} says why")
        if not events:
            said = "there never was {}" if is_shared(bot_id) else "there never was a {}"
            raise not_there(bot_id, Past(store).names(), find_daemon(settings), said=said)
    if output in (Output.JSON, Output.YAML):
        say_data([event.about for event in events], output)
    else:
        flat = [_flat(event) for event in events]
        columns = [
            name
            for name in _REVISION_COLUMNS
            if name not in _OF_COMMITS or any(one[name] for one in flat)
        ]
        say_table(Table(columns, [[one[name] for name in columns] for one in flat]), output)
    return 0


def _flat(event: Event) -> dict[str, object]:
    source = event.source
    return {
        **event.about,
        "time": event.time.isoformat(timespec="seconds"),
        "source": source.origin,
        "commit": source.commit,
        "author": source.author,
        "subject": source.subject,
        "note": source.note,
    }


def run_actions(
    settings: Settings,
    *,
    bot_id: str | None,
    run_id: str | None,
    target: str | None,
    outcome: str | None,
    since: str | None,
    limit: int,
    output: Output,
) -> int:
    """Everything that was done, newest first, with what it changed."""
    start = since_when(since, datetime.now(UTC)) if since else None
    if outcome is not None and outcome not in list(Result):
        raise SettingsError(f"--outcome {outcome}: use {', '.join(Result)}")
    several = {str(one.id): one.place.name for one in targets_of_daemon(settings) if one.place}
    named = {name: target_id for target_id, name in several.items()}
    if target is not None and several and target not in {*named, *several}:
        raise NotFound(
            f"there is no target {target!r}", hint=f"the daemon has {', '.join(sorted(named))}"
        )
    target = named.get(target, target) if target is not None else None
    with opened_store(settings) as store:
        records = Audit(store).find(
            bot_id=bot_id, run_id=run_id, target=target, outcome=outcome, since=start, limit=limit
        )
        if not records and bot_id is not None and bot_id not in (known := Past(store).names()):
            error = not_there(bot_id, known, find_daemon(settings))
            note(f"note: {error.message}; {error.hint}")
    if output in (Output.JSON, Output.YAML):
        say_data([asdict(record) for record in records], output)
    elif output is Output.MARKDOWN:
        say_table(Table(_ACTION_COLUMNS, [_row(record) for record in records]), output)
    elif not records:
        say("no such actions on record")
    else:
        for record in records:
            say_lines(_lines(record, several.get(record.target)))
    return 0


def since_when(text: str, now: datetime) -> datetime:
    """`90s`, `15m`, `1h`, `2d`, `1w` ago, or a time in ISO 8601. Raises SettingsError."""
    if match := re.fullmatch(r"(\d{1,6})([smhdw])", text.strip()):
        return now - timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    try:
        return utc(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise SettingsError(
            f"--since {text}: this is no time", hint="write 15m, 1h, 2d, or 2030-01-31T12:00"
        ) from None


def _row(record: Record) -> list[object]:
    time = record.started.isoformat(timespec="seconds")
    done = (record.outcome or "open", record.operation, record.kind, record.key, record.cause)
    return [time, *done, record.run_id, record.error]


def _lines(record: Record, target: str | None) -> Iterator[Line]:
    """`target` is the name of the one that it was done to, where there are several."""
    outcome = record.outcome or "open"
    time = record.started.isoformat(timespec="seconds")
    took = f", {record.duration:.3f} s" if record.duration is not None else ""
    what = f"{record.operation} {record.kind} {record.key} ({record.cause}{took})"
    tone = _TONES[Result(outcome)] if outcome in list(Result) else Tone.CHANGED
    whose = f"bot {record.bot_id}" if record.bot_id else "for every agent"
    commit = f", commit {record.commit}" if record.commit else ""
    on = f" on {target}" if target is not None else ""
    where = f"{whose}{on}{commit}, run {record.run_id}"
    yield Line(visible(f"{time} {outcome} {what} {where}"), tone)
    if record.error:
        yield Line(visible(f"    {record.error}"), Tone.REMOVED)
    creating = record.operation in (Operation.CREATE, OPERATION)
    for change in record.changes:
        yield from change_lines(_change(change), creating=creating, indent="    ")


def _change(change: Mapping[str, Any]) -> Change:
    before, after = change.get("before"), change.get("after")
    masked = any(side in (MASKED, MASKED_CHANGED) for side in (before, after))
    return Change(str(change.get("field")), before, after, masked)
