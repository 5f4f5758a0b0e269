"""The commands about several targets; each imports what it does."""

from __future__ import annotations

from typing import Annotated

import typer

from otto_reconcile.cli import options
from otto_reconcile.cli.app import example
from otto_reconcile.cli.commands import app
from otto_reconcile.cli.console import Output

__all__ = ["app"]  # with the commands of `cli.commands`, which come first


@app.command(
    epilog=example(
        "otto-reconcile routes",
        "otto-reconcile routes order-desk -o json",
        "otto-reconcile routes --serve 8900",
    )
)
def routes(
    bot: Annotated[
        str | None,
        typer.Argument(metavar="BOT", help="Only this bot.", autocompletion=options.bot_ids),
    ] = None,
    serve: Annotated[
        int | None,
        typer.Option(
            "--serve",
            metavar="PORT",
            min=0,
            max=65535,
            help="Answer on loopback, for a proxy: /routes, and /bots/BOT with the headers"
            " X-Otto-Target and X-Otto-Target-Url.",
        ),
    ] = None,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show which of several targets has which bot, and where it is reached."""
    from otto_reconcile.cli.routing import run_routes, serve_routes
    from otto_reconcile.errors import SettingsError

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    if serve is None:
        return run_routes(settings, bot, output)
    if bot is not None:
        raise SettingsError("--serve answers about all bots", hint=f"leave {bot} out")
    return serve_routes(settings, serve)
