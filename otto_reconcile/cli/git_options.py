"""The options about repositories whose commits are imported, and what they make together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from otto_reconcile.errors import SettingsError
from otto_reconcile.settings import GitSettings

Git = Annotated[
    list[str] | None,
    typer.Option(
        "--git",
        envvar="OTTO_GIT",
        metavar="PATH_OR_URL",
        help="A repository whose commits are imported, instead of a folder. May be given several"
        " times. OTTO_GIT_TOKEN is for one that asks for a password.",
    ),
]
Branch = Annotated[
    list[str] | None,
    typer.Option(
        "--branch",
        envvar="OTTO_GIT_BRANCH",
        metavar="NAME",
        help="The branch of the repository; its current one by default. With several --git, one"
        " for all, or one for each in their order.",
    ),
]
InRepository = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        envvar="OTTO_GIT_PATH",
        metavar="FOLDER",
        help="The folder of the manifests in the repository (manifests). With several --git, one"
        " for all, or one for each in their order.",
    ),
]
GitInterval = Annotated[
    float,
    typer.Option(
        "--git-interval",
        envvar="OTTO_GIT_INTERVAL",
        help="Seconds between two looks at a repository elsewhere.",
    ),
]
GitVerify = Annotated[
    Path | None,
    typer.Option(
        "--git-verify",
        envvar="OTTO_GIT_VERIFY",
        metavar="FILE",
        help="Import only commits that are signed by a key of this file, in the form of Git's"
        " allowed signers.",
    ),
]
WebhookPort = Annotated[
    int | None,
    typer.Option(
        "--webhook-port",
        envvar="OTTO_WEBHOOK_PORT",
        help="Listen here, on loopback, for GitHub and GitLab to say that a branch has moved."
        " OTTO_WEBHOOK_SECRET is the secret that they sign with.",
    ),
]

GitRef = Annotated[
    str | None,
    typer.Option(
        "--git-ref",
        metavar="A..B",
        help="Compare two commits (branches, tags) instead; with A...B from where B left A, and"
        " with one alone, that commit with what is live.",
    ),
]
OneGit = Annotated[
    str,
    typer.Option("--git", metavar="PATH", help="The repository of --git-ref; by default around."),
]
OnePath = Annotated[
    str | None,
    typer.Option(
        "--path",
        envvar="OTTO_GIT_PATH",
        metavar="FOLDER",
        help="The folder of the manifests in the repository of --git-ref (manifests).",
    ),
]


def refuse_beside(refs: str, *, file: object, out: object) -> None:
    """Raises SettingsError for options that say otherwise what is compared."""
    for option, given in (("-f", file), ("--out", out)):
        if given:
            raise SettingsError(
                f"--git-ref {refs} and {option} cannot be given together",
                hint="leave one of the two out",
            )


def git_of(
    urls: list[str] | None, branches: list[str] | None, paths: list[str] | None
) -> tuple[GitSettings, ...]:
    """The repositories that `--git` names, each with its branch and path. Raises SettingsError."""
    urls = urls or []
    for option, given in (("--branch", branches), ("--path", paths)):
        if given and not urls:
            raise SettingsError(f"{option} is for commits, and no --git is given")
        if given and len(given) not in (1, len(urls)):
            raise SettingsError(
                f"{option} is given {len(given)} times, and --git {len(urls)} times",
                hint="give it once for all, or once for each",
            )
    named = _each(branches, urls, None), _each(paths, urls, "manifests")
    found = [GitSettings(url, b or None, p or ".") for url, b, p in zip(urls, *named, strict=True)]
    if len(set(found)) < len(found):
        raise SettingsError("--git names the same branch and path of a repository twice")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where manifests come from: a folder (None: only commits count), and repositories."""

    manifests: Path | None
    git: tuple[GitSettings, ...] = ()


def sources_of(
    context: typer.Context,
    manifests: Path,
    git: list[str] | None,
    branch: list[str] | None,
    path: list[str] | None,
) -> Sources:
    """By options and variables; what the configuration file says of repositories is one thing.

    A `--git` in the place of those of the file takes neither branch, path nor folder from there.
    Raises SettingsError.
    """
    if git and is_given(context, "git"):
        branch = branch if is_given(context, "branch") else None
        path = path if is_given(context, "path") else None
    said = is_given(context, "manifests")
    in_file = _is_of_file(context, "manifests") and not is_given(context, "git")
    return Sources(manifests if said or in_file or not git else None, git_of(git, branch, path))


def _is_of_file(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "DEFAULT_MAP"


def _each(given: list[str] | None, urls: list[str], usual: str | None) -> list[str | None]:
    if not given:
        return [usual] * len(urls)
    return [*given] if len(given) == len(urls) else [*given] * len(urls)


def webhook_secret() -> str | None:
    """What calls of a webhook are signed with, from the environment alone."""
    return os.environ.get("OTTO_WEBHOOK_SECRET") or None


def is_given(context: typer.Context, name: str) -> bool:
    """True for an option that is on the command line or in the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
