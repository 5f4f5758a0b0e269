"""The commands `validate` and `schema`: what can be said of manifests without a store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from otto_reconcile import __version__
from otto_reconcile.cli.config_form import config_schema
from otto_reconcile.cli.console import (
    Data,
    Output,
    Verdict,
    note,
    say,
    say_data,
    say_table,
    write,
)
from otto_reconcile.cli.failures import tell_problems
from otto_reconcile.cli.inputs import Inputs, read, refuse_nothing
from otto_reconcile.cli.places import find_target, watched_folder
from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest import json_schema
from otto_reconcile.model import snapshot_of
from otto_reconcile.model.shared import compose
from otto_reconcile.render.annotations import (
    DOUBTFUL,
    FOREIGN,
    INVALID,
    Finding,
    github,
    gitlab,
    sarif,
)
from otto_reconcile.render.data import to_json, to_yaml
from otto_reconcile.render.tables import Table
from otto_reconcile.settings import Settings

_FIELDS = ("file", "line", "column", "message", "hint")


def run_validate(paths: Sequence[str], verdict: Verdict, settings: Settings) -> int:
    """0 if all is valid, else 1. With `parlant_url` set: and if that server can hold it all."""
    error: InvalidInput | None = None
    inputs = Inputs()
    try:
        inputs = read(paths, settings.env, watched_folder(settings))
        refuse_nothing(inputs, paths)
        if settings.parlant_url is not None:
            asyncio.run(_refuse_unfit(inputs, settings))
    except InvalidInput as invalid:
        error = invalid
    if verdict in (Verdict.SARIF, Verdict.GITHUB, Verdict.GITLAB):
        _annotate(inputs, error, verdict)
    else:
        _show(inputs, error, Output(verdict))
    return 0 if error is None else 1


def _show(inputs: Inputs, error: InvalidInput | None, output: Output) -> None:
    problems = error.problems if error is not None else ()
    if output in (Output.JSON, Output.YAML):
        counts = {"bots": len(inputs.bots), "shared": len(inputs.manifests.shared)}
        lists = {"problems": _listed(problems), "notes": _listed(_notes(inputs))}
        say_data({"valid": error is None, **counts, **lists}, output)
    elif error is None:
        for found in _notes(inputs):
            note(f"note: {found}")
        say(_valid(inputs))
    elif output is Output.MARKDOWN:
        say_table(
            Table(_FIELDS, [[getattr(p, name) for name in _FIELDS] for p in problems]), output
        )
    else:
        tell_problems(error)


def _annotate(inputs: Inputs, error: InvalidInput | None, verdict: Verdict) -> None:
    found = list(_findings(inputs, error))
    if verdict is Verdict.SARIF:
        say_data(sarif(found, __version__), Output.JSON)
    elif verdict is Verdict.GITLAB:
        say_data(gitlab(found), Output.JSON)
    else:
        for line in github(found):
            say(line)
        say(_valid(inputs) if error is None else f"{_count(len(error.problems), 'fault')} found")


def _findings(inputs: Inputs, error: InvalidInput | None) -> Iterator[Finding]:
    for problem in error.problems if error is not None else ():
        yield Finding(INVALID, _from_here(problem))
    for problem in inputs.manifests.notes:
        yield Finding(DOUBTFUL, _from_here(problem))
    for problem in inputs.manifests.foreign:
        yield Finding(FOREIGN, _from_here(problem))


def _from_here(problem: Problem) -> Problem:
    """With the path from the working directory: in a pipeline the root of the repository."""
    inside = os.path.relpath(problem.file)
    if os.path.isabs(problem.file) and inside.startswith(os.pardir):
        return problem
    return replace(problem, file=inside)


async def _refuse_unfit(inputs: Inputs, settings: Settings) -> None:
    """Raises InvalidInput for what the target cannot hold, TargetUnavailable, TargetRefused."""
    port = find_target(settings).connect(settings)
    problems = []
    try:
        await port.health()
        library = [one.document for one in inputs.manifests.shared]
        for loaded in inputs.bots:
            for resource in snapshot_of(compose(loaded.bot, library)).values():
                if why := await port.unable(resource):
                    message = f"{resource.ref} cannot be made on this target: {why}"
                    problems.append(Problem(loaded.file, *loaded.place_of(resource.ref), message))
    finally:
        await port.close()
    if problems:
        raise InvalidInput(problems)


def _notes(inputs: Inputs) -> tuple[Problem, ...]:
    return (*inputs.manifests.foreign, *inputs.manifests.notes)


def _listed(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [{name: getattr(p, name) for name in _FIELDS} for p in problems]


def _valid(inputs: Inputs) -> str:
    found = (*inputs.manifests.declarations, *inputs.specifications)
    counts = (len(inputs.bots), "bot"), (len(inputs.manifests.shared), "shared document")
    what = " and ".join(_count(number, thing) for number, thing in counts if number)
    files = _count(len({one.file for one in found}), "file")
    return f"{what} in {files} {'is' if len(found) == 1 else 'are'} valid"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def run_schema(form: Data = Data.JSON, of: str = "manifest") -> int:
    """`of` is manifest or config."""
    schema = json_schema() if of == "manifest" else config_schema()
    write(to_json(schema) if form is Data.JSON else to_yaml(schema))
    return 0
