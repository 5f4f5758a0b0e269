"""Reads what `-f` names: manifests in files and folders, specifications in JSON, standard input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from otto_reconcile import manifest
from otto_reconcile.desired import Desired, DesiredState
from otto_reconcile.errors import InvalidInput, NotFound, OttoError, Problem
from otto_reconcile.manifest import Loaded, LoadedBot, LoadedDeclaration, Source, specification
from otto_reconcile.model import is_reserved
from otto_reconcile.records.composition import services_of
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.sources.importer import Imported, bring_in, files_of, import_folder
from otto_reconcile.sources.lineage import Lineage
from otto_reconcile.sources.provenance import Provenance, of_files, of_folder
from otto_reconcile.sources.roots import root_of
from otto_reconcile.store.base import Store


@dataclass(frozen=True, slots=True)
class Inputs:
    """Checked bots, and what they share. `folder` is the one that was named, if it was just one.

    `commit` says of which commit all is, if it is of one.
    """

    manifests: Loaded = field(default_factory=Loaded)
    specifications: tuple[LoadedBot, ...] = ()
    folder: Path | None = None
    commit: Provenance | None = None

    @property
    def bots(self) -> tuple[LoadedBot, ...]:
        return (*self.manifests.bots, *self.specifications)

    @property
    def declarations(self) -> tuple[LoadedDeclaration, ...]:
        """The bots, and what they share."""
        return (*self.manifests.declarations, *self.specifications)


def read(paths: Sequence[str], env: str | None = None, folder: Path | None = None) -> Inputs:
    """The bots of all the files, as the environment has them.

    Where all are files of the `folder` that is imported, the overlays of that count too.
    Raises InvalidInput with every fault of every file.
    """
    problems: list[Problem] = []
    rest: list[Path | Source] = []
    described: list[Source] = []
    for path in dict.fromkeys(paths):
        source = _read_already(Path(path), problems)
        if isinstance(source, Source) and specification.is_specification(source.text):
            described.append(source)
        elif source is not None:
            rest.append(source)
    specifications = tuple(_parsed(described, problems))
    try:
        home = folder if env is not None and _are_in(rest, folder) else None
        manifests = (
            manifest.load(rest, environ=os.environ, env=env, overlays=home) if rest else Loaded()
        )
    except InvalidInput as error:
        problems += error.problems
        manifests = Loaded()
    problems += _misnamed((*manifests.bots, *specifications))
    if problems:
        raise InvalidInput(problems)
    folders = [Path(path) for path in paths if os.path.isdir(path)]
    return Inputs(manifests, specifications, folders[0] if len(folders) == 1 else None)


def _are_in(paths: Sequence[Path | Source], folder: Path | None) -> bool:
    """True if all are single files of the folder."""
    if folder is None or not folder.is_dir():
        return False
    files = (path.path if isinstance(path, Source) else path for path in paths)
    return all(file.is_file() and _is_in(file, folder) for file in files)


def selected(inputs: Inputs, selector: Selector | None, *, prune: bool = False) -> Inputs:
    """The bots, and what they share, that have such labels. Raises OttoError if none has."""
    if selector is None:
        return inputs
    if prune:
        hint = "apply all of the folder, or leave --prune out"
        raise OttoError("--prune is about a whole folder, and -l about some of it", hint=hint)
    chosen = Inputs(
        replace(
            inputs.manifests,
            bots=tuple(b for b in inputs.manifests.bots if selector.fits(b.bot.labels)),
            shared=tuple(s for s in inputs.manifests.shared if selector.fits(s.document.labels)),
        ),
        tuple(b for b in inputs.specifications if selector.fits(b.bot.labels)),
        inputs.folder,
    )
    if not (chosen.bots or chosen.manifests.shared):
        raise NotFound(f"nothing in these files has labels that fit {selector.text!r}")
    return chosen


def refuse_nothing(inputs: Inputs, paths: Sequence[str]) -> None:
    """Raises OttoError if the files hold nothing at all: what was meant is elsewhere."""
    if inputs.manifests.declarations or inputs.specifications:
        return
    names = ["standard input" if path == "-" else path for path in paths]
    looked = ", ".join(f"*{suffix}" for suffix in (".yaml", ".yml", ".json"))
    folders = any(os.path.isdir(path) for path in paths)
    raise OttoError(f"no manifests in {', '.join(names)}{f': {looked}' if folders else ''}")


def _read_already(path: Path, problems: list[Problem]) -> Path | Source | None:
    """What may be a specification, read: it can be read but once. Others stay as they are."""
    if not (manifest.is_standard_input(path) or path.suffix.lower() == ".json"):
        return path
    if os.path.isdir(path):
        return path
    try:
        return manifest.read_one(path)
    except InvalidInput as error:
        problems += error.problems
        return None


def _parsed(sources: Iterable[Source], problems: list[Problem]) -> Iterable[LoadedBot]:
    for source in sources:
        try:
            bot = specification.parse(source.text, file=source.name)
            yield LoadedBot(bot, source.name, 1)
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


def doubted(
    inputs: Inputs, desired: Desired, daemon: Mapping[str, Any] | None
) -> Iterator[Problem]:
    """The tools that most likely have another name, by all services that are known anywhere.

    `daemon` is the status of the running one, which has local tools maybe.
    """
    tools = inputs.manifests.tools
    yield from manifest.misspelt(tools, inputs.manifests.services | services_of(desired))
    local = ((daemon or {}).get("tools") or {}).get("tools") or ()
    yield from manifest.misspelt_local(tools, map(str, local))


_WORDS = ("created", "updated", "moved", "unchanged", "deleted", "withheld", "rewritten")


@dataclass(slots=True)
class Brought:
    """What the import of all inputs did; ids of bots and names of shared documents, sorted."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        return bool(self.created or self.updated or self.moved or self.deleted)

    @property
    def names(self) -> set[str]:
        """All that the import was about."""
        return {name for word in _WORDS for name in getattr(self, word)}

    def add(self, imported: Imported) -> None:
        for name in _WORDS:
            setattr(self, name, tuple(sorted({*getattr(self, name), *getattr(imported, name)})))
        self.warnings += imported.warnings
        if imported.guarded is not None:
            self.warnings.append(imported.guarded.sentence)


def bring_all(
    store: Store,
    desired: DesiredState,
    inputs: Inputs,
    *,
    actor: str,
    watched: Path | None = None,
    prune: bool = False,
) -> Brought:
    """Makes the inputs the desired state; with `prune` what left the folder is deleted.

    Single files of the folder that is `watched` come from there, as if the daemon had been first.
    With `prune` the folder counts as imported as it is, also if it is older than it was: it
    was named on purpose. Raises StoreUnavailable, Conflict.
    """
    brought = Brought()
    lineage = Lineage(store)
    if inputs.commit is not None:
        brought.add(_bring_commit(desired, lineage, inputs, inputs.commit, actor))
        return brought
    for root, declarations in _by_folder(inputs, watched):
        if root is not None and prune and root is inputs.folder:
            loaded = inputs.manifests
            made_from = of_folder(root, files_of(root, loaded), loaded.texts)
            brought.add(
                import_folder(
                    desired,
                    lineage,
                    declarations,
                    made_from,
                    actor=actor,
                    root=root_of(root),
                    foreign=loaded.foreign,
                    by_request=True,
                    over_rollbacks=True,
                )
            )
            continue
        brought.add(
            bring_in(
                desired,
                declarations,
                actor=actor,
                root=root_of(root) if root is not None else None,
                commits=of_files((one.file for one in declarations), inputs.manifests.texts),
                prune=False,
                over_rollbacks=True,
            )
        )
    if inputs.specifications:
        kind = "specification"
        brought.add(
            bring_in(desired, inputs.specifications, actor=actor, kind=kind, over_rollbacks=True)
        )
    return brought


def _bring_commit(
    desired: DesiredState, lineage: Lineage, inputs: Inputs, made_from: Provenance, actor: str
) -> Imported:
    """As the daemon would that follows this repository; without one nothing is deleted."""
    assert made_from.state is not None
    record, loaded = lineage.find("", made_from.state), inputs.manifests
    return bring_in(
        desired,
        loaded.declarations,
        actor=actor,
        root=Path(record.names[-1]) if record is not None else None,
        commits=made_from.commits,
        about=made_from.about,
        names=record.names if record is not None else (),
        foreign=loaded.foreign,
    )


def _by_folder(
    inputs: Inputs, watched: Path | None
) -> list[tuple[Path | None, tuple[LoadedDeclaration, ...]]]:
    """The manifests of the folder, which may have none left; of the watched one; of neither."""
    groups: dict[Path | None, list[LoadedDeclaration]] = {}
    if inputs.folder is not None:
        groups[inputs.folder] = []
    for loaded in inputs.manifests.declarations:
        file = Path(loaded.file)
        homes = (f for f in (inputs.folder, watched) if f is not None and _is_in(file, f))
        home = next(homes, None) if file.is_file() else None  # standard input has no home
        groups.setdefault(home, []).append(loaded)
    return [(root, tuple(declarations)) for root, declarations in groups.items()]


def _is_in(file: Path, folder: Path) -> bool:
    """True if it is found below the folder: a link there to a file elsewhere is one of its own."""
    found = root_of(file).is_relative_to(root_of(folder))
    return found or file.resolve().is_relative_to(folder.resolve())
