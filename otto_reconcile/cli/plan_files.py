"""A plan as a file: versioned JSON with a digest, which shows what was edited or cut off.

The digest protects against accidents, not against somebody who makes another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from otto_reconcile.errors import OttoError
from otto_reconcile.model import JSON
from otto_reconcile.runtime import data_dir
from otto_reconcile.runtime.escaping import escaped

FORMAT = 1
"""The form of a plan file; one with a higher number was written by a newer version."""
_MARK = "otto-reconcile plan"
_ANEW = "make a new one: otto-reconcile diff --out {}"


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Made(_Form):
    """When (ISO 8601, UTC), by whom, over which store and with which version it was made."""

    at: str
    by: str
    store: str
    tool: str


class TargetNamed(_Form):
    """The target as it is known in the store, and the URL that it had, without a login."""

    id: str
    url: str


class Options(_Form):
    """What was asked for, as for `diff`: `bots` is empty for all; `env` is the environment."""

    bots: list[str]
    prune_unmanaged: bool
    take_over: list[str]
    env: str | None


class Declared(_Form):
    """What a manifest says: the digest of the bot or shared document that is in the file."""

    digest: str
    file: str


class Imported(_Form):
    """An import: the paths that were named, what is in them, and the revisions it is put over."""

    paths: list[str]
    declared: dict[str, Declared]
    base: dict[str, int]


class Decided(_Form):
    """What the plan of one bot was made from: its desired state, and the digest of its actions.

    `revision` is 0 for one that is not wanted.
    """

    revision: int
    desired: str
    actions: str


class PlanFile(_Form):
    """`plan` is what people read: the same as `diff -o json` gives."""

    made: Made
    target: TargetNamed
    options: Options
    imported: Imported | None
    decided: dict[str, Decided]
    plan: dict[str, JSON]


def write(path: Path, plan: PlanFile) -> None:
    """Raises OttoError if it cannot be written."""
    document = {"format": FORMAT, "kind": _MARK, **plan.model_dump(mode="json")}
    document["digest"] = _digest(document)
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    try:
        data_dir.write_whole(path, f"{escaped(text)}\n")
    except OSError as error:
        why = error.strerror or error
        raise OttoError(f"cannot write {path}: {why}", hint="name another file") from error


def read(path: Path) -> PlanFile:
    """Raises OttoError for what is no plan, is not whole, was edited, or is of a newer version."""
    document = _document(path)
    version = document.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise OttoError(
            f"{path} has format {version}, and this version reads {FORMAT}",
            hint="it was written by a newer otto-reconcile: use that, or make the plan anew",
        )
    told = document.pop("digest", None)
    if told != _digest(document):
        raise OttoError(
            f"{path} was changed after it was made: its digest does not fit what is in it",
            hint=_ANEW.format(path),
        )
    contents = {name: document[name] for name in document.keys() - {"format", "kind"}}
    try:
        return PlanFile.model_validate(contents)
    except ValidationError as error:
        raise OttoError(f"{path} is no plan of this version", hint=_ANEW.format(path)) from error


def is_plan(path: Path) -> bool:
    """True if the file is a plan, whole or edited."""
    try:
        return bool(_document(path))
    except OttoError:
        return False


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        plan = path.suffix == ".json" and not path.is_dir()
        hint = _ANEW.format(path) if plan else _named(path)
        raise OttoError(f"cannot read {path}: {error.strerror or error}", hint=hint) from error
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if _MARK in text:
            hint = _ANEW.format(path)
            raise OttoError(f"{path} is not whole, or was edited: {error}", hint=hint) from error
        found = None
    if not isinstance(found, dict) or found.get("kind") != _MARK:
        raise OttoError(f"{path} is no plan file", hint=_named(path))
    return found


def _named(path: Path) -> str:
    """The hint for somebody who means a manifest."""
    return f"a file is named with -f: otto-reconcile apply -f {path}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would show a person something else than it means."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form: keys sorted, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
