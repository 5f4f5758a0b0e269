"""The commands about environments and settings; what they do is imported when one is called."""

from __future__ import annotations

from typing import Annotated

import typer

from otto_reconcile.cli import options
from otto_reconcile.cli.app import example
from otto_reconcile.cli.commands import app
from otto_reconcile.cli.console import Data

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
