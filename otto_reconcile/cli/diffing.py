"""The command `diff`: shows what a reconcile would do now, and may keep it as a plan file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from otto_reconcile.cli import plan_files
from otto_reconcile.cli.comparing import (
    Asked,
    Compared,
    Overlay,
    bots_of,
    compare,
    lay_over,
    selected_bots,
)
from otto_reconcile.cli.console import Output, note, say_data, say_lines, write
from otto_reconcile.cli.failures import tell
from otto_reconcile.cli.fleet_diff import compare_all, part_of, refuse_several
from otto_reconcile.cli.git_diff import Repository, between
from otto_reconcile.cli.inputs import Inputs, refuse_nothing, selected
from otto_reconcile.cli.inputs import read as read_inputs
from otto_reconcile.cli.layered import refuse_other
from otto_reconcile.cli.places import (
    Target,
    find_targets,
    opened_store,
    watched_folder,
)
from otto_reconcile.cli.plan_making import made_plan, refuse_unplannable
from otto_reconcile.cli.scratch import ScratchStore
from otto_reconcile.errors import SettingsError
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.events import Desired
from otto_reconcile.render.comments import comment
from otto_reconcile.render.plans import document, text_lines
from otto_reconcile.render.reports import Report
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.settings import GitSettings, Settings


def run_diff(
    settings: Settings,
    bot_ids: Sequence[str],
    paths: Sequence[str],
    *,
    prune_unmanaged: bool,
    output: Output,
    out: Path | None = None,
    inputs: Inputs | None = None,
    base: bool = False,
) -> int:
    """Shows what differs; 0 if nothing, 2 if something, 1 if not all could be compared.

    `out` is where the plan goes, if it is to be kept. `inputs` are what to import before, if it was
    read already. `base` says that the base is meant, whatever environment the daemon has.
    """
    if out is not None:
        chosen = [*bot_ids, settings.selector.text] if settings.selector else bot_ids
        refuse_unplannable(out, chosen, paths, prune_unmanaged)
    if paths:
        inputs = read_inputs(paths, settings.env, watched_folder(settings))
    narrowed = inputs is not None and settings.selector is not None
    if inputs is not None:
        inputs = selected(inputs, settings.selector)
    if (
        inputs is not None and inputs.folder is None and inputs.commit is None
    ):  # a folder may have been emptied
        refuse_nothing(inputs, paths)
    asked = Asked(bot_ids, prune_unmanaged, inputs, whole=not narrowed)
    targets = find_targets(settings)
    if out is not None:
        refuse_several(targets, "a plan file")
    with opened_store(settings) as store:
        stores = Stores.over(ScratchStore(store))
        if inputs is not None:
            refuse_other(settings, inputs, stores.desired.read(), base=base)
        overlay = lay_over(settings, stores, asked)
        asked = replace(asked, bot_ids=_chosen(settings.selector, stores.desired.read(), asked))
        plan = None
        if len(targets) > 1:
            report = asyncio.run(compare_all(settings, targets, overlay, asked))
        else:
            compared = asyncio.run(_compared(settings, targets[0], overlay, asked))
            report = compared.report
            if out is not None and not report.errors:
                plan = made_plan(settings, targets[0], overlay, compared, asked, paths)
    _show(report, output)
    for error in report.errors:
        tell(error)
    if report.errors:
        return 1
    if plan is not None and out is not None:
        plan_files.write(out, plan)
        note(f"plan written to {out}; to do exactly this: otto-reconcile apply {out}")
    return 2 if report.differs else 0


def _chosen(selector: Selector | None, desired: Desired, asked: Asked) -> Sequence[str]:
    """The bots that are named, or whose labels fit; of files, what `apply` would bring in."""
    if selector is None:
        return asked.bot_ids
    if asked.inputs is None or asked.bot_ids:
        return selected_bots(selector, desired, asked.bot_ids)
    return bots_of(asked.inputs, desired)


def run_git_diff(
    settings: Settings,
    refs: str,
    bot_ids: Sequence[str],
    found: GitSettings,
    output: Output,
    *,
    base: bool = False,
) -> int:
    """Two commits with each other, or one with what is live. Exit codes as of `run_diff`."""
    if settings.selector is not None:
        raise SettingsError("-l is about bots of the store, and --git-ref about commits")
    repository = Repository(found, settings.env)
    older, newer = repository.sides(refs)
    if older is None:
        inputs = repository.inputs(newer)
        return run_diff(
            settings, bot_ids, (), prune_unmanaged=False, output=output, inputs=inputs, base=base
        )
    report = between(repository, older, newer, bot_ids)
    _show(report, output)
    return 2 if report.differs else 0


async def _compared(settings: Settings, target: Target, overlay: Overlay, asked: Asked) -> Compared:
    port = target.connect(settings)
    part = part_of(settings, overlay, target)
    try:
        return await compare(settings, target, port, overlay, asked, part)
    finally:
        await port.close()


def _show(report: Report, output: Output) -> None:
    if output is Output.TABLE:
        say_lines(text_lines(report))
    elif output is Output.MARKDOWN:
        write(comment(report))
    else:
        say_data(document(report), output)
