"""`BOT@3` and `BOT@3..7`, and the commands `show`, `blame` and `diff` that take them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from otto_reconcile import manifest
from otto_reconcile.cli.console import Data, Output, say_data, say_lines, say_table, write
from otto_reconcile.cli.places import find_daemon, opened_store
from otto_reconcile.cli.unknown import not_there
from otto_reconcile.errors import PermanentError, SettingsError
from otto_reconcile.model.shared import Declaration, called, is_shared
from otto_reconcile.planning.revisions import compare
from otto_reconcile.records.blame import Blamed, blame
from otto_reconcile.records.events import Event, EventType
from otto_reconcile.records.past import Past
from otto_reconcile.records.renames import former_in
from otto_reconcile.render import revisions as rendered
from otto_reconcile.render.lines import visible
from otto_reconcile.render.tables import Table
from otto_reconcile.settings import Settings

_REVISION = re.compile(r"([^@]+)@([0-9]{1,9})(?:(\.\.)([0-9]{1,9})?)?")
_BLAMED = ("kind", "id", "field", "revision", "time", "actor", "commit", "note")


@dataclass(frozen=True, slots=True)
class Revision:
    """What `NAME@3` names; with `ranged` also `NAME@3..7`, and `NAME@3..` up to the newest."""

    name: str
    first: int | None = None
    last: int | None = None
    ranged: bool = False

    @classmethod
    def of(cls, text: str) -> Revision:
        """Raises SettingsError. No id of a bot can hold an `@`."""
        if "@" not in text:
            return cls(text)
        found = _REVISION.fullmatch(text)
        if found is None:
            raise SettingsError(
                f"{text} names no revision", hint="write BOT@3, BOT@3..7, or BOT@3.. for the newest"
            )
        last = int(found[4]) if found[4] else None
        return cls(found[1], int(found[2]), last, bool(found[3]))


def run_show(settings: Settings, text: str, form: Data) -> int:
    """The manifest of one revision, with who, when and why above it."""
    named = Revision.of(text)
    if named.ranged:
        raise SettingsError(f"{text} names several revisions", hint=f"otto-reconcile diff {text}")
    with opened_store(settings) as store:
        past = Past(store)
        refuse_unknown(past, named.name, settings)
        event = the_event(past, named)
    if event.declaration is None:
        before = f"otto-reconcile show {named.name}@{event.revision - 1}"
        raise PermanentError(f"{called(named.name)} was deleted: {told(event)}", hint=before)
    dumped = manifest.dump([event.declaration])
    if form is Data.JSON:
        say_data({**event.about, "manifest": yaml.safe_load(dumped)}, Output.JSON)
    else:
        write("".join(f"# {line}\n" for line in _header(event)) + dumped)
    return 0


def run_revision_diff(settings: Settings, text: str, output: Output) -> int:
    """What differs between two revisions; 0 if nothing, 2 if something."""
    named = Revision.of(text)
    with opened_store(settings) as store:
        past = Past(store)
        refuse_unknown(past, named.name, settings)
        before = the_event(past, named)
        after = past.newest(named.name)
        if named.last is not None:
            after = past.event(named.name, named.last)
        between = between_of(past, before, after)
    found = compare(before.declaration, after.declaration, between)
    title = f"{named.name}@{before.revision}..{after.revision}"
    sides = [told(before), told(after)]
    if output is Output.TABLE:
        say_lines(rendered.text_lines(title, sides, found))
    elif output is Output.MARKDOWN:
        write(rendered.markdown(title, sides, found))
    else:
        ends = {"bot": named.name, "from": before.about, "to": after.about}
        say_data({**ends, **rendered.document(found)}, output)
    return 2 if found else 0


def run_blame(settings: Settings, name: str, output: Output) -> int:
    """For each piece of what is wanted, the revision that last changed it."""
    with opened_store(settings) as store:
        past = Past(store)
        refuse_unknown(past, name, settings)
        newest = past.newest(name)
        found = blame(_with_former(past, name))
    if newest.declaration is None:
        before = f"otto-reconcile show {name}@{newest.revision - 1}"
        raise PermanentError(f"{called(name)} was deleted: {told(newest)}", hint=before)
    rows = [_blamed(one) for one in found]
    if output in (Output.JSON, Output.YAML):
        say_data(rows, output)
    else:
        for row in rows:
            if row["bot"] != name:
                row["revision"] = f"{row['bot']}@{row['revision']}"
        say_table(Table(_BLAMED, [[row[column] for column in _BLAMED] for row in rows]), output)
    return 0


def _with_former(past: Past, name: str, known: frozenset[str] = frozenset()) -> list[Event]:
    """The events of a bot since it came, and before them those under the id that it had."""
    events = past.events(name)
    created = (n for n, e in enumerate(events) if e.type == EventType.CREATED)
    begun = max((n for n in created if former_in(events[n].source)), default=None)
    former = former_in(events[begun].source) if begun is not None else None
    if begun is None or former is None or former in known | {name}:
        return events
    before = _with_former(past, former, known | {name})
    time = events[begun].time
    return [*(e for e in before if e.declaration and e.time <= time), *events[begun:]]


def _blamed(one: Blamed) -> dict[str, Any]:
    event = one.event
    return {
        "kind": one.kind,
        "id": one.id,
        "field": one.field,
        "revision": event.revision,
        "bot": event.bot_id,
        "time": event.time.isoformat(timespec="seconds"),
        "actor": event.actor,
        "commit": event.source.commit,
        "author": event.source.author,
        "subject": event.source.subject,
        "source": event.source.origin,
        "note": event.source.note or event.source.subject,
    }


def the_event(past: Past, named: Revision) -> Event:
    """The revision that is named, else the newest. Raises NotFound, PermanentError."""
    if named.first is None:
        return past.newest(named.name)
    return past.event(named.name, named.first)


def between_of(past: Past, first: Event, last: Event) -> list[Declaration | None]:
    """What was wanted in the revisions between two, in the order from the first to the last."""
    low, high = sorted((first.revision, last.revision))
    if high - low < 2:
        return []
    found = [e.declaration for e in past.events(first.bot_id) if low < e.revision < high]
    return found if first.revision == low else found[::-1]


def refuse_unknown(past: Past, name: str, settings: Settings) -> None:
    """Raises NotFound for what never was, with what was most likely meant."""
    names = past.names()
    if name not in names and not past.numbers(name):
        said = "there never was {}" if is_shared(name) else "there never was a {}"
        raise not_there(name, names, find_daemon(settings), said=said)


def told(event: Event) -> str:
    """`revision 3, updated 2030-01-31T12:00:00+00:00 by ann, ...`"""
    when = event.time.isoformat(timespec="seconds")
    first = f"revision {event.revision}, {event.type} {when} by {event.actor}"
    return ", ".join([first, *_origin(event)])


def _origin(event: Event) -> Iterator[str]:
    source = event.source
    yield f"from {source.origin}" if source.origin != source.kind else source.kind
    if source.commit:
        by = f" by {source.author}" if source.author else ""
        subject = f": {source.subject}" if source.subject else ""
        yield f"commit {source.commit}{by}{subject}"
    if source.note:
        yield f"note: {source.note}"


def _header(event: Event) -> Iterator[str]:
    when = event.time.isoformat(timespec="seconds")
    lines = [f"{event.bot_id}, revision {event.revision}", f"{event.type} {when} by {event.actor}"]
    for line in (*lines, *_origin(event)):
        yield visible(" ".join(line.split()))
