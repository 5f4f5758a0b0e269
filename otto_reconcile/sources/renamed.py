"""Bots whose manifest says that they had another id: a move, not a new bot and a loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from otto_reconcile.errors import InvalidInput, Problem
from otto_reconcile.manifest import LoadedBot, LoadedDeclaration
from otto_reconcile.records.events import Source
from otto_reconcile.sources.roots import Home


def renames(
    declarations: Sequence[LoadedDeclaration],
    sources: Mapping[str, Source],
    home: Home | None,
) -> dict[str, str]:
    """New ids by former ones, of bots of the folder that are to move now.

    Empty without a folder: only who has all of it knows that the former bot is gone. Raises
    InvalidInput for a former bot that is still declared, or is that of two.
    """
    bots = [one for one in declarations if isinstance(one, LoadedBot)]
    there = {one.bot.id: one for one in bots}
    found: dict[str, str] = {}
    problems = []
    for loaded in bots:
        former = loaded.renamed_from
        if former is None:
            continue
        if (other := there.get(former)) is not None:
            said = f"{loaded.bot.id!r} is renamed from {former!r}, which is still there"
            hint = f"remove it ({other.file}:{other.line}), or this `renamedFrom`"
            problems.append(Problem(loaded.file, loaded.line, 1, said, hint))
        elif former in found:
            said = f"{loaded.bot.id!r} is renamed from {former!r}, and so is {found[former]!r}"
            problems.append(Problem(loaded.file, loaded.line, 1, said, "keep one of them"))
        else:
            found[former] = loaded.bot.id
    if problems:
        raise InvalidInput(problems)
    return {
        former: new
        for former, new in found.items()
        if home is not None and former in sources and home.has(sources[former])
    }


def staying(
    declarations: Sequence[LoadedDeclaration], moving: Collection[str], wanted: Collection[str]
) -> list[str]:
    """A sentence for each former bot that is wanted and does not end here."""
    return [
        f"{one.bot.id} is renamed from {one.renamed_from}, which is not of this folder, or not all"
        f" of the folder is imported: if it is to end, otto-reconcile delete {one.renamed_from}"
        for one in declarations
        if isinstance(one, LoadedBot)
        and one.renamed_from in wanted
        and one.renamed_from not in moving
    ]
