"""The commands about what was; what they do is imported when one is called."""

from __future__ import annotations

from typing import Annotated

import typer

from otto_reconcile.cli import options
from otto_reconcile.cli.app import example
from otto_reconcile.cli.commands import app
from otto_reconcile.cli.console import Data, Output

__all__ = ["app"]  # with the commands of `cli.commands`, which come first


@app.command(epilog=example("otto-reconcile show order-desk@3", "otto-reconcile show order-desk"))
def show(
    bot: Annotated[
        str,
        typer.Argument(
            metavar="BOT[@REVISION]",
            help="A bot, or what bots share, as it was; the newest revision by default.",
            autocompletion=options.bot_ids,
        ),
    ],
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    form: Annotated[
        Data, typer.Option("--output", "-o", help="YAML, or JSON.", case_sensitive=False)
    ] = Data.YAML,
) -> int:
    """Show one revision as a manifest: with who made it, when, why, and from which commit."""
    from otto_reconcile.cli.revisions import run_show

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_show(settings, bot, form)


@app.command(epilog=example("otto-reconcile blame order-desk"))
def blame(
    bot: options.BotArgument,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show for each part of a bot, each state and each field which revision last changed it."""
    from otto_reconcile.cli.revisions import run_blame

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_blame(settings, bot, output)


@app.command(
    epilog=example(
        "otto-reconcile rollback order-desk --to 3",
        "otto-reconcile rollback order-desk --to 3 --dry-run",
        "otto-reconcile rollback glossary/shop --to 1 --yes --reason 'wrong words'",
    )
)
def rollback(
    bot: options.BotArgument,
    to: Annotated[
        int, typer.Option("--to", min=1, metavar="REVISION", help="Whose content comes back.")
    ],
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the history.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; exit code 2 if it would.")
    ] = False,
    output: options.Shown = Output.TABLE,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
) -> int:
    """Bring an earlier revision back, as a new one; its manifest is not heeded until it changes."""
    from otto_reconcile.cli.rolling_back import run_rollback

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_rollback(settings, bot, to, reason, output, yes=yes, dry_run=dry_run)


@app.command(
    epilog=example(
        "otto-reconcile trace 8vM2pQxT1a",
        "otto-reconcile trace 8vM2pQxT1a --parlant-url http://parlant.internal:8800 -o json",
    )
)
def trace(
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="Id of a conversation on the Parlant server.")
    ],
    data_dir: options.DataDir = options.DATA_DIR,
    parlant_url: options.ParlantUrl = None,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show for each message of a conversation which revision of the bot answered."""
    from otto_reconcile.cli.tracing import run_trace

    settings = options.settings_of(
        data_dir=data_dir, parlant_url=parlant_url, mongodb_uri=mongodb_uri, database=database
    )
    return run_trace(settings, session, output)
