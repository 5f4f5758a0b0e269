"""The command `apply PLAN`: does exactly what a plan says, or refuses and says what changed."""

from __future__ import annotations

import asyncio
import shlex
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from otto_reconcile import __version__
from otto_reconcile.cli import places, plan_files
from otto_reconcile.cli.applying import written
from otto_reconcile.cli.comparing import Asked, Compared, Overlay, compare, lay_over
from otto_reconcile.cli.console import Output, note, say, say_data, say_table, write
from otto_reconcile.cli.fleet_diff import part_of
from otto_reconcile.cli.inputs import read as read_inputs
from otto_reconcile.cli.inputs import refuse_nothing
from otto_reconcile.cli.pinned import PinnedStore
from otto_reconcile.cli.plan_files import PlanFile
from otto_reconcile.cli.plan_making import changes_since, made_plan
from otto_reconcile.cli.scratch import ScratchStore
from otto_reconcile.errors import OttoError
from otto_reconcile.planning.plan import Outcome, Result
from otto_reconcile.port.base import Port
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.in_charge import in_charge
from otto_reconcile.reconcile.reconciler import Reconciler
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.render.comments import comment
from otto_reconcile.render.plans import document
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.clock import SystemClock
from otto_reconcile.settings import Settings
from otto_reconcile.store.base import Store

_MOST = 20
_COLUMNS = ("bot", "operation", "kind", "key", "result", "error")


def run_apply_plan(
    settings: Settings, path: Path, *, dry_run: bool, wait: float | None, output: Output
) -> int:
    """0 if all of it was done, 1 if something failed; for a dry run 2 if there is something to do.

    Raises OttoError if anything is not as it was when the plan was made; then nothing was done.
    """
    plan = plan_files.read(path)
    if plan.made.tool != __version__:
        _refuse(
            path, plan, [f"the tool is another version: {__version__} instead of {plan.made.tool}"]
        )
    imports = plan.imported is not None
    if wait is not None and not imports:
        raise OttoError(
            "--wait is for the plan of an import", hint="leave it out: the calls are made"
        )
    if not imports and not dry_run:
        _refuse_daemon(settings)
    _refuse_other_environment(settings, plan)
    take_over = tuple(plan.options.take_over)
    settings = replace(settings, take_over=take_over, env=plan.options.env)
    asked = _asked(settings, plan)
    target = _target(settings, plan)
    with places.opened_store(settings) as store:
        overlay = lay_over(settings, Stores.over(ScratchStore(store)), asked)
        compared = asyncio.run(_checked(settings, path, plan, target, overlay, asked))
    todo = _differs(plan)
    if dry_run or not todo:
        _show_checked(compared, output, todo=todo)
        return 2 if todo else 0
    if imports:
        return _import(settings, plan, asked, wait, output)
    with places.opened_store(settings, writing=True) as store:
        outcomes = asyncio.run(_make_calls(settings, path, plan, target, store, asked))
    _show(outcomes, output)
    return 0 if all(one.result is Result.SUCCEEDED for one in outcomes) else 1


def _refuse_daemon(settings: Settings) -> None:
    if (daemon := places.find_daemon(settings)) is not None:
        raise OttoError(
            f"the daemon (pid {daemon.get('pid')}) makes the calls to its target by itself",
            hint="nothing is left to apply; a plan of an import is made with `diff -f`",
        )


def _target(settings: Settings, plan: PlanFile) -> places.Target:
    """Never the URL of the plan by itself: a token goes with every call."""
    try:
        return places.find_target(settings)
    except OttoError as error:
        hint = f"name the target with --parlant-url; the plan was made for {plan.target.url}"
        raise OttoError(error.message, hint=hint) from error


def _refuse_other_environment(settings: Settings, plan: PlanFile) -> None:
    """A plan says which environment it is for; who names another one means another plan."""
    if settings.env not in (None, plan.options.env):
        of = plan.options.env or "no environment"
        raise OttoError(
            f"the plan is for {of}, and --env names {settings.env}",
            hint="leave --env (OTTO_ENV) out, or make the plan with it",
        )


def _asked(settings: Settings, plan: PlanFile) -> Asked:
    """What `diff` was asked for, with the files as they are now."""
    options, inputs = plan.options, None
    if plan.imported is not None:
        paths = plan.imported.paths
        inputs = read_inputs(paths, options.env, places.watched_folder(settings))
        if inputs.folder is None:
            refuse_nothing(inputs, paths)
    return Asked(options.bots, options.prune_unmanaged, inputs)


async def _checked(
    settings: Settings,
    path: Path,
    plan: PlanFile,
    target: places.Target,
    overlay: Overlay,
    asked: Asked,
) -> Compared:
    port = target.connect(settings)
    try:
        return await _same(settings, path, plan, target, port, overlay, asked)
    finally:
        await port.close()


async def _same(
    settings: Settings,
    path: Path,
    plan: PlanFile,
    target: places.Target,
    port: Port,
    overlay: Overlay,
    asked: Asked,
) -> Compared:
    """What is compared now, if it comes to the same plan. Raises OttoError."""
    part = part_of(settings, overlay, target)
    compared = await compare(settings, target, port, overlay, asked, part)
    if errors := compared.report.errors:
        _refuse(path, plan, errors)
    paths = plan.imported.paths if plan.imported is not None else ()
    now = made_plan(settings, target, overlay, compared, asked, paths)
    if changes := changes_since(plan, now):
        _refuse(path, plan, changes)
    return compared


def _refuse(path: Path, plan: PlanFile, changes: Sequence[str]) -> None:
    """Says what changed, and raises OttoError."""
    for change in changes[:_MOST]:
        note(f"changed: {change}")
    if len(changes) > _MOST:
        note(f"and {len(changes) - _MOST} more")
    raise OttoError(
        f"{path} is stale: not all is as it was when the plan was made ({plan.made.at}, by"
        f" {plan.made.by}); nothing was done",
        hint=f"look again, and make it anew: {_making(path, plan)}",
    )


def _making(path: Path, plan: PlanFile) -> str:
    """The command that makes such a plan."""
    paths = plan.imported.paths if plan.imported is not None else ()
    options = plan.options
    words = [*options.bots, *(word for one in paths for word in ("-f", one))]
    words += ["--prune-unmanaged"] if options.prune_unmanaged else []
    words += ["--env", options.env] if options.env else []
    words += [word for bot_id in options.take_over for word in ("--take-over", bot_id)]
    return shlex.join(["otto-reconcile", "diff", *words, "--out", str(path)])


def _differs(plan: PlanFile) -> bool:
    """True if there is something to do: to import, or to call."""
    if plan.imported is not None:
        return bool(plan.plan.get("import"))
    summary = plan.plan["summary"]
    return any(summary[group] for group in ("creating", "updating", "replacing", "deleting"))


def _import(
    settings: Settings, plan: PlanFile, asked: Asked, wait: float | None, output: Output
) -> int:
    """The import, at the revisions on which it was decided."""
    assert plan.imported is not None
    assert asked.inputs is not None
    if wait is not None:
        places.the_daemon(settings, hint="without --wait nothing needs to run")
    with places.opened_store(settings, writing=True) as store:
        done = written(PinnedStore(store, plan.imported.base), settings, asked.inputs, prune=True)
    done.show(output)
    return done.awaited(settings, asked.inputs, wait)


async def _make_calls(
    settings: Settings,
    path: Path,
    plan: PlanFile,
    target: places.Target,
    store: Store,
    asked: Asked,
) -> list[Outcome]:
    """The calls to the target, under the right that a daemon would have.

    It is compared once more then: nobody else can change anything of ours from now on.
    """
    port, clock, stores = target.connect(settings), SystemClock(), Stores.over(store)
    try:
        port.identify(plan.target.id)
        async with in_charge(port, stores, clock) as right:
            overlay = lay_over(settings, stores, asked)
            compared = await _same(settings, path, plan, target, port, overlay, asked)
            world = compared.world
            world.epoch = compared.epoch
            await epoch.ensure(port, stores, world, clock)
            reconciler = Reconciler(port, stores, clock, right=right)
            plans = list(compared.planned.values())
            results = await reconciler.carry_out(world, plans, uuid.uuid4().hex[:8])
    finally:
        await port.close()
    acting = sum(len(one.plan.acting) for one in plans)
    outcomes = [outcome for result in results for outcome in result.outcomes]
    if len(outcomes) < acting:
        raise OttoError("another daemon has taken over the target: not all was done")
    return outcomes


def _show_checked(compared: Compared, output: Output, *, todo: bool) -> None:
    """That the plan holds, and in the forms for others the whole of what it does."""
    if output is Output.MARKDOWN:
        write(comment(compared.report))
    elif output is Output.TABLE:
        say("the plan can be applied as it is" if todo else "nothing to do")
    else:
        say_data(document(compared.report), output)


def _show(outcomes: Sequence[Outcome], output: Output) -> None:
    rows = [_row(outcome) for outcome in outcomes]
    if output in (Output.JSON, Output.YAML):
        say_data([dict(zip(_COLUMNS, row, strict=True)) for row in rows], output)
    else:
        say_table(Table(_COLUMNS, rows), output)


def _row(outcome: Outcome) -> tuple[str | None, ...]:
    action = outcome.action
    what = (action.bot_id, str(action.operation), action.ref.kind, action.shown_key)
    return (*what, str(outcome.result), outcome.error)
