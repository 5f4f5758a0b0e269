"""Faults that an overlay makes in a document of the base: told at the line of the overlay."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from otto_reconcile.errors import Problem
from otto_reconcile.manifest.overlays import Document
from otto_reconcile.manifest.tree import Change

_QUOTED = re.compile("[`'\"]([^`'\"]+)[`'\"]")


def blamed(
    found: Collection[Problem],
    before: Collection[Problem],
    documents: Sequence[Document],
    overlays: Sequence[Document],
) -> set[Problem]:
    """The faults, each of those that were not there `before` at the patch that makes it."""
    known = {_key(problem) for problem in before}
    taken = [change for overlay in overlays for change in overlay.faults.changes]
    told = set()
    for problem in found:
        document = _document(problem, [*documents, *overlays])
        change = None
        if document is not None and document not in overlays and _key(problem) not in known:
            said = f"{problem.message} {problem.hint}"
            if not any(f"{overlay.faults.file}:" in said for overlay in overlays):
                change = _change(problem, document.changes, taken)
        told.add(problem if change is None else _told(problem, change))
    return told


def _key(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.message


def _document(problem: Problem, documents: Sequence[Document]) -> Document | None:
    """The one in which the fault is; of the overlay where it is told there already."""
    above = [
        one
        for one in documents
        if one.faults.file == problem.file and one.root.line <= problem.line
    ]
    return max(above, key=lambda one: one.root.line, default=None)


def _change(problem: Problem, changes: Sequence[Change], taken: Sequence[Change]) -> Change | None:
    """The change that takes away what the fault names, from there or from anywhere, or the last."""
    named = set(_QUOTED.findall(problem.message))
    by_name = [change for change in (*taken, *changes) if change.names & named]
    here = (problem.line, problem.column)
    there = [c for c in by_name if c.of is not None and (c.of.line, c.of.column) == here]
    patches = [change for change in changes if not change.names]
    return next(reversed([*patches, *by_name, *there]), None)


def _told(problem: Problem, change: Change) -> Problem:
    at, where = change.at, f"{problem.file}:{problem.line}:{problem.column}"
    message = f"{problem.message}; it is laid over {where}"
    return replace(
        problem, file=at.file or problem.file, line=at.line, column=at.column, message=message
    )
