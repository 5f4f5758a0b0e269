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
from otto_reconcile.cli.joining import MANIFESTS, lacking, settings_in, unignored
from otto_reconcile.errors import OttoError
from otto_reconcile.manifest import json_schema
from otto_reconcile.manifest.messages import near
from otto_reconcile.render.data import to_json

FIRST = "hello"
_SETTINGS, _IGNORED = "otto.yaml", ".gitignore"
_SCHEMAS, _FORM = "schemas", "manifest.schema.json"
_NO_MANIFESTS = {".ottoignore": f"/{_SETTINGS}\n/{_SCHEMAS}/\n"}
_SCHEMA = f"../{_SCHEMAS}/{_FORM}"
_SCHEMA_OF_EXAMPLES = "../docs/manifest.schema.json"


def run_init(folder: Path, example: str | None) -> int:
    """Writes what is not there; a file that is there stays as it is, and what it lacks is named."""
    settings = settings_in(folder)
    texts = _texts(example, settings.folder)
    there = [name for name in texts if os.path.lexists(folder / name)]
    _write({folder / name: text for name, text in texts.items() if name not in there})
    for name in texts:
        say(f"{name}: there already, left as it is" if name in there else f"{name}: written")
    tools = [name for name in texts if name.endswith(".py")]
    advice = list(lacking(settings, tools)) if _SETTINGS in there else []
    if _IGNORED in there:
        advice += unignored(_text_of(folder / _IGNORED), texts[_IGNORED])
    for line in advice:
        say(line)
    place = "" if folder == Path() else f"cd {folder} && "
    first = "do what is said above, then " if advice else ""
    say(f"next: {first}{place}otto-reconcile run")
    return 0


def _texts(example: str | None, folder: str) -> dict[str, str]:
    """By path from where it begins, what stands there; the bot is put into `folder`."""
    starter, named = files("otto_reconcile.starter"), example or FIRST
    settings, text = _read(starter, _SETTINGS), _read(starter, f"{FIRST}.yaml")
    tools: dict[str, str] = {}
    if named != FIRST:
        examples = _examples()
        _refuse_unknown(named, examples)
        text = _read(examples, f"{named}.yaml").replace(_SCHEMA_OF_EXAMPLES, _SCHEMA)
        if (code := examples / "tools" / f"{named}.py").is_file():
            path = os.path.normpath(f"{folder}/tools/{named}.py")
            tools = {path: code.read_text(encoding="utf-8")}
            settings += f"\ntools: [{path}]         # those of the example\n"
    schema = os.path.relpath(_SCHEMAS, folder)
    return {
        os.path.normpath(f"{folder}/{named}.yaml"): text.replace(_SCHEMA, f"{schema}/{_FORM}"),
        **tools,
        _SETTINGS: settings,
        f"{_SCHEMAS}/{_FORM}": to_json(json_schema()),
        f"{_SCHEMAS}/otto.schema.json": to_json(config_schema()),
        ".github/workflows/otto-reconcile.yaml": _read(starter, "workflow.yaml"),
        _IGNORED: _read(starter, "gitignore"),
        **(_NO_MANIFESTS if os.path.normpath(folder) == os.curdir else {}),
    }


def _text_of(path: Path) -> str:
    """Of a file that is there; nothing of one that cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _examples() -> Traversable:
    """The folder of examples: in the package as it is installed, or beside it in a work tree."""
    packaged = files("otto_reconcile") / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / MANIFESTS


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
