"""Manifests to bots: all faults of all files in one run. Called by cli and loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest.drafting import Draft, draft
from otto_reconcile.manifest.files import read_all
from otto_reconcile.manifest.linking import link
from otto_reconcile.manifest.nodes import Faults
from otto_reconcile.manifest.texts import read
from otto_reconcile.resources import Bot


@dataclass(frozen=True, slots=True)
class LoadedBot:
    """A bot with the place where its document starts."""

    bot: Bot
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """All bots of the files, in the order in which they stand there."""

    bots: tuple[LoadedBot, ...] = ()


def load(paths: Sequence[Path], *, environ: Mapping[str, str]) -> Loaded:
    """The bots of all files; folders are searched to the bottom, and `-` is standard input.

    Raises InvalidInput with every Problem of every file; then nothing is loaded.
    """
    problems: list[Problem] = []
    drafts: list[Draft] = []
    everything: list[Faults] = []
    for source in read_all(paths, problems):
        everything.append(Faults(source.name))
        for root in read(source.text, everything[-1]):
            everything.append(Faults(source.name))
            made = draft(root, environ, everything[-1])
            drafts += [made] if made is not None else []
    linked = link(drafts)
    for faults in everything:
        problems += faults.problems
    if problems:
        raise InvalidInput(sorted(set(problems), key=_place))
    return Loaded(tuple(LoadedBot(bot, made.faults.file, made.root.line) for made, bot in linked))


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.file, problem.line, problem.column, problem.message, problem.hint or ""
