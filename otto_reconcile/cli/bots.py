"""The commands `get` and `export`: what is wanted, as a list and as manifests."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, ENOSPC, ENXIO
from pathlib import Path
from typing import Any

import yaml

from otto_reconcile import manifest
from otto_reconcile.cli.console import Data, Output, note, say, say_data, say_table, write
from otto_reconcile.cli.places import find_daemon, lost_by, opened_store
from otto_reconcile.cli.unknown import LISTED, not_there, one_of, refuse_unfit
from otto_reconcile.desired import Desired, DesiredState
from otto_reconcile.errors import NotFound, OttoError, PermanentError
from otto_reconcile.model.shared import GROUPS, Declaration, called
from otto_reconcile.records.composition import users
from otto_reconcile.records.events import DesiredBot, DesiredShared
from otto_reconcile.render.data import to_json
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.settings import Settings
from otto_reconcile.sources.importer import declarations_of

_COLUMNS = ("bot", "name", "revision", "guidelines", "journeys", "source", "changed", "note")


def run_get(settings: Settings, bot_id: str | None, output: Output | None) -> int:
    """All bots, and what they share, as a table; or one as a manifest. 2 if the store lost some."""
    with opened_store(settings) as store:
        desired = DesiredState(store)
        if bot_id is not None and (bot_id != "bots" or bot_id in desired.read().bots):
            one = one_of(desired, bot_id, find_daemon(settings))
            declaration = one.bot if isinstance(one, DesiredBot) else one.document
            refuse_unfit(bot_id, declaration.labels, settings.selector)
            _show_one(one, output or Output.YAML)
            return 0
        found = _selected(desired.read(), settings.selector)
        lost = lost_by(settings, store, desired.read()) if settings.selector is None else None
    if lost:
        note(f"warning: {lost}")
    code = 2 if lost else 0
    unreadable = {**found.unreadable, **found.unreadable_shared}
    if output in (Output.JSON, Output.YAML):
        bots = [_summary(wanted) for wanted in found.bots.values()]
        shared = [
            {**_shared_summary(one), "used_by": users(name, found)}
            for name, one in found.shared.items()
        ]
        say_data({"bots": bots, "shared": shared, "unreadable": unreadable}, output)
        return code
    rows = [_row(_summary(wanted)) for wanted in found.bots.values()]
    rows += [
        _row(_shared_summary(one), _used(users(name, found))) for name, one in found.shared.items()
    ]
    rows += [[name, *[None] * 6, f"cannot be read: {why}"] for name, why in unreadable.items()]
    if rows:
        say_table(
            Table(_COLUMNS, sorted(rows, key=lambda row: str(row[0]))), output or Output.TABLE
        )
    elif not lost:
        hint = "otto-reconcile apply -f FILE, or put manifests into the watched folder"
        from otto_reconcile.store import place_of

        say(f"no bots yet in {place_of(settings)}: {hint}")
    return code


def _selected(found: Desired, selector: Selector | None) -> Desired:
    """What has such labels; of what cannot be read nobody knows them."""
    if selector is None:
        return found
    bots = {i: one for i, one in found.bots.items() if selector.fits(one.bot.labels)}
    shared = {n: one for n, one in found.shared.items() if selector.fits(one.document.labels)}
    if not (bots or shared):
        raise NotFound(f"nothing has labels that fit {selector.text!r}", hint=LISTED)
    return Desired(bots, {}, shared)


def _summary(wanted: DesiredBot) -> dict[str, Any]:
    bot = wanted.bot
    return {
        "bot": bot.id,
        "name": bot.name,
        "revision": wanted.revision,
        "guidelines": len(bot.guidelines),
        "journeys": len(bot.journeys),
        "terms": len(bot.terms),
        "suspended": bot.suspension is not None,
        "source": wanted.source.to_document(),
        "actor": wanted.actor,
        "changed": wanted.time.isoformat(timespec="seconds"),
    }


def _shared_summary(shared: DesiredShared) -> dict[str, Any]:
    document = shared.document
    counts = {group: len(getattr(document, group)) for group in GROUPS if hasattr(document, group)}
    return {
        "name": document.stream,
        "kind": document.kind,
        "revision": shared.revision,
        **counts,
        "source": shared.source.to_document(),
        "actor": shared.actor,
        "changed": shared.time.isoformat(timespec="seconds"),
    }


def _used(by: Sequence[str]) -> str:
    return f"used by {len(by)} bot{'' if len(by) == 1 else 's'}"


def _row(summary: Mapping[str, Any], note: str | None = None) -> list[object]:
    source = summary["source"]
    place = source.get("path") or source["kind"]
    note = "suspended" if summary.get("suspended") else note
    names = (summary["bot"], summary["name"]) if "bot" in summary else (summary["name"], None)
    counts = (summary.get(name) for name in _COLUMNS[2:5])
    return [*names, *counts, place, summary["changed"], note]


def _show_one(wanted: DesiredBot | DesiredShared, output: Output) -> None:
    """As a manifest: it has the templates in place of values that came from secrets."""
    if isinstance(wanted, DesiredBot):
        declaration: Declaration = wanted.bot
        summary = _summary(wanted)
    else:
        declaration, summary = wanted.document, _shared_summary(wanted)
    text = manifest.dump([declaration])
    if output is Output.YAML:
        write(text)
    elif output is Output.JSON:
        say_data({**summary, "manifest": yaml.safe_load(text)}, output)
    else:
        say_table(Table(_COLUMNS, [_row(summary)]), output)


def run_export(
    settings: Settings, bot_ids: Sequence[str], place: str, *, force: bool, form: Data = Data.YAML
) -> int:
    """Writes manifests to standard output (`-`), one file, or a folder with a file to each.

    In JSON a file holds one; to standard output they go as a list. 1 if one cannot be read, or was
    lost by the store.
    """
    with opened_store(settings) as store:
        found = DesiredState(store).read()
        unreadable, there = {**found.unreadable, **found.unreadable_shared}, declarations_of(found)
        _refuse_unknown(bot_ids, there, unreadable, find_daemon(settings))
        lost = lost_by(settings, store, found) if not bot_ids else None
    left_out = [] if bot_ids else [f"{called(n)} is left out: {w}" for n, w in unreadable.items()]
    left_out += [lost] if lost is not None else []
    for why in left_out:
        note(f"warning: {why}")
    declarations = {
        name: declaration for name, declaration in there.items() if not bot_ids or name in bot_ids
    }
    if not declarations:
        raise OttoError("there are no bots to export", hint="otto-reconcile get lists them")
    if place == "-":
        write(
            _text(declarations.values(), form)
            if form is Data.YAML
            else _listed(declarations.values())
        )
    elif is_folder(place):
        files = {
            Path(place, f"{name}.{form}"): _text([declaration], form)
            for name, declaration in declarations.items()
        }
        say(write_files(files, force))
    elif form is Data.JSON and len(declarations) > 1:
        hint = "name a folder, or one bot"
        raise OttoError(f"a file in JSON holds one manifest, not {len(declarations)}", hint=hint)
    else:
        say(write_files({Path(place): _text(declarations.values(), form)}, force))
    return 1 if left_out else 0


def _text(declarations: Iterable[Declaration], form: Data) -> str:
    text = manifest.dump(declarations)
    return text if form is Data.YAML else to_json(yaml.safe_load(text))


def _listed(declarations: Iterable[Declaration]) -> str:
    return to_json(list(yaml.safe_load_all(manifest.dump(declarations))))


def _refuse_unknown(
    bot_ids: Sequence[str],
    there: Mapping[str, Declaration],
    unreadable: Mapping[str, str],
    daemon: Mapping[str, Any] | None,
) -> None:
    for bot_id in sorted(set(bot_ids) - there.keys()):
        if bot_id in unreadable:
            raise PermanentError(f"{called(bot_id)}: {unreadable[bot_id]}")
        raise not_there(bot_id, there, daemon)


def is_folder(place: str) -> bool:
    """True for what is one, or would be made as one: a name without a suffix that is not there."""
    there = os.path.exists(place)
    return place.endswith(os.sep) or os.path.isdir(place) or not (Path(place).suffix or there)


def write_files(files: Mapping[Path, str], force: bool) -> str:
    """All or none, if need be over what is there. Gives what was done, in words.

    A device or a pipe takes the text as it is. Raises OttoError.
    """
    there = [path for path in files if os.path.isfile(path) or os.path.isdir(path)]
    if there and not force:
        some = ", ".join(str(path) for path in there[:5])
        raise OttoError(f"there already: {some}", hint="--force writes over it")
    drafts: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            with _told(path):
                if path.exists() and not path.is_file():
                    _pass_on(path, text)
                    continue
                drafts[path] = _draft_of(path)
                _write_draft(drafts[path], path, text)
        for path, draft in drafts.items():
            with _told(path):
                draft.replace(os.path.realpath(path))  # a link stays one
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    return f"{len(files)} file{'' if len(files) == 1 else 's'} written"


def _pass_on(path: Path, text: str) -> None:
    """To a device, or to the reader of a pipe; it does not wait for one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with open(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (ENOSPC, EDQUOT, EFBIG)
        hint = "make room" if full else "name a place that this user may write"
        hint = "nobody reads this pipe" if error.errno == ENXIO else hint
        raise OttoError(f"cannot write {path}: {error.strerror or error}", hint=hint) from error


def _draft_of(path: Path) -> Path:
    """The name of the file beside it whose text is to take its place."""
    real = Path(os.path.realpath(path))
    return real.with_name(f".{real.name}.{os.getpid()}.tmp")


def _write_draft(draft: Path, path: Path, text: str) -> None:
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(text, encoding="utf-8")
    if path.exists():
        draft.chmod(stat.S_IMODE(path.stat().st_mode))
