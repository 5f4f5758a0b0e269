"""The environment of `apply` and `diff -f` beside the one of the running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from otto_reconcile.cli.inputs import Inputs
from otto_reconcile.cli.places import Daemon, find_daemon
from otto_reconcile.desired import Desired
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import LoadedDeclaration
from otto_reconcile.model.shared import stream_of
from otto_reconcile.settings import Settings
from otto_reconcile.sources.departures import sources_of
from otto_reconcile.sources.roots import root_of


def refuse_other(settings: Settings, inputs: Inputs, known: Desired, *, base: bool) -> None:
    """Raises OttoError if this would be written over what the daemon has with an environment."""
    roots = dict(_roots(find_daemon(settings)))
    if base or not roots:
        return
    sources = sources_of(known)
    for loaded in inputs.declarations:
        name = stream_of(loaded.declaration)
        root = sources[name].root if name in sources else _home(loaded, roots)
        env = roots.get(str(root))
        if env is not None and env != settings.env:
            raise _refusal(name, str(root), env, settings.env)


def _roots(daemon: Daemon | None) -> Iterator[tuple[str, str]]:
    """What the daemon imports with an environment."""
    manifests = (daemon or {}).get("manifests") or {}
    if manifests.get("environment"):
        yield str(manifests.get("root")), str(manifests["environment"])
    for name, source in ((daemon or {}).get("git") or {}).items():
        if source.get("environment"):
            yield str(name), str(source["environment"])


def _home(loaded: LoadedDeclaration, roots: dict[str, str]) -> str | None:
    """The watched folder that the file is in, of something that was not imported yet."""
    place = root_of(Path(loaded.file))
    return next((root for root in roots if place.is_relative_to(root)), None)


def _refusal(name: str, root: str, env: str, given: str | None) -> OttoError:
    this = f"the environment {given}" if given is not None else "the base alone"
    otherwise = (
        "; or, if you mean the base, --base"
        if given is None
        else "; give each environment its own store"
    )
    return OttoError(
        f"{name} is from {root}, which the running daemon imports with the environment {env};"
        f" this is {this}",
        hint=f"add --env {env}{otherwise}",
    )
