"""Reads what `-f` names: manifests in files and folders, specifications in JSON, standard input."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from otto_reconcile import manifest, specification
from otto_reconcile.desired import DesiredState
from otto_reconcile.errors import InvalidInput, OttoError, Problem
from otto_reconcile.manifest import Loaded, LoadedBot, LoadedWish
from otto_reconcile.reconcile.importer import Imported, bring_in, commit_of
from otto_reconcile.resources import is_reserved

_MOST = 1_048_577


@dataclass(frozen=True, slots=True)
class Inputs:
    """Checked bots, and what they share. `folder` is the one that was named, if it was just one."""

    manifests: Loaded = field(default_factory=Loaded)
    specifications: tuple[LoadedBot, ...] = ()
    folder: Path | None = None

    @property
    def bots(self) -> tuple[LoadedBot, ...]:
        return (*self.manifests.bots, *self.specifications)


def read(paths: Sequence[str]) -> Inputs:
    """The bots of all the files. Raises InvalidInput with every fault of every file."""
    problems: list[Problem] = []
    texts = [(path, text) for path in paths if (text := _specification(path)) is not None]
    described = {path for path, _ in texts}
    specifications = tuple(_parsed(texts, problems))
    try:
        rest = [Path(path) for path in paths if path not in described]
        manifests = manifest.load(rest, environ=os.environ) if rest else Loaded()
    except InvalidInput as error:
        problems += error.problems
        manifests = Loaded()
    problems += _misnamed((*manifests.bots, *specifications))
    if problems:
        raise InvalidInput(problems)
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    return Inputs(manifests, specifications, folders[0] if len(folders) == 1 else None)


def refuse_nothing(inputs: Inputs, paths: Sequence[str]) -> None:
    """Raises OttoError if the files hold nothing at all: what was meant is elsewhere."""
    if inputs.manifests.wishes or inputs.specifications:
        return
    names = ["standard input" if path == "-" else path for path in paths]
    looked = ", ".join(f"*{suffix}" for suffix in (".yaml", ".yml", ".json"))
    folders = any(Path(path).is_dir() for path in paths)
    raise OttoError(f"no manifests in {', '.join(names)}{f': {looked}' if folders else ''}")


def _specification(path: str) -> str | None:
    """The text of a file that is a specification; None for all others, whatever they are."""
    if path == "-":
        data = sys.stdin.buffer.read(_MOST)
        sys.stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")  # to be read once more
    elif path.endswith(".json") and Path(path).is_file():
        try:
            with Path(path).open("rb") as file:
                data = file.read(_MOST)
        except OSError:
            return None
    else:
        return None
    if len(data) >= _MOST:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if specification.is_specification(text) else None


def _parsed(texts: Iterable[tuple[str, str]], problems: list[Problem]) -> Iterable[LoadedBot]:
    for path, text in texts:
        name = "<standard input>" if path == "-" else path
        try:
            yield LoadedBot(specification.parse(text, file=name), name, 1)
        except InvalidInput as error:
            problems += error.problems


def _misnamed(bots: Sequence[LoadedBot]) -> Iterable[Problem]:
    """Bots under a name that is not theirs: reserved, or taken by another of these files."""
    seen: dict[str, LoadedBot] = {}
    for loaded in bots:
        bot, first = loaded.bot, seen.setdefault(loaded.bot.id, loaded)
        if is_reserved(bot.id, bot.name):
            message, hint = f"the bot {bot.id!r} is reserved", "choose another id and name"
            yield Problem(loaded.file, loaded.line, 1, message, hint)
        if first is not loaded:
            message = f"the bot {bot.id!r} is also in {first.file}:{first.line}"
            yield Problem(loaded.file, loaded.line, 1, message, "give each bot its own id")


@dataclass(slots=True)
class Brought:
    """What the import of all inputs did; ids of bots and names of shared documents, sorted."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        return bool(self.created or self.updated or self.moved or self.deleted)

    def add(self, imported: Imported) -> None:
        for name in ("created", "updated", "moved", "unchanged", "deleted", "withheld"):
            setattr(self, name, tuple(sorted({*getattr(self, name), *getattr(imported, name)})))
        self.warnings += imported.warnings
        if imported.guarded is not None:
            self.warnings.append(f"{imported.guarded.message}; {imported.guarded.hint}")


def bring_all(
    desired: DesiredState,
    inputs: Inputs,
    *,
    actor: str,
    watched: Path | None = None,
    prune: bool = False,
) -> Brought:
    """Makes the inputs the desired state; with `prune` what left the folder is deleted.

    Single files of the folder that is `watched` come from there, as if the daemon had been first.
    Raises StoreUnavailable, Conflict.
    """
    brought = Brought()
    for root, wishes in _by_folder(inputs, watched):
        brought.add(
            bring_in(
                desired,
                wishes,
                actor=actor,
                root=root.resolve() if root is not None else None,
                commit=_commit(root, wishes),
                prune=prune and root is inputs.folder,
            )
        )
    if inputs.specifications:
        kind = "specification"
        brought.add(bring_in(desired, inputs.specifications, actor=actor, kind=kind))
    return brought


def _by_folder(
    inputs: Inputs, watched: Path | None
) -> list[tuple[Path | None, tuple[LoadedWish, ...]]]:
    """The manifests of the folder, which may have none left; of the watched one; of neither."""
    groups: dict[Path | None, list[LoadedWish]] = {}
    if inputs.folder is not None:
        groups[inputs.folder] = []
    for loaded in inputs.manifests.wishes:
        file = Path(loaded.file).resolve()
        homes = (f for f in (inputs.folder, watched) if f and file.is_relative_to(f.resolve()))
        home = next(homes, None) if file.is_file() else None  # standard input has no home
        groups.setdefault(home, []).append(loaded)
    return [(root, tuple(wishes)) for root, wishes in groups.items()]


def _commit(root: Path | None, wishes: Sequence[LoadedWish]) -> str | None:
    if root is not None:
        return commit_of(root)
    files = [Path(one.file) for one in wishes if Path(one.file).exists()]
    return commit_of(files[0].parent) if files else None
