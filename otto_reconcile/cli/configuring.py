"""The command `config`: each setting, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import typer

from otto_reconcile.cli.config_file import Configuration
from otto_reconcile.cli.console import Output, note, say_data, say_table
from otto_reconcile.cli.git_options import is_given
from otto_reconcile.cli.run_settings import settings_of_run, sources_of_run
from otto_reconcile.cli.surroundings import DOTENV
from otto_reconcile.errors import SettingsError
from otto_reconcile.render.tables import Table
from otto_reconcile.runtime.escaping import MASKED, without_logins
from otto_reconcile.settings import GitSettings, without_credentials

_SECRET = (
    "OTTO_PARLANT_TOKEN", "OTTO_PARLANT_HEADERS", "OTTO_BRIDGE_TOKEN", "OTTO_GIT_TOKEN",
    "OTTO_WEBHOOK_SECRET",
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
    """All settings of `run`, in the order of its options: what it would use with the same ones."""
    configuration = context.obj
    assert isinstance(configuration, Configuration)
    settings = [*_settings(context, configuration), *_secret()]
    if output in (Output.TABLE, Output.MARKDOWN):
        rows = [(one.name, _flat(one.value), one.origin) for one in settings]
        say_table(Table(Setting._fields, rows), output)
    else:
        file = str(configuration.path) if configuration.path is not None else None
        say_data({"file": file, "settings": [one._asdict() for one in settings]}, output)
    for name, unset in configuration.unset.items():
        note(f"note: {unset.problem}; what needs `{name}` fails until then")
    _foretell(context, configuration)
    return 0


def _foretell(context: typer.Context, configuration: Configuration) -> None:
    """Says why `run` would refuse to start so, as far as the options tell."""
    try:
        settings_of_run(context)
    except SettingsError as error:
        if not configuration.unset:
            note(f"note: run refuses this: {error.with_hint}")


def _settings(context: typer.Context, configuration: Configuration) -> Iterator[Setting]:
    sources = sources_of_run(context)
    origins = _Origins(context, configuration)
    for parameter in context.command.params:
        name = parameter.opts[0].removeprefix("--")
        if name in _NOT_SETTINGS:
            continue
        value, origin = context.params[parameter.name], origins.of(name, parameter)
        if name in configuration.unset and origin == "default":
            unset = configuration.unset[name]
            yield Setting(name, _shown(name, unset.template), origins.in_file(name))
        elif name == "manifests" and sources.manifests is None:
            yield Setting(name, None, f"none, beside git of {origins.of_git()}")
        elif name not in _OF_SOURCES or not sources.git:
            hidden = name in configuration.secrets and origin == origins.in_file(name)
            yield Setting(name, MASKED if hidden else _shown(name, value), origin)
        elif not origins.is_of_file("git"):
            yield _of_git(name, sources.git, origin if is_given(context, name) else "default")
    if sources.git and origins.is_of_file("git"):
        yield from _sources(configuration, sources.git, origins)
    if context.params["parlant_url"] is None:
        for number, target in enumerate(configuration.targets):
            name = f"targets[{number}]"
            yield Setting(name, dict(target), configuration.places[name])


class _Origins:
    """Where values come from, in words."""

    def __init__(self, context: typer.Context, configuration: Configuration) -> None:
        self._context, self._configuration = context, configuration
        self._dotenv = _dotenv()

    def of(self, name: str, parameter: Any) -> str:
        source = self._context.get_parameter_source(parameter.name)
        origin = source.name if source is not None else "DEFAULT"
        if origin == "COMMANDLINE":
            return f"option --{name}"
        if origin == "ENVIRONMENT":
            variable = str(parameter.envvar)
            return f"{variable} in {DOTENV}" if variable in self._dotenv else variable
        return self.in_file(name) if origin == "DEFAULT_MAP" else "default"

    def named(self, name: str) -> str:
        parameters = {one.name: one for one in self._context.command.params}
        return self.of(name, parameters[name])

    def of_git(self) -> str:
        return self.in_file("sources") if self.is_of_file("git") else self.named("git")

    def in_file(self, name: str) -> str:
        configuration = self._configuration
        return configuration.places.get(name, str(configuration.path))

    def is_of_file(self, name: str) -> bool:
        source = self._context.get_parameter_source(name)
        return source is not None and source.name == "DEFAULT_MAP"

    def given(self, name: str) -> bool:
        return is_given(self._context, name)


def _of_git(name: str, git: Sequence[GitSettings], origin: str) -> Setting:
    """The repositories of the command line, or their branches, or their paths: one for each."""
    values = {
        "git": [without_credentials(one.url) for one in git],
        "branch": [one.branch or "" for one in git],
        "path": [one.path for one in git],
    }
    return Setting(name, values[name] if any(values[name]) else None, origin)


def _sources(
    configuration: Configuration, git: Sequence[GitSettings], origins: _Origins
) -> Iterator[Setting]:
    """Those of the file, with what the command line says of them."""
    over = [
        f", {name} by {origins.named(name)}" for name in ("branch", "path") if origins.given(name)
    ]
    for source, used in zip(configuration.git, git, strict=True):
        value = {"git": without_credentials(used.url), "branch": used.branch, "path": used.path}
        name = f"sources[{source.number}]"
        place = configuration.places[name] + "".join(over)
        yield Setting(name, {k: v for k, v in value.items() if v is not None}, place)


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
