"""The commands about manifests as they are, and about settings; each imports what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from otto_reconcile.cli import git_options, options
from otto_reconcile.cli.app import example
from otto_reconcile.cli.commands import app
from otto_reconcile.cli.console import Data, Drawing, Output

__all__ = ["app"]  # with the commands of `cli.commands`, which come first


@app.command(
    epilog=example(
        "otto-reconcile render --env prod",
        "otto-reconcile render --env prod --origin manifests/",
    )
)
def render(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files and folders; the manifests by default."),
    ] = None,
    manifests: options.Manifests = options.MANIFESTS,
    env: options.Env = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Behind each line the file and line that it is from.")
    ] = False,
    allow_env: options.AllowEnv = None,
    form: Annotated[
        Data, typer.Option("--output", "-o", help="YAML, or JSON.", case_sensitive=False)
    ] = Data.YAML,
) -> int:
    """Print the manifests as an environment has them, without secrets."""
    from otto_reconcile.cli.rendering import run_render

    return run_render(paths or [str(manifests)], env, form, origin=origin)


@app.command(
    epilog=example(
        "otto-reconcile graph clinic",
        "otto-reconcile graph clinic schedule -o mermaid",
        "otto-reconcile graph clinic -f manifests/",
    )
)
def graph(
    bot: options.BotArgument,
    journey: Annotated[
        str | None, typer.Argument(metavar="JOURNEY", help="Only this one, by its id.")
    ] = None,
    file: options.Files = None,
    env: options.Env = None,
    allow_env: options.AllowEnv = None,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: Annotated[
        Drawing, typer.Option("--output", "-o", help="How to draw it.", case_sensitive=False)
    ] = Drawing.TREE,
) -> int:
    """Draw the journeys of a bot, state by state."""
    from otto_reconcile.cli.graphing import run_graph

    settings = options.settings_of(
        data_dir=data_dir, mongodb_uri=mongodb_uri, database=database, env=env
    )
    return run_graph(settings, bot, journey, file or [], output)


@app.command(
    epilog=example("otto-reconcile config", "OTTO_PORT=9000 otto-reconcile config -o json")
)
def config(
    context: typer.Context,
    allow_env: options.AllowEnv = None,
    data_dir: options.DataDir = options.DATA_DIR,
    manifests: options.Manifests = options.MANIFESTS,
    git: git_options.Git = None,
    branch: git_options.Branch = None,
    path: git_options.InRepository = None,
    git_interval: git_options.GitInterval = 15.0,
    git_verify: git_options.GitVerify = None,
    webhook_port: git_options.WebhookPort = None,
    env: options.Env = None,
    port: options.Port = options.PORT,
    parlant_url: options.ParlantUrl = None,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    nlp: options.Nlp = None,
    evaluate: options.Evaluate = None,
    restore: options.Restore = None,
    shard: options.Shard = None,
    tools: options.Tools = None,
    otto_access: options.OttoAccess = "own",
    take_over: options.TakeOver = None,
    select: options.Select = None,
    interval: options.Interval = 30.0,
    log_format: options.LogFormat = "console",
    ephemeral: options.Ephemeral = False,
    prune_unmanaged: options.PruneUnmanaged = False,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show each setting with where it comes from: option, variable, file or default."""
    from otto_reconcile.cli.configuring import run_config

    return run_config(context, output)


@app.command(
    epilog=example(
        "otto-reconcile init",
        "otto-reconcile init shop --example order-desk",
    )
)
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where; the working directory by default.")
    ] = Path(),
    like: Annotated[
        str | None,
        typer.Option(
            "--example",
            metavar="NAME",
            help="The bot of an example: hello, order-desk, clinic-reception, healthcare,"
            " it-helpdesk or travel.",
        ),
    ] = None,
) -> int:
    """Make a first bot, with settings, schemas for editors and a check for CI beside it.

    A file that is there already stays as it is.
    """
    from otto_reconcile.cli.beginning import run_init

    return run_init(folder, like)
