"""Every command with its options and its help; what it does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from otto_reconcile import __version__
from otto_reconcile.cli import options as o
from otto_reconcile.cli.console import Output, say

app = typer.Typer(
    name="otto-reconcile",
    help="Keeps the bots of Parlant servers as they are wanted.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or same, 1 error, 2 different.",
)


def _example(*lines: str) -> str:
    """What stands below the help of a command."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def _version(wanted: bool) -> None:
    if wanted:
        say(f"otto-reconcile {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keeps the bots of Parlant servers as they are wanted."""
    if context.invoked_subcommand is None:
        say(context.get_help())


@app.command(
    epilog=_example(
        "otto-reconcile run",
        "otto-reconcile run --port 9000 --nlp openai",
        "otto-reconcile run --parlant-url http://parlant.internal:8800",
    )
)
def run(
    data_dir: o.DataDir = o.DATA_DIR,
    manifests: o.Manifests = o.MANIFESTS,
    port: o.Port = o.PORT,
    parlant_url: o.ParlantUrl = None,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
    nlp: o.Nlp = None,
    interval: o.Interval = 30.0,
    log_format: o.LogFormat = "console",
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep nothing on disk.")] = False,
    prune_unmanaged: Annotated[
        bool, typer.Option("--prune-unmanaged", help="Delete what others added to our bots.")
    ] = False,
) -> int:
    """Start the daemon: watch the manifests and keep the bots as they are wanted."""
    from otto_reconcile.cli.run import run_daemon

    settings = o.settings_of(
        data_dir=data_dir,
        manifests=manifests,
        port=port,
        parlant_url=parlant_url,
        mongodb_uri=mongodb_uri,
        database=database,
        nlp=nlp,
        interval=interval,
        log_format=log_format,
        ephemeral=ephemeral,
    )
    return run_daemon(settings, prune_unmanaged=prune_unmanaged)


@app.command(
    epilog=_example(
        "otto-reconcile diff",
        "otto-reconcile diff order-desk -o json",
        "otto-reconcile diff -f manifests/",
    )
)
def diff(
    bots: o.SomeBots = None,
    file: o.Files = None,
    data_dir: o.DataDir = o.DATA_DIR,
    parlant_url: o.ParlantUrl = None,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
    prune_unmanaged: Annotated[
        bool, typer.Option("--prune-unmanaged", help="As for `run --prune-unmanaged`.")
    ] = False,
    output: o.Shown = Output.TABLE,
) -> int:
    """Show what a reconcile would do now, and do nothing. With -f: after an import of that.

    Exit code 0 if nothing differs, 2 if something does.
    """
    from otto_reconcile.cli.diffing import run_diff

    settings = o.settings_of(
        data_dir=data_dir, parlant_url=parlant_url, mongodb_uri=mongodb_uri, database=database
    )
    return run_diff(
        settings, bots or [], file or [], prune_unmanaged=prune_unmanaged, output=output
    )


@app.command(
    epilog=_example(
        "otto-reconcile apply -f bot.yaml",
        "otto-reconcile apply -f specification.json --wait",
        "otto-reconcile apply -f manifests/ --prune --dry-run",
    )
)
def apply(
    file: o.Files = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete bots that came from the folder and are gone.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; exit code 2 if it would.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the daemon says that the bots are Synced.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait at most.")] = 60.0,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
    output: o.Shown = Output.TABLE,
) -> int:
    """Write bots as desired. A running daemon brings them to Parlant."""
    if not file:
        raise typer.BadParameter("name what to apply", param_hint="-f PATH")
    from otto_reconcile.cli.applying import run_apply

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_apply(
        settings,
        file,
        prune=prune,
        dry_run=dry_run,
        wait=timeout if wait else None,
        output=output,
    )


@app.command(
    epilog=_example(
        "otto-reconcile status", "otto-reconcile status order-desk", "otto-reconcile status -o json"
    )
)
def status(
    bot: Annotated[
        str | None,
        typer.Argument(metavar="BOT", help="Only this bot, in detail.", autocompletion=o.bot_ids),
    ] = None,
    data_dir: o.DataDir = o.DATA_DIR,
    output: o.Shown = Output.TABLE,
) -> int:
    """Show the running daemon and each bot. Exit code 0 if all are Synced, 2 if not."""
    from otto_reconcile.cli.showing import run_status

    return run_status(o.settings_of(data_dir=data_dir), bot, output)


@app.command(epilog=_example("otto-reconcile validate", "otto-reconcile validate bot.yaml -o json"))
def validate(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files and folders; the manifests by default."),
    ] = None,
    manifests: o.Manifests = o.MANIFESTS,
    output: o.Shown = Output.TABLE,
) -> int:
    """Check manifests and specifications: every fault of every file, with its place."""
    from otto_reconcile.cli.checking import run_validate

    return run_validate(paths or [str(manifests)], output)


@app.command(epilog=_example("otto-reconcile get", "otto-reconcile get order-desk -o yaml"))
def get(
    bot: Annotated[
        str | None,
        typer.Argument(metavar="BOT", help="One bot; all by default.", autocompletion=o.bot_ids),
    ] = None,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
    output: Annotated[
        Output | None,
        typer.Option("--output", "-o", help="How to show it.", case_sensitive=False),
    ] = None,
) -> int:
    """Show what is wanted: all bots as a table, or one as a manifest."""
    from otto_reconcile.cli.bots import run_get

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_get(settings, bot, output)


@app.command(
    epilog=_example(
        "otto-reconcile export > bots.yaml", "otto-reconcile export order-desk --output manifests/"
    )
)
def export(
    bots: o.SomeBots = None,
    output: Annotated[
        str,
        typer.Option("--output", metavar="PATH", help="A folder (a file a bot), a file, or -."),
    ] = "-",
    force: Annotated[bool, typer.Option("--force", help="Write over files.")] = False,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
) -> int:
    """Write bots as manifests."""
    from otto_reconcile.cli.bots import run_export

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_export(settings, bots or [], output, force=force)


@app.command(epilog=_example("otto-reconcile history order-desk"))
def history(
    bot: o.BotArgument,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 20,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
    output: o.Shown = Output.TABLE,
) -> int:
    """Show the revisions of a bot, newest first: who wanted it when, and from where."""
    from otto_reconcile.cli.records import run_history

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_history(settings, bot, limit, output)


@app.command(
    epilog=_example(
        "otto-reconcile actions --bot order-desk --since 1h",
        "otto-reconcile actions --outcome failed -o json",
    )
)
def actions(
    bot: Annotated[
        str | None, typer.Option("--bot", help="Of this bot.", autocompletion=o.bot_ids)
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", metavar="ID", help="Of this run.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="On this target.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="succeeded, failed, skipped or unknown.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="15m, 1h, 2d ago, or a time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 50,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
    output: o.Shown = Output.TABLE,
) -> int:
    """Show what was done to Parlant and why, newest first."""
    from otto_reconcile.cli.records import run_actions

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_actions(
        settings,
        bot_id=bot,
        run_id=run_id,
        target=target,
        outcome=outcome,
        since=since,
        limit=limit,
        output=output,
    )


@app.command(epilog=_example("otto-reconcile delete order-desk", "otto-reconcile delete a b --yes"))
def delete(
    bots: o.BotArguments,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: o.DataDir = o.DATA_DIR,
    manifests: o.Manifests = o.MANIFESTS,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
) -> int:
    """Delete bots by name. A running daemon takes them off Parlant."""
    from otto_reconcile.cli.removing import run_delete

    settings = o.settings_of(
        data_dir=data_dir, manifests=manifests, mongodb_uri=mongodb_uri, database=database
    )
    return run_delete(settings, bots, yes=yes)


Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the history.")
]


@app.command(epilog=_example("otto-reconcile suspend order-desk --reason 'audit until Friday'"))
def suspend(
    bots: o.BotArguments,
    reason: Reason = None,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
) -> int:
    """Leave bots as they are, whatever is wanted, until they are resumed."""
    from otto_reconcile.cli.removing import run_suspend

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_suspend(settings, bots, True, reason)


@app.command(epilog=_example("otto-reconcile resume order-desk"))
def resume(
    bots: o.BotArguments,
    reason: Reason = None,
    data_dir: o.DataDir = o.DATA_DIR,
    mongodb_uri: o.MongodbUri = None,
    database: o.Database = o.DATABASE,
) -> int:
    """Reconcile bots again that were suspended."""
    from otto_reconcile.cli.removing import run_suspend

    settings = o.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_suspend(settings, bots, False, reason)


@app.command(epilog=_example("otto-reconcile schema > manifest.schema.json"))
def schema() -> int:
    """Print the JSON Schema of manifests, which editors use."""
    from otto_reconcile.cli.checking import run_schema

    return run_schema()
