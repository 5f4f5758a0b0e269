"""What the options of `run` come to; `config` shows it, `run` starts with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from otto_reconcile.cli import git_options, options
from otto_reconcile.cli.config_file import Configuration
from otto_reconcile.cli.target_forms import targets_of
from otto_reconcile.errors import SettingsError
from otto_reconcile.runtime import sharding
from otto_reconcile.runtime.sharding import Shard
from otto_reconcile.settings import Settings, TargetSettings, bridge_token_from

_AS_THEY_ARE = (
    "git_interval",
    "webhook_port",
    "env",
    "port",
    "parlant_url",
    "mongodb_uri",
    "database",
    "nlp",
    "evaluate",
    "restore",
    "otto_access",
    "interval",
    "log_format",
    "ephemeral",
)


def settings_of_run(context: typer.Context) -> Settings:
    """By the options of `run` or `config`, variables and the file. Raises SettingsError."""
    try:
        return _settings(context)
    except SettingsError as error:
        raise _placed(context, error) from None


def _placed(context: typer.Context, error: SettingsError) -> SettingsError:
    """With the line of the configuration file, if the option that is wrong is said there."""
    name = error.message.removeprefix("--").split(" ")[0].removesuffix(":")
    source = context.get_parameter_source(name.replace("-", "_"))
    place = context.obj.places.get(name) if isinstance(context.obj, Configuration) else None
    if place is None or source is None or source.name != "DEFAULT_MAP":
        return error
    return SettingsError(f"{place}: {error.message}", hint=error.hint)


def _settings(context: typer.Context) -> Settings:
    given: dict[str, Any] = context.params
    targets = targets_of_run(context)
    _refuse_for_elsewhere(context, given["parlant_url"], several=bool(targets))
    if given["parlant_url"] is None and bridge_token_from() is not None:
        raise _needless_bridge(bool(targets))
    sources = sources_of_run(context)
    return options.settings_of(
        targets=targets,
        data_dir=Path(given["data_dir"]),
        manifests=sources.manifests,
        git=sources.git,
        git_verify=Path(given["git_verify"]) if given["git_verify"] else None,
        webhook_secret=git_options.webhook_secret(),
        tools=tuple(given["tools"] or ()),
        take_over=tuple(given["take_over"] or ()),
        select=given["select"],
        shard=_shard(given["shard"]),
        **{name: given[name] for name in _AS_THEY_ARE},
    )


def _shard(text: str | None) -> Shard | None:
    if not text:
        return None
    try:
        return sharding.parsed(text)
    except SettingsError as error:
        raise SettingsError(f"--shard: {error.message}", hint=error.hint) from None


def _needless_bridge(several: bool) -> SettingsError:
    if several:
        return SettingsError(
            "OTTO_BRIDGE_TOKEN is for one Parlant elsewhere, and there are several `targets`",
            hint="name the variable of each that has a bridge: `bridge-token-env`",
        )
    return SettingsError(
        "OTTO_BRIDGE_TOKEN is for a Parlant elsewhere, and this process hosts its own",
        hint="name the other with --parlant-url (OTTO_PARLANT_URL), or unset the variable",
    )


def targets_of_run(context: typer.Context) -> tuple[TargetSettings, ...]:
    """Those of the file, unless one Parlant is named before it. Raises SettingsError."""
    configuration = context.obj
    if not isinstance(configuration, Configuration) or context.params["parlant_url"] is not None:
        return ()
    if "targets" in configuration.unset:
        configuration.unset["targets"].refuse()
    try:
        return targets_of(configuration.targets)
    except SettingsError as error:
        place = configuration.places.get("targets")
        raise SettingsError(f"{place}: {error.message}", hint=error.hint) from None


def targets_known(context: typer.Context) -> tuple[TargetSettings, ...]:
    """Those of the file for a command that only looks: none where a token of theirs is missing.

    A Parlant that is named on the command line may be one of them.
    """
    configuration = context.obj
    if not isinstance(configuration, Configuration) or "targets" in configuration.unset:
        return ()
    try:
        return targets_of(configuration.targets)
    except SettingsError:
        return ()


def sources_of_run(context: typer.Context) -> git_options.Sources:
    """Where manifests come from. Raises SettingsError."""
    given: dict[str, Any] = context.params
    lists = (list(given[name] or ()) or None for name in ("git", "branch", "path"))
    return git_options.sources_of(context, Path(given["manifests"]), *lists)


def _refuse_for_elsewhere(
    context: typer.Context, parlant_url: str | None, *, several: bool = False
) -> None:
    """Raises SettingsError for options on the command line that only an embedded Parlant heeds."""
    if parlant_url is None and not several:
        return
    for name in ("port", "nlp", "otto_access", "restore"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            by = "`targets` in the configuration file names several"
            other = "--parlant-url (OTTO_PARLANT_URL) names one"
            raise SettingsError(
                f"--{name.replace('_', '-')} is for a Parlant in this process, and"
                f" {by if several else other} elsewhere",
                hint="leave one of the two out",
            )
