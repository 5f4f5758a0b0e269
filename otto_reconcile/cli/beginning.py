"""The command `init`: a first bot and what belongs beside it, in a folder that is empty so far."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from otto_reconcile.cli.config_form import config_schema
from otto_reconcile.cli.console import say
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import json_schema
from otto_reconcile.manifest.messages import near
from otto_reconcile.render.data import to_json

FIRST = "hello"
_MANIFESTS = "manifests"
_SCHEMA = "../schemas/manifest.schema.json"
_SCHEMA_OF_EXAMPLES = "../docs/manifest.schema.json"


def run_init(folder: Path, example: str | None) -> int:
    """Writes what is not there; a file that is there stays as it is and is named."""
    texts = _texts(example)
    there = [name for name in texts if os.path.lexists(folder / name)]
    _write({folder / name: text for name, text in texts.items() if name not in there})
    for name in texts:
        say(f"{name}: there already, left as it is" if name in there else f"{name}: written")
    place = "" if folder == Path() else f"cd {folder} && "
    say(f"next: {place}otto-reconcile run")
    return 0


def _texts(example: str | None) -> dict[str, str]:
    """By path from the folder, what stands there."""
    starter, named = files("otto_reconcile.starter"), example or FIRST
    settings = _read(starter, "otto.yaml")
    bots = {f"{_MANIFESTS}/{FIRST}.yaml": _read(starter, f"{FIRST}.yaml")}
    if named != FIRST:
        examples = _examples()
        _refuse_unknown(named, examples)
        text = _read(examples, f"{named}.yaml").replace(_SCHEMA_OF_EXAMPLES, _SCHEMA)
        bots = {f"{_MANIFESTS}/{named}.yaml": text}
        if (tools := examples / "tools" / f"{named}.py").is_file():
            path = f"{_MANIFESTS}/tools/{named}.py"
            bots[path] = tools.read_text(encoding="utf-8")
            settings += f"\ntools: [{path}]         # those of the example\n"
    return {
        **bots,
        "otto.yaml": settings,
        "schemas/manifest.schema.json": to_json(json_schema()),
        "schemas/otto.schema.json": to_json(config_schema()),
        ".github/workflows/otto-reconcile.yaml": _read(starter, "workflow.yaml"),
        ".gitignore": _read(starter, "gitignore"),
    }


def _examples() -> Traversable:
    """The folder of examples: in the package as it is installed, or beside it in a work tree."""
    packaged = files("otto_reconcile") / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / _MANIFESTS


def _refuse_unknown(name: str, examples: Traversable) -> None:
    found = examples.iterdir() if examples.is_dir() else ()
    known = sorted(one.name.removesuffix(".yaml") for one in found if one.name.endswith(".yaml"))
    if name not in known:
        hint = near(name, known) or f"there are: {', '.join([FIRST, *known])}"
        raise OttoError(f"there is no example {name!r}", hint=hint)


def _read(folder: Traversable, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def _write(texts: Mapping[Path, str]) -> None:
    """All or none, and never over a file. Raises OttoError."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        why = error.strerror or str(error)
        hint = "name a folder that this user may write"
        raise OttoError(f"cannot write {error.filename or texts}: {why}", hint=hint) from error
