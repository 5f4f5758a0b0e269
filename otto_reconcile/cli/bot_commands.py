"""The commands about what is wanted; what they do is imported when one is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from otto_reconcile.cli import options
from otto_reconcile.cli.app import example
from otto_reconcile.cli.commands import app
from otto_reconcile.cli.console import Data, Output

__all__ = ["app"]  # with the commands of `cli.commands`, which come first


@app.command(
    epilog=example(
        "otto-reconcile apply -f bot.yaml",
        "otto-reconcile apply -f specification.json --wait",
        "otto-reconcile apply -f manifests/ --prune --dry-run",
        "otto-reconcile apply plan.json",
    )
)
def apply(
    context: typer.Context,
    plan: Annotated[
        Path | None, typer.Argument(metavar="PLAN", help="A plan that `diff --out` has made.")
    ] = None,
    file: options.Files = None,
    select: options.Select = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete bots that came from the folder and are gone.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; exit code 2 if it would.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the daemon says that the bots are Synced.")
    ] = False,
    timeout: options.Timeout = 60.0,
    env: options.Env = None,
    base: options.Base = False,
    allow_env: options.AllowEnv = None,
    data_dir: options.DataDir = options.DATA_DIR,
    manifests: options.Manifests = options.MANIFESTS,
    parlant_url: options.PlanTarget = None,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: options.Shown = Output.TABLE,
) -> int:
    """Write bots as desired. A running daemon brings them to Parlant.

    With PLAN: do exactly what it says, or refuse if anything changed since it was made.
    """
    if not (files := file or []) and plan is None:
        raise typer.BadParameter("name what to apply", param_hint="-f PATH")
    settings = options.settings_of(
        data_dir=data_dir,
        manifests=manifests,
        parlant_url=parlant_url if plan is not None else None,
        mongodb_uri=mongodb_uri,
        database=database,
        env=options.environment_of(context, env, base=base),
        select=select,
    )
    if plan is not None:
        if files or prune or base or select is not None:
            raise typer.BadParameter(
                "a plan has all that it needs: leave out -f, -l, --prune, --base"
            )
        from otto_reconcile.cli.plan_applying import run_apply_plan

        return run_apply_plan(
            settings, plan, dry_run=dry_run, wait=timeout if wait else None, output=output
        )
    from otto_reconcile.cli.applying import run_apply

    return run_apply(
        settings,
        files,
        prune=prune,
        dry_run=dry_run,
        wait=timeout if wait else None,
        output=output,
        base=base,
    )


@app.command(epilog=example("otto-reconcile get", "otto-reconcile get order-desk -o yaml"))
def get(
    bot: Annotated[
        str | None,
        typer.Argument(
            metavar="BOT", help="One bot; all by default.", autocompletion=options.bot_ids
        ),
    ] = None,
    select: options.Select = None,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: Annotated[
        Output | None,
        typer.Option("--output", "-o", help="How to show it.", case_sensitive=False),
    ] = None,
) -> int:
    """Show the desired state: all bots as a table, or one as a manifest."""
    from otto_reconcile.cli.bots import run_get

    settings = options.settings_of(
        data_dir=data_dir, mongodb_uri=mongodb_uri, database=database, select=select
    )
    return run_get(settings, bot, output)


@app.command(
    epilog=example(
        "otto-reconcile export > bots.yaml",
        "otto-reconcile export order-desk --output manifests/",
        "otto-reconcile export -o json",
    )
)
def export(
    bots: options.SomeBots = None,
    output: Annotated[
        str,
        typer.Option("--output", metavar="PATH", help="A folder (a file to each), a file, or -."),
    ] = "-",
    force: Annotated[bool, typer.Option("--force", help="Write over files.")] = False,
    form: Annotated[
        Data, typer.Option("-o", help="YAML, or JSON.", case_sensitive=False)
    ] = Data.YAML,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
) -> int:
    """Write bots, and what they share, as manifests."""
    from otto_reconcile.cli.bots import run_export

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_export(settings, bots or [], output, force=force, form=form)


@app.command(
    epilog=example(
        "otto-reconcile adopt --from http://parlant.internal:8800 --output manifests/",
        "otto-reconcile adopt order-desk --from http://parlant.internal:8800 --manage",
    )
)
def adopt(
    bots: Annotated[
        list[str] | None, typer.Argument(metavar="BOT", help="Only these agents, by id.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--from",
            "--parlant-url",
            envvar="OTTO_PARLANT_URL",
            metavar="URL",
            help="The Parlant server to read; the running daemon's by default.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="PATH", help="A folder (a file a bot), a file, or -."),
    ] = None,
    manage: Annotated[
        bool, typer.Option("--manage", help="Make their present state the desired state.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files.")] = False,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    shown: Annotated[
        Output, typer.Option("-o", help="How to show what was done.", case_sensitive=False)
    ] = Output.TABLE,
) -> int:
    """Make manifests of the bots of a running Parlant server, and manage them if asked to.

    The bots are only read. Exit code 2 if not all of the server could be adopted.
    """
    from otto_reconcile.cli.adopting import run_adopt

    settings = options.settings_of(
        url_option="--from",
        data_dir=data_dir,
        parlant_url=server,
        mongodb_uri=mongodb_uri,
        database=database,
    )
    return run_adopt(settings, bots or [], output, manage=manage, force=force, output=shown)


@app.command(
    epilog=example(
        "otto-reconcile delete order-desk",
        "otto-reconcile delete a b --yes",
        "otto-reconcile delete --gone-from manifests/",
    )
)
def delete(
    bots: Annotated[
        list[str] | None,
        typer.Argument(metavar="BOT", help="Ids of bots.", autocompletion=options.bot_ids),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All bots, and what they share.")
    ] = False,
    held_back: Annotated[
        bool,
        typer.Option(
            "--held-back", help="What has lost its rows, or is on a target and not desired."
        ),
    ] = False,
    gone_from: Annotated[
        Path | None,
        typer.Option(
            "--gone-from", metavar="FOLDER", help="What came from this folder and has left it."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: options.Shown = Output.TABLE,
    env: options.Env = None,
    allow_env: options.AllowEnv = None,
    data_dir: options.DataDir = options.DATA_DIR,
    manifests: options.Manifests = options.MANIFESTS,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
) -> int:
    """Delete bots: by name, or all of a sort. A running daemon takes them off Parlant."""
    from otto_reconcile.cli.choosing import Chosen
    from otto_reconcile.cli.removing import run_delete

    settings = options.settings_of(
        data_dir=data_dir, manifests=manifests, mongodb_uri=mongodb_uri, database=database, env=env
    )
    chosen = Chosen(bots or (), everything, held_back, gone_from, env)
    return run_delete(settings, chosen, output, yes=yes)


Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the history.")
]


def _switch(suspended: bool) -> Callable[..., int]:
    """What `suspend` and `resume` are: the same but for this."""

    def command(
        bots: options.BotArguments,
        reason: Reason = None,
        output: options.Shown = Output.TABLE,
        data_dir: options.DataDir = options.DATA_DIR,
        mongodb_uri: options.MongodbUri = None,
        database: options.Database = options.DATABASE,
    ) -> int:
        from otto_reconcile.cli.suspending import run_suspend

        settings = options.settings_of(
            data_dir=data_dir, mongodb_uri=mongodb_uri, database=database
        )
        return run_suspend(settings, bots, suspended, reason, output)

    return command


app.command(
    "suspend",
    help="Leave bots as they are, whatever their desired state, until they are resumed.",
    epilog=example("otto-reconcile suspend order-desk --reason 'audit until Friday'"),
)(_switch(True))
app.command(
    "resume",
    help="Reconcile bots again that were suspended.",
    epilog=example("otto-reconcile resume order-desk"),
)(_switch(False))
