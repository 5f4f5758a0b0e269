"""Bots whose manifest says that they had another id: a move, not a new bot and a loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from otto_reconcile.manifest import LoadedBot, LoadedDeclaration
from otto_reconcile.records.events import Source
from otto_reconcile.sources.roots import Home


def renames(
    declarations: Sequence[LoadedDeclaration],
    sources: Mapping[str, Source],
    home: Home | None,
) -> dict[str, str]:
    """New ids by former ones, of bots of the folder that are to move now.

    Empty without a folder: only who has all of it knows that the former bot is gone. That it is
    declared no more, and is the former one of one bot alone, was checked as the manifests were.
    """
    return {
        former: one.bot.id
        for one in declarations
        if isinstance(one, LoadedBot) and (former := one.renamed_from) is not None
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
