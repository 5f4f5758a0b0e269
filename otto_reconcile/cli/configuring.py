"""The command `config`: each setting, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import typer

from otto_reconcile.cli.config_file import Configuration
from otto_reconcile.cli.console import Output, say_data, say_table
from otto_reconcile.cli.surroundings import DOTENV
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.escaping import MASKED, without_logins
from otto_reconcile.settings import without_credentials

_SECRET = (
    "OTTO_PARLANT_TOKEN", "OTTO_PARLANT_HEADERS", "OTTO_GIT_TOKEN", "OTTO_WEBHOOK_SECRET"
)  # fmt: skip
_ADDRESSES = ("mongodb-uri", "parlant-url")
_OF_SOURCES = ("git", "branch", "path")
"""Told with each source, where the file has them."""
_NOT_SETTINGS = ("output", "help")


class Setting(NamedTuple):
    """One setting as it may be shown, and where its value comes from."""

    name: str
    value: Any
    origin: str


def run_config(context: typer.Context, output: Output) -> int:
    """All settings of `run`, in the order of its options."""
    configuration = context.obj
    assert isinstance(configuration, Configuration)
    settings = [*_settings(context, configuration), *_secret()]
    source = context.get_parameter_source("git")
    if source is not None and source.name == "DEFAULT_MAP":
        settings = [one for one in settings if one.name not in _OF_SOURCES]
        settings += _sources(configuration)
    if output in (Output.TABLE, Output.MARKDOWN):
        rows = [(one.name, _flat(one.value), one.origin) for one in settings]
        say_table(Table(Setting._fields, rows), output)
    else:
        file = str(configuration.path) if configuration.path is not None else None
        say_data({"file": file, "settings": [one._asdict() for one in settings]}, output)
    return 0


def _settings(context: typer.Context, configuration: Configuration) -> Iterator[Setting]:
    dotenv = _dotenv()
    for parameter in context.command.params:
        name = parameter.opts[0].removeprefix("--")
        if name in _NOT_SETTINGS:
            continue
        value, source = context.params[parameter.name], context.get_parameter_source(parameter.name)
        origin = source.name if source is not None else "DEFAULT"
        shown = _shown(name, value)
        if origin == "COMMANDLINE":
            origin = f"option --{name}"
        elif origin == "ENVIRONMENT":
            variable = str(parameter.envvar)
            origin = f"{variable} in {DOTENV}" if variable in dotenv else variable
        elif origin == "DEFAULT_MAP":
            origin = configuration.places.get(name, str(configuration.path))
            shown = MASKED if name in configuration.secrets else shown
        else:
            origin = "default"
        yield Setting(name, shown, origin)


def _sources(configuration: Configuration) -> Iterator[Setting]:
    for source in configuration.git:
        known = {"git": without_credentials(source.url), "branch": source.branch}
        value = {k: v for k, v in {**known, "path": source.path}.items() if v is not None}
        name = f"sources[{source.number}]"
        yield Setting(name, value, configuration.places[name])


def _secret() -> Iterator[Setting]:
    for name in _SECRET:
        if os.environ.get(name):
            yield Setting(name.removeprefix("OTTO_").lower().replace("_", "-"), MASKED, name)


def _shown(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [str(without_logins(str(one))) for one in value] or None
    return without_credentials(str(value)) if name in _ADDRESSES else without_logins(str(value))


def _flat(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(value) or None
    if isinstance(value, dict):
        return ", ".join(f"{name} {text}" for name, text in value.items())
    return value


def _dotenv() -> set[str]:
    """The variables that `.env` has set, as far as can be told now."""
    if not DOTENV.is_file():
        return set()
    from dotenv import dotenv_values

    found = dotenv_values(DOTENV, encoding="utf-8-sig")
    return {name for name, value in found.items() if os.environ.get(name) == value}
