"""The documents of all files, before any of them is understood. Called by `loading`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from otto_reconcile.errors import Problem
from otto_reconcile.manifest.files import Source, read_all
from otto_reconcile.manifest.foreign import is_foreign, is_overlay, means_to_be_one, told
from otto_reconcile.manifest.including import Texts
from otto_reconcile.manifest.overlays import Document, layered
from otto_reconcile.manifest.texts import read
from otto_reconcile.manifest.tree import Faults


@dataclass(slots=True)
class Reading:
    """What the files hold, and what is wrong so far.

    `texts` has by manifest the files whose text it includes, and those of the overlays that
    change it; `foreign` has a line for each file of a folder that is no manifest. `overlays` are
    their documents, and `sources` all that was read; of those `beside` only overlays count.
    """

    texts: dict[str, frozenset[Path]]
    documents: list[Document] = field(default_factory=list)
    faults: list[Faults] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    foreign: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    overlays: list[Document] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    beside: list[Source] = field(default_factory=list)

    @property
    def found(self) -> set[Problem]:
        """Every fault of every file."""
        return {*self.problems, *(p for faults in self.faults for p in faults.problems)}

    def unpatched(self, environment: str | None) -> Reading:
        """The same without what overlays change, but with the values that they give."""
        base = Reading({})
        for source in self.sources:
            _read(source, base)
        for source in self.beside:
            _read_overlays(source, base)
        base.documents, _ = layered(base.documents, environment, (), [], patched=False)
        return base


def read_documents(
    paths: Sequence[Path | Source],
    environment: str | None,
    texts: dict[str, frozenset[Path]] | None = None,
    overlays: Path | None = None,
) -> Reading:
    """Every document of the base, as the environment has it. Raises nothing.

    `overlays` is the folder that the files are of, if its overlays count too.
    """
    reading = Reading({} if texts is None else texts)
    for source in read_all(paths, reading.problems, reading.foreign):
        reading.sources.append(source)
        _read(source, reading)
    known = {os.path.realpath(source.path) for source in reading.sources}
    for source in read_all([overlays], [], []) if overlays is not None else ():
        if os.path.realpath(source.path) not in known:
            reading.beside.append(source)
            _read_overlays(source, reading)
    reading.overlays = [one for one in reading.documents if is_overlay(one.root)]
    documents, notes = layered(reading.documents, environment, paths, reading.problems)
    for document in documents:
        name = document.faults.file
        if more := document.files - {document.source.path}:
            reading.texts[name] = reading.texts.get(name, frozenset()) | more
    reading.documents, reading.notes = documents, notes
    return reading


def _read(source: Source, reading: Reading) -> None:
    faults = Faults(source.name)
    roots = read(source.text, faults)
    if is_foreign(source.text, roots, faults):
        lines = told(source.name, roots, faults, found=source.found)
        (reading.foreign if source.found else reading.problems).extend(lines)
        return
    reading.faults.append(faults)
    included = Texts(source)
    for root in roots:
        reading.faults.append(Faults(source.name))
        if means_to_be_one(root):
            included.fill(root, reading.faults[-1])
        files = frozenset(included.files)
        reading.documents.append(Document(source, root, reading.faults[-1], files))
    if included.files:
        reading.texts[source.name] = frozenset(included.files)


def _read_overlays(source: Source, reading: Reading) -> None:
    """The overlays of a file of which nothing else counts, with what is wrong with them."""
    alone = Reading({})
    _read(source, alone)
    found = [replace(one, beside=True) for one in alone.documents if is_overlay(one.root)]
    reading.documents += found
    reading.faults += [one.faults for one in found]


def place(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.file, problem.line, problem.column, problem.message, problem.hint or ""
