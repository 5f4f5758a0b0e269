"""The command `render`: manifests as one environment has them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from otto_reconcile import manifest
from otto_reconcile.cli.console import Data, write
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import Source
from otto_reconcile.render.data import to_json


def run_render(paths: Sequence[str], env: str | None, form: Data, *, origin: bool) -> int:
    """Raises InvalidInput with every fault of every file, as an import would."""
    if origin and form is Data.JSON:
        raise OttoError("--origin is for YAML: JSON has no comments", hint="leave -o json out")
    named = [_once(Path(path)) for path in dict.fromkeys(paths)]
    loaded = manifest.load(named, environ=os.environ, env=env)
    if not loaded.declarations:
        raise OttoError(f"no manifests in {', '.join(paths)}")
    documents = manifest.render(named, env=env)
    if form is Data.JSON:
        write(to_json([document.data for document in documents]))
    else:
        write("---\n".join(d.with_origins if origin else d.text for d in documents))
    return 0


def _once(path: Path) -> Path | Source:
    """What can be read but once is read here."""
    return manifest.read_one(path) if manifest.is_standard_input(path) else path
