"""The commands `get` and `export`: what is wanted, as a list and as manifests."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from otto_reconcile import manifest
from otto_reconcile.cli.console import Output, say, say_data, say_table, write
from otto_reconcile.cli.places import opened_store
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import NotFound, OttoError, PermanentError
from otto_reconcile.events import Wanted
from otto_reconcile.render.tables import Table
from otto_reconcile.settings import Settings

_COLUMNS = ("bot", "name", "revision", "guidelines", "journeys", "source", "changed", "note")


def run_get(settings: Settings, bot_id: str | None, output: Output | None) -> int:
    """All bots as a table, or one as a manifest."""
    with opened_store(settings) as store:
        desired = DesiredState(store)
        if bot_id is not None and bot_id != "bots":
            _show_one(desired.get(bot_id), output or Output.YAML)
            return 0
        found = desired.read()
    if output in (Output.JSON, Output.YAML):
        listed = [_summary(wanted) for wanted in found.bots.values()]
        say_data({"bots": listed, "unreadable": dict(found.unreadable)}, output)
        return 0
    rows = [_row(_summary(wanted)) for wanted in found.bots.values()]
    rows += [
        [bot_id, *[None] * 6, f"cannot be read: {why}"] for bot_id, why in found.unreadable.items()
    ]
    if rows:
        say_table(
            Table(_COLUMNS, sorted(rows, key=lambda row: str(row[0]))), output or Output.TABLE
        )
    else:
        say("no bots yet: otto-reconcile apply -f FILE, or put manifests into the watched folder")
    return 0


def _summary(wanted: Wanted) -> dict[str, Any]:
    bot = wanted.bot
    return {
        "bot": bot.id,
        "name": bot.name,
        "revision": wanted.revision,
        "guidelines": len(bot.guidelines),
        "journeys": len(bot.journeys),
        "terms": len(bot.terms),
        "suspended": bot.suspended,
        "source": wanted.source.to_document(),
        "actor": wanted.actor,
        "changed": wanted.time.isoformat(timespec="seconds"),
    }


def _row(summary: Mapping[str, Any]) -> list[object]:
    source = summary["source"]
    place = source.get("path") or source["kind"]
    note = "suspended" if summary["suspended"] else None
    return [*(summary[name] for name in _COLUMNS[:5]), place, summary["changed"], note]


def _show_one(wanted: Wanted, output: Output) -> None:
    """As a manifest: it has the templates in place of values that came from secrets."""
    text = manifest.dump([wanted.bot])
    if output is Output.YAML:
        write(text)
    elif output is Output.JSON:
        say_data({**_summary(wanted), "manifest": yaml.safe_load(text)}, output)
    else:
        say_table(Table(_COLUMNS, [_row(_summary(wanted))]), output)


def run_export(settings: Settings, bot_ids: Sequence[str], place: str, *, force: bool) -> int:
    """Writes manifests to standard output (`-`), one file, or a folder with a file a bot."""
    with opened_store(settings) as store:
        found = DesiredState(store).read()
    _refuse_unknown(bot_ids, found.bots, found.unreadable)
    bots = [w.bot for bot_id, w in found.bots.items() if not bot_ids or bot_id in bot_ids]
    if not bots:
        raise OttoError("there are no bots to export", hint="otto-reconcile get lists them")
    if place == "-":
        write(manifest.dump(bots))
    elif is_folder(place):
        files = {Path(place, f"{bot.id}.yaml"): manifest.dump([bot]) for bot in bots}
        say(write_files(files, force))
    else:
        say(write_files({Path(place): manifest.dump(bots)}, force))
    return 0


def _refuse_unknown(
    bot_ids: Sequence[str], bots: Mapping[str, Wanted], unreadable: Mapping[str, str]
) -> None:
    for bot_id in sorted(set(bot_ids) - bots.keys()):
        if bot_id in unreadable:
            raise PermanentError(f"bot {bot_id!r}: {unreadable[bot_id]}")
        raise NotFound(f"there is no bot {bot_id!r}", hint="otto-reconcile get lists them")


def is_folder(place: str) -> bool:
    return place.endswith(os.sep) or Path(place).is_dir() or not Path(place).suffix


def write_files(files: Mapping[Path, str], force: bool) -> str:
    """All or none: what is there already is looked for first. Gives what was done, in words."""
    there = [path for path in files if path.exists()]
    if there and not force:
        some = ", ".join(str(path) for path in there[:5])
        raise OttoError(f"there already: {some}", hint="--force writes over it")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OttoError(f"cannot write {path}: {error.strerror or error}") from error
    return f"{len(files)} file{'' if len(files) == 1 else 's'} written"
