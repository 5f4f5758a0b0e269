"""The commands that run, look and check; what they do is imported when one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from otto_reconcile.cli import git_options, options
from otto_reconcile.cli.app import app, example
from otto_reconcile.cli.console import Data, Output, Verdict

__all__ = ["app"]


@app.command(
    epilog=example(
        "otto-reconcile run",
        "otto-reconcile run --port 9000 --nlp openai",
        "otto-reconcile run --tools my_tools.py",
        "otto-reconcile run --git https://git.example/bots.git --branch main --path manifests/",
        "otto-reconcile run --parlant-url http://parlant.internal:8800",
    )
)
def run(
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
) -> int:
    """Start the daemon: watch the manifests and keep the bots in their desired state.

    With --git only what is committed counts; a folder is watched beside it if --manifests names it.
    """
    from otto_reconcile.cli.run import run_daemon
    from otto_reconcile.cli.run_settings import settings_of_run

    return run_daemon(settings_of_run(context), prune_unmanaged=prune_unmanaged)


@app.command(
    epilog=example(
        "otto-reconcile diff",
        "otto-reconcile diff order-desk -o json",
        "otto-reconcile diff -f manifests/",
        "otto-reconcile diff -f manifests/ --out plan.json",
        "otto-reconcile diff --git-ref origin/main..HEAD -o markdown",
        "otto-reconcile diff order-desk@3..7",
    )
)
def diff(
    context: typer.Context,
    bots: options.SomeBots = None,
    select: options.Select = None,
    file: options.Files = None,
    env: options.Env = None,
    base: options.Base = False,
    allow_env: options.AllowEnv = None,
    data_dir: options.DataDir = options.DATA_DIR,
    parlant_url: options.ParlantUrl = None,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    prune_unmanaged: Annotated[
        bool, typer.Option("--prune-unmanaged", help="As for `run --prune-unmanaged`.")
    ] = False,
    take_over: options.TakeOver = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Keep it as a plan, for `apply FILE`."),
    ] = None,
    git_ref: git_options.GitRef = None,
    git: git_options.OneGit = ".",
    path: git_options.OnePath = None,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show what a reconcile would do now, and do nothing. With -f: after an import of that.

    With --git-ref A..B: what commit B changes in the bots of A, without a daemon.
    BOT@3..7 compares two revisions, BOT@3 one with the newest; neither daemon nor target is needed.
    Exit code 0 if nothing differs, 2 if something does.
    """
    if any("@" in bot for bot in bots or ()):
        from otto_reconcile.cli.revisions import run_revision_diff

        settings = options.settings_of(
            data_dir=data_dir, mongodb_uri=mongodb_uri, database=database
        )
        options.refuse_beside_revision(
            bots or [], file=file, prune_unmanaged=prune_unmanaged, out=out, git_ref=git_ref
        )
        return run_revision_diff(settings, (bots or [])[0], output)
    from otto_reconcile.cli import git_diff
    from otto_reconcile.cli.diffing import run_diff, run_git_diff
    from otto_reconcile.cli.run_settings import targets_known
    from otto_reconcile.settings import GitSettings

    settings = options.settings_of(
        data_dir=data_dir,
        parlant_url=parlant_url,
        mongodb_uri=mongodb_uri,
        database=database,
        take_over=tuple(take_over or ()),
        select=select,
        env=options.environment_of(context, env, base=base),
        targets=targets_known(context),
    )
    if git_ref is not None:
        git_options.refuse_beside(git_ref, file=file, out=out)
        found = GitSettings(git, None, git_diff.path_of(path))
        return run_git_diff(settings, git_ref, bots or [], found, output, base=base)
    return run_diff(
        settings,
        bots or [],
        file or [],
        prune_unmanaged=prune_unmanaged,
        output=output,
        out=out,
        base=base,
    )


@app.command(
    epilog=example(
        "otto-reconcile status", "otto-reconcile status order-desk", "otto-reconcile status -o json"
    )
)
def status(
    bot: Annotated[
        str | None,
        typer.Argument(
            metavar="BOT", help="Only this bot, in detail.", autocompletion=options.bot_ids
        ),
    ] = None,
    select: options.Select = None,
    data_dir: options.DataDir = options.DATA_DIR,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show the running daemon and each bot.

    Exit code 0 if all are Synced, 2 if not, or if manifests or tools are refused or deletions
    withheld.
    """
    from otto_reconcile.cli.showing import run_status

    return run_status(options.settings_of(data_dir=data_dir, select=select), bot, output)


@app.command(
    epilog=example(
        "otto-reconcile actions --bot order-desk --since 1h",
        "otto-reconcile actions --outcome failed -o json",
    )
)
def actions(
    bot: Annotated[
        str | None, typer.Option("--bot", help="Of this bot.", autocompletion=options.bot_ids)
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", metavar="ID", help="Of this run.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="On this target.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="succeeded, failed, skipped or unknown.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="15m, 1h, 2d ago, or a time.")
    ] = None,
    limit: options.Limit = 50,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show what was done to Parlant and why, newest first."""
    from otto_reconcile.cli.records import run_actions

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
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


@app.command(epilog=example("otto-reconcile history order-desk"))
def history(
    bot: options.BotArgument,
    limit: options.Limit = 20,
    data_dir: options.DataDir = options.DATA_DIR,
    mongodb_uri: options.MongodbUri = None,
    database: options.Database = options.DATABASE,
    output: options.Shown = Output.TABLE,
) -> int:
    """Show the revisions of a bot, newest first: who made each, when, why, and from where."""
    from otto_reconcile.cli.records import run_history

    settings = options.settings_of(data_dir=data_dir, mongodb_uri=mongodb_uri, database=database)
    return run_history(settings, bot, limit, output)


@app.command(
    epilog=example(
        "otto-reconcile validate",
        "otto-reconcile validate bot.yaml -o json",
        "otto-reconcile validate -o sarif > manifests.sarif",
        "otto-reconcile validate --target http://parlant.internal:8800",
    )
)
def validate(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files and folders; the manifests by default."),
    ] = None,
    manifests: options.Manifests = options.MANIFESTS,
    env: options.Env = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", metavar="URL", help="Also whether this Parlant server can hold the bots."
        ),
    ] = None,
    allow_env: options.AllowEnv = None,
    data_dir: options.DataDir = options.DATA_DIR,
    output: Annotated[
        Verdict, typer.Option("--output", "-o", help="How to show it.", case_sensitive=False)
    ] = Verdict.TABLE,
) -> int:
    """Check manifests and specifications: every fault of every file, with its place."""
    from otto_reconcile.cli.checking import run_validate

    settings = options.settings_of(
        url_option="--target", data_dir=data_dir, parlant_url=target, env=env
    )
    return run_validate(paths or [str(manifests)], output, settings)


@app.command(
    epilog=example(
        "otto-reconcile schema > manifest.schema.json", "otto-reconcile schema --of config"
    )
)
def schema(
    of: Annotated[
        options.Described, typer.Option("--of", help="What it describes.", case_sensitive=False)
    ] = options.Described.MANIFEST,
    form: Annotated[
        Data, typer.Option("--output", "-o", help="JSON, or YAML.", case_sensitive=False)
    ] = Data.JSON,
) -> int:
    """Print the JSON Schema of manifests, or of the configuration file, which editors use."""
    from otto_reconcile.cli.checking import run_schema

    return run_schema(form, of)
