"""The application that the commands register with, and what stands above them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from otto_reconcile import __version__
from otto_reconcile.cli.console import say, say_text
from otto_reconcile.errors import SettingsError

_MAY_BE_EMPTY = ("--reason",)


class Commands(TyperGroup):
    """All commands. None takes an empty word, which as a path would be the current directory."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for before, word in pairwise(["", *args]):
            option, equals, value = word.partition("=")
            if (word == "" or (equals and word.startswith("--") and value == "")) and not (
                {before, option} & {*_MAY_BE_EMPTY}
            ):
                name = option or (before if before.startswith("-") else "an argument")
                raise SettingsError(f"{name} is empty", hint="give it a value, or leave it out")
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=Commands,
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
