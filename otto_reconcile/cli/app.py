"""The application that the commands register with, and what stands above them."""

from __future__ import annotations

from typing import Annotated

import typer

from otto_reconcile import __version__
from otto_reconcile.cli.console import say, say_text

app = typer.Typer(
    name="otto-reconcile",
    help="Keeps the bots of Parlant servers in their desired state.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or same, 1 error, 2 different.",
)


def example(*lines: str) -> str:
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
    """Keeps the bots of Parlant servers in their desired state."""
    if context.invoked_subcommand is None:
        say_text(context.get_help())
