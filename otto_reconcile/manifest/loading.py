"""Manifests to bots: all faults of all files in one run. Called by cli and loop."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.blaming import blamed
from otto_reconcile.manifest.documents import Reading, place, read_documents
from otto_reconcile.manifest.drafting import draft
from otto_reconcile.manifest.drafts import Draft
from otto_reconcile.manifest.files import Source
from otto_reconcile.manifest.links import link
from otto_reconcile.manifest.renaming import former_of
from otto_reconcile.manifest.services import check_services
from otto_reconcile.manifest.sharing import link_shared, note_shared, notes
from otto_reconcile.manifest.tool_names import NamedTool, misspelt, tools_of
from otto_reconcile.manifest.tree import Node, child
from otto_reconcile.model import Bot, Ref
from otto_reconcile.model.groups import GROUPS
from otto_reconcile.model.shared import Declaration, SharedDocument, unfit
from otto_reconcile.runtime.collecting import uncollected


@dataclass(frozen=True, slots=True)
class LoadedBot:
    """A bot with the place where its document starts, and those of parts with a complete id.

    `renamed_from` is the id that it had, if the manifest says so.
    """

    bot: Bot
    file: str
    line: int
    places: Mapping[Ref, tuple[int, int]] = field(default_factory=dict)
    renamed_from: str | None = None

    def place_of(self, ref: Ref) -> tuple[int, int]:
        """Line and column of a part; of what has none here, those of the document."""
        return self.places.get(ref, (self.line, 1))

    @property
    def declaration(self) -> Declaration:
        return self.bot


@dataclass(frozen=True, slots=True)
class LoadedShared:
    """A document that bots share, with the place where it starts."""

    document: SharedDocument
    file: str
    line: int

    @property
    def declaration(self) -> Declaration:
        return self.document


LoadedDeclaration: TypeAlias = LoadedBot | LoadedShared


@dataclass(frozen=True, slots=True)
class Loaded:
    """All bots and shared documents of the files, each in the order in which they stand there.

    `notes` say what is no fault, but most likely not meant; `foreign` has a line for each file of a
    folder that is no manifest, and was left out. `texts` has by manifest the files whose text it
    includes, and those of the overlays that change it. `tools` are all that the documents name,
    and `services` those that they declare. `environment` is the one that was chosen.
    """

    bots: tuple[LoadedBot, ...] = ()
    shared: tuple[LoadedShared, ...] = ()
    notes: tuple[Problem, ...] = ()
    foreign: tuple[Problem, ...] = ()
    texts: Mapping[str, frozenset[Path]] = field(default_factory=dict)
    tools: tuple[NamedTool, ...] = ()
    services: frozenset[str] = frozenset()
    environment: str | None = None

    @property
    def declarations(self) -> tuple[LoadedDeclaration, ...]:
        return (*self.bots, *self.shared)


def _named(paths: Sequence[Path | str | Source] | Path | str) -> list[Path | Source]:
    """One path is taken as the only one, and not letter by letter. Raises TypeError."""
    named: list[Path | Source] = []
    for path in [paths] if isinstance(paths, Path | str) else paths:
        if not isinstance(path, Path | str | Source):
            raise TypeError(f"paths: {path!r} is no path of a file or folder")
        named.append(Path(path) if isinstance(path, str) else path)
    return named


@uncollected()
def load(
    paths: Sequence[Path | str | Source] | Path | str,
    *,
    environ: Mapping[str, str],
    texts: dict[str, frozenset[Path]] | None = None,
    env: str | None = None,
    overlays: Path | None = None,
) -> Loaded:
    """What all files hold; folders are searched to the bottom, and `-` is standard input.

    What was read already goes in as a `manifest.files.Source`. `env` is the environment whose
    overlays are laid over the manifests; without it only the base counts. `overlays` is the folder
    that the files are of, if its overlays count too. `texts` is filled with
    those of Loaded, also if something is wrong. Raises InvalidInput with every Problem of every
    file; then nothing is loaded. Raises TypeError for what is no path.
    """
    reading = read_documents(_named(paths), env, texts, overlays)
    texts, foreign = reading.texts, reading.foreign
    drafts, linked, shared = _understood(reading, environ)
    if found := reading.found:
        if any(document.changes for document in reading.documents):
            base = reading.unpatched(env)
            _understood(base, environ)
            found = blamed(found, base.found, reading.documents, reading.overlays)
        raise InvalidInput(sorted(found, key=place))
    tools = tuple(tool for made in drafts for tool in tools_of(made))
    services = frozenset(
        str(item.form.model_dump()["name"]) for made in drafts for item in made.tool_services
    )
    remarks = (*reading.notes, *notes(linked, shared), *misspelt(tools, services))
    return Loaded(
        tuple(
            LoadedBot(bot, made.faults.file, made.root.line, _places(made), former_of(made))
            for made, bot in linked
        ),
        tuple(LoadedShared(one, made.faults.file, made.root.line) for made, one in shared),
        tuple(sorted(remarks, key=place)),
        tuple(sorted(_of_others(foreign, texts), key=place)),
        texts,
        tools,
        services,
        env,
    )


_Linked: TypeAlias = tuple[list[Draft], list[tuple[Draft, Bot]], list[tuple[Draft, SharedDocument]]]


def _understood(reading: Reading, environ: Mapping[str, str]) -> _Linked:
    """All drafts, the bots, and what they share; what is wrong goes to the faults of each."""
    drafts: list[Draft] = []
    for document in reading.documents:
        made = draft(document.root, environ, document.faults)
        drafts += [made] if made is not None else []
    of_bots = [made for made in drafts if made.kind == "Bot"]
    of_shared = [made for made in drafts if made.kind != "Bot"]
    note_shared(of_bots, of_shared)
    check_services(drafts)
    linked, shared = link(of_bots), link_shared(of_shared)
    for made, declaration in (*linked, *shared):
        if (fault := unfit(declaration)) is not None:
            made.faults.add(_nearest(made, fault.path), str(fault))
    return drafts, linked, shared


def _of_others(
    foreign: Sequence[Problem], texts: Mapping[str, frozenset[Path]]
) -> Iterator[Problem]:
    """Without the files that a manifest includes."""
    ours = {os.path.realpath(path) for files in texts.values() for path in files}
    yield from (line for line in foreign if os.path.realpath(line.file) not in ours)


def _places(made: Draft) -> dict[Ref, tuple[int, int]]:
    whole = {name for name, group in GROUPS.items() if group.is_written_whole}
    groups = {name: items for name, items in made.groups.items() if name not in whole}
    return {
        Ref(GROUPS[group].kind, item.id): (item.node.line, item.node.column)
        for group, items in {**groups, "relationships": made.relationships}.items()
        for item in items
        if item.node.file is None
    }


def _nearest(made: Draft, path: Sequence[str]) -> Node:
    """The node of a value of the bot, or the innermost around it that the document has."""
    node: Node
    group, *rest = path or ("",)
    items = [*made.groups.get(group, ()), *getattr(made, group, ())] if rest else []
    if items and rest[0].isdigit() and int(rest[0]) < len(items):
        node, steps = items[int(rest[0])].node, rest[1:]
    else:
        node, steps = (
            made.root,
            ["metadata" if group in ("annotations", "labels") else "spec", *path],
        )
    for step in steps:
        inner = child(node, step)
        if inner is None:
            break
        node = inner
    return node
