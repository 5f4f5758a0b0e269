"""The options of all commands, each declared once with its environment variable and its help."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from otto_reconcile.cli.completing import bot_ids
from otto_reconcile.cli.console import Output, note
from otto_reconcile.errors import SettingsError
from otto_reconcile.runtime.limits import MOST_ROWS
from otto_reconcile.runtime.selecting import parsed
from otto_reconcile.settings import (
    ALLOW_ENV,
    DEFAULT_DATABASE,
    DEFAULT_PORT,
    Settings,
    bridge_token_from,
    check_url,
    database_in,
    headers_from,
)


class Described(StrEnum):
    """What there is a JSON Schema of."""

    MANIFEST = "manifest"
    CONFIG = "config"


def _option(*names: str, env: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, envvar=env, **more)


DataDir = Annotated[
    Path,
    _option("--data-dir", env="OTTO_DATA_DIR", help="Where the daemon keeps what it keeps."),
]
Manifests = Annotated[
    Path,
    _option("--manifests", env="OTTO_MANIFESTS", help="The folder of manifests, or one manifest."),
]
Env = Annotated[
    str | None,
    _option(
        "--env",
        env="OTTO_ENV",
        metavar="NAME",
        help="The environment whose overlays change the manifests; by default the base alone.",
    ),
]
Base = Annotated[
    bool,
    _option(
        "--base", help="The base alone, though the running daemon (or OTTO_ENV) has an environment."
    ),
]
Port = Annotated[
    int, _option("--port", env="OTTO_PORT", help="Port of the embedded Parlant server.")
]
ParlantUrl = Annotated[
    str | None,
    _option(
        "--parlant-url",
        env="OTTO_PARLANT_URL",
        metavar="URL",
        help="A Parlant server that runs elsewhere. OTTO_PARLANT_TOKEN and OTTO_PARLANT_HEADERS"
        " go with every call; OTTO_BRIDGE_TOKEN says that its program has a bridge.",
    ),
]
PlanTarget = Annotated[
    str | None,
    _option(
        "--parlant-url",
        env="OTTO_PARLANT_URL",
        metavar="URL",
        help="With PLAN: the Parlant server that it is for; the running daemon's by default.",
    ),
]
MongodbUri = Annotated[
    str | None,
    _option("--mongodb-uri", env="MONGODB_URI", metavar="URI", help="MongoDB, instead of a file."),
]
Database = Annotated[
    str, _option("--database", env="MONGODB_DATABASE_NAME", help="The database in MongoDB.")
]
Nlp = Annotated[
    str | None,
    _option(
        "--nlp",
        env="OTTO_NLP",
        metavar="NAME",
        help="Model service: offline, openai, ..., or module:function for your own.",
    ),
]
Tools = Annotated[
    list[str] | None,
    _option(
        "--tools",
        env="OTTO_TOOLS",
        metavar="FILE",
        help="A Python file, or a module, whose @p.tool functions are hosted for the bots and read"
        " anew when it changes. May be given several times.",
    ),
]
TakeOver = Annotated[
    list[str] | None,
    _option(
        "--take-over",
        env="OTTO_TAKE_OVER",
        metavar="BOT",
        help="Make ours what the server has under the ids of this bot, though others made it. May"
        " be given several times.",
    ),
]
Interval = Annotated[
    float,
    _option(
        "--interval",
        env="OTTO_INTERVAL",
        help="Least seconds between two rounds of looks at all bots.",
    ),
]
Evaluate = Annotated[
    str | None,
    _option(
        "--evaluate",
        env="OTTO_EVALUATE",
        metavar="WHEN",
        help="When a model evaluates texts that are not evaluated yet: off, lazy or eager. By"
        " default lazy, and off with --parlant-url.",
    ),
]
Shard = Annotated[
    str | None,
    _option(
        "--shard",
        env="OTTO_SHARD",
        metavar="K/N",
        help="Look after one of N equal parts of all bots, such as 3/8, where other daemons have"
        " the rest.",
    ),
]
Restore = Annotated[
    str | None,
    _option(
        "--restore",
        env="OTTO_RESTORE",
        metavar="ORDER",
        help="When bots come back after a start: on-demand (the port opens at once, a bot that a"
        " customer writes to comes first) or all-first (it opens once all are there). By default"
        " on-demand, and all-first with --evaluate eager.",
    ),
]
OttoAccess = Annotated[
    str,
    _option(
        "--otto-access",
        env="OTTO_ACCESS",
        metavar="WHOSE",
        help="Whose bots a customer may see and change in a chat with Otto: own (those that Otto"
        " made for the same customer), all, or off (there is no Otto).",
    ),
]
Ephemeral = Annotated[bool, _option("--ephemeral", help="Keep nothing on disk.")]
PruneUnmanaged = Annotated[
    bool, _option("--prune-unmanaged", help="Delete what others added for our bots.")
]
LogFormat = Annotated[str, _option("--log-format", env="OTTO_LOG_FORMAT", help="console or json.")]
Shown = Annotated[Output, _option("--output", "-o", help="How to show it.", case_sensitive=False)]
Select = Annotated[
    str | None,
    _option(
        "--selector",
        "-l",
        metavar="LABELS",
        help="Only bots whose labels fit: key=value, key!=value, 'key in (a,b)', key, '!key', with"
        " commas between.",
    ),
]
Files = Annotated[
    list[str] | None,
    _option(
        "--file",
        "-f",
        metavar="PATH",
        help="A file or folder of manifests, a specification in JSON, or - for standard input."
        " May be given several times.",
    ),
]


def _seconds(value: float) -> float:
    if not 0 <= value < float("inf"):
        raise typer.BadParameter(f"{value} is no number of seconds to wait")
    return value


Timeout = Annotated[float, _option("--timeout", callback=_seconds, help="Seconds to wait at most.")]
Limit = Annotated[int, _option("--limit", min=0, max=MOST_ROWS, help="At most so many; 0: all.")]


def _allow(patterns: list[str] | None) -> list[str] | None:
    """Whatever loads manifests, and goes on doing so, asks the environment."""
    if patterns:
        os.environ[ALLOW_ENV] = " ".join(patterns)
    return patterns


AllowEnv = Annotated[
    list[str] | None,
    _option(
        "--allow-env",
        env=ALLOW_ENV,
        metavar="PATTERN",
        callback=_allow,
        help="A variable, such as SHOP_*, that manifests may read into any text although its name"
        " or value looks like a secret. May be given several times.",
    ),
]
BotArgument = Annotated[
    str, typer.Argument(metavar="BOT", help="Id of a bot.", autocompletion=bot_ids)
]
BotArguments = Annotated[
    list[str], typer.Argument(metavar="BOT", help="Ids of bots.", autocompletion=bot_ids)
]
SomeBots = Annotated[
    list[str] | None,
    typer.Argument(metavar="BOT", help="Only these bots.", autocompletion=bot_ids),
]

DATA_DIR = Path(".otto")
MANIFESTS = Path("manifests")
PORT = DEFAULT_PORT
DATABASE = DEFAULT_DATABASE


def settings_of(
    *, url_option: str = "--parlant-url", select: str | None = None, **options: Any
) -> Settings:
    """The settings that the options of a command make. Raises SettingsError.

    `url_option` is what the command calls the URL of the Parlant server.
    """
    if (url := options.get("parlant_url")) is not None:
        check_url(url_option, url)
    _tell_database(options.get("mongodb_uri"), options.get("database"))
    selector = parsed(select) if select is not None else None
    return Settings(
        headers=headers_from(), bridge_token=bridge_token_from(), selector=selector, **options
    )


def _tell_database(uri: str | None, database: str | None) -> None:
    """A database in the path of the URI is for the login, and easily taken for ours."""
    named = database_in(uri) if uri else None
    chosen = database != DEFAULT_DATABASE or os.environ.get("MONGODB_DATABASE_NAME")
    if named and named not in ("admin", database) and not chosen:
        note(
            f"note: the MongoDB URI names the database {named!r}, which is for the login alone;"
            f" bots are kept in {database!r} (--database, MONGODB_DATABASE_NAME)"
        )


def environment_of(context: typer.Context, env: str | None, *, base: bool) -> str | None:
    """With `base` none, whatever a variable or the file says. Raises SettingsError for both."""
    source = context.get_parameter_source("env")
    if base and source is not None and source.name == "COMMANDLINE":
        raise SettingsError(
            f"--base is the manifests without --env {env}", hint="leave one of the two out"
        )
    return None if base else env


def refuse_beside_revision(bots: Sequence[str], **options: object) -> None:
    """Raises SettingsError: two revisions of one bot are compared, and nothing else."""
    named = next(bot for bot in bots if "@" in bot)
    others = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    others += [bot for bot in bots if bot is not named][:1]
    if others:
        raise SettingsError(
            f"{named} stands alone, without {others[0]}",
            hint=f"otto-reconcile diff {named} compares revisions, and asks no target",
        )
