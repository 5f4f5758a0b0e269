"""What `init` says of an `otto.yaml` and a `.gitignore` that are there: the lines they lack."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from otto_reconcile.cli.config_file import DEFAULT, Configuration, read
from otto_reconcile.errors import InvalidInput, OttoError

MANIFESTS = "manifests"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says: `folder` is where manifests are read from, seen from the file.

    `amiss` is why it cannot be read. Without a file all is as `init` writes it.
    """

    configuration: Configuration = field(default_factory=Configuration)
    folder: str = MANIFESTS
    alone: str | None = None
    amiss: str | None = None


def settings_in(folder: Path) -> Settings:
    """Those of the folder in which something begins. Raises nothing."""
    path = folder / DEFAULT
    if not os.path.lexists(path):
        return Settings()
    try:
        found = read(path)
    except InvalidInput as error:
        return Settings(amiss=str(error.problems[0]))
    except OttoError as error:
        return Settings(amiss=str(error))
    said = found.values.get("manifests")
    if said is None:
        return Settings(found)
    inner = os.path.relpath(str(said), folder)
    inner = os.path.abspath(str(said)) if inner.startswith(os.pardir) else inner
    if os.path.isfile(str(said)):
        return Settings(found, alone=inner)
    return Settings(found, inner)


def lacking(settings: Settings, tools: Sequence[str]) -> Iterator[str]:
    """What is to be written into the `otto.yaml` that is there, line by line."""
    if settings.amiss is not None:
        yield f"{settings.amiss}"
    yield from _sources(settings)
    yield from _tools(settings, tools)


def _sources(settings: Settings) -> Iterator[str]:
    places = settings.configuration.places
    if settings.alone is not None:
        key = "folder" if "sources" in places else "manifests"
        where = places["manifests"]
        yield f"{where}: this names one manifest, {settings.alone}, and not the new one:"
        yield f"move it into {MANIFESTS}/, and write in its place:"
        yield f"  {key}: {MANIFESTS}"
    elif settings.configuration.git and "manifests" not in places:
        yield f"{places['sources']}: add to `sources`, so that the bot is read:"
        yield f"  - folder: {MANIFESTS}"


def _tools(settings: Settings, tools: Sequence[str]) -> Iterator[str]:
    configuration = settings.configuration
    there = [str(one) for one in configuration.values.get("tools", ())]
    base = configuration.path.parent if configuration.path is not None else Path()
    had = [os.path.relpath(one, base) if one.endswith(".py") else one for one in there]
    if not tools or set(tools) <= {os.path.normpath(one) for one in had}:
        return
    line = yaml.safe_dump([*had, *tools], default_flow_style=True, width=100_000).strip()
    if "tools" in configuration.places:
        where = configuration.places["tools"]
        yield f"{where}: write in the place of `tools`, for the tools of the bot:"
    else:
        yield f"{DEFAULT}: add this line, for the tools of the bot:"
    yield f"  tools: {line}"


def unignored(text: str, wanted: str) -> Iterator[str]:
    """What a `.gitignore` that is there lacks of the one that `init` writes."""
    there = {line.strip().strip("/") for line in text.splitlines()}
    lines = [line for line in wanted.splitlines() if line and not line.startswith("#")]
    if missing := [line for line in lines if line.strip("/") not in there]:
        yield ".gitignore: add, so that nothing secret is committed:"
        yield from (f"  {line}" for line in missing)
