"""The commands `validate` and `schema`: what can be said of manifests without a store."""

from __future__ import annotations

from collections.abc import Sequence

from otto_reconcile.cli.console import Output, say, say_data, say_table, write
from otto_reconcile.cli.failures import tell_problems
from otto_reconcile.cli.inputs import read
from otto_reconcile.errors import InvalidInput
from otto_reconcile.manifest import json_schema
from otto_reconcile.render.data import to_json
from otto_reconcile.render.tables import Table

_FIELDS = ("file", "line", "column", "message", "hint")


def run_validate(paths: Sequence[str], output: Output) -> int:
    """0 if all is valid, else 1."""
    error: InvalidInput | None = None
    bots, files = 0, 0
    try:
        found = read(paths).bots
        bots, files = len(found), len({loaded.file for loaded in found})
    except InvalidInput as invalid:
        error = invalid
    problems = error.problems if error is not None else ()
    if output in (Output.JSON, Output.YAML):
        listed = [{name: getattr(p, name) for name in _FIELDS} for p in problems]
        say_data({"valid": error is None, "bots": bots, "problems": listed}, output)
    elif error is None:
        say(
            f"{_count(bots, 'bot')} in {_count(files, 'file')} {'is' if bots == 1 else 'are'} valid"
        )
    elif output is Output.MARKDOWN:
        say_table(
            Table(_FIELDS, [[getattr(p, name) for name in _FIELDS] for p in problems]), output
        )
    else:
        tell_problems(error)
    return 0 if error is None else 1


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def run_schema() -> int:
    write(to_json(json_schema()))
    return 0
