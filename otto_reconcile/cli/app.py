"""The application that the commands register with, and what stands above them."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from otto_reconcile import __version__
from otto_reconcile.cli.config_file import configure
from otto_reconcile.cli.console import say, say_text
from otto_reconcile.errors import SettingsError

CONFIG = "--config"
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
        return super().parse_args(ctx, _config_first(args))


def _config_first(args: list[str]) -> list[str]:
    """`--config` is known to all commands, so it may stand behind the name of one too."""
    first: list[str] = []
    rest = list(args)
    end = rest.index("--") if "--" in rest else len(rest)
    for at in range(end - 1, -1, -1):
        if rest[at] == CONFIG and at + 1 < len(rest):
            first = [CONFIG, rest[at + 1], *first]
            del rest[at : at + 2]
        elif rest[at].startswith(f"{CONFIG}="):
            first = [rest.pop(at), *first]
    return first + rest


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
    config: Annotated[
        Path | None,
        typer.Option(
            CONFIG,
            envvar="OTTO_CONFIG",
            metavar="FILE",
            help="A file of settings, also behind the command; otto.yaml by default, if there.",
        ),
    ] = None,
) -> None:
    """Keeps the bots of Parlant servers in their desired state."""
    if context.invoked_subcommand is None:
        say_text(context.get_help())
    elif not {"--help", "-h"} & set(sys.argv):
        configure(context, config)
