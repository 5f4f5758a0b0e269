"""A bot that another program renamed in the rows: one bot under a new id, not a loss.

Such a program gives the rows of a bot another id and notes the former one in the metadata of the
bot's own row, where it stays: so it may be stale, copied or wrong. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from otto_reconcile.model import Bot
from otto_reconcile.records.events import ROWS, Source
from otto_reconcile.records.rows.projections import PART_NAMES, SOLE
from otto_reconcile.store.base import DAMAGED, Document
from otto_reconcile.store.collections import COLLECTIONS, key_of

FORMER_ID = "previous_bot_id"
DECLARING = frozenset({"manifest", "specification", "otto"})
"""Kinds of sources that would bring a bot back, or that alone may take it away."""
_TO, _FROM = "renamed to", "renamed from"

RowsByBot: TypeAlias = Mapping[str, Mapping[str, Sequence[Document]]]
"""By bot id and collection."""
_Ids: TypeAlias = frozenset[tuple[str, str]]
"""Collections and ids of parts that one bot alone can have."""


@dataclass(frozen=True)
class Renames:
    """Former bot ids, each with the id that the bot has now.

    Of those in `begun` some rows still have the former id: the program that renames is on its way,
    or has left. `refused` are bots of both sides, with the reason: nothing is done to the former.
    """

    done: Mapping[str, str] = field(default_factory=dict)
    begun: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def former(self) -> frozenset[str]:
        """The bots that have lost their own row, and are not to be deleted for it."""
        return self.kept | self.done.keys() | self.begun.keys()

    def without(self, kept: Collection[str]) -> Renames:
        """All but those, which stay as they were."""
        done = {before: after for before, after in self.done.items() if before not in kept}
        return replace(self, done=done, kept=self.kept | (self.done.keys() - done.keys()))

    def former_of(self, bot_id: str) -> str | None:
        """The id that a bot had, if its rename is to be recorded now."""
        return self._former.get(bot_id)

    @cached_property
    def _former(self) -> Mapping[str, str]:
        return {after: before for before, after in self.done.items()}

    def rows_of(self, bot_id: str, rows: RowsByBot) -> Mapping[str, Sequence[Document]]:
        """The rows that a bot has by now, under whatever id."""
        return rows.get(self.done.get(bot_id, bot_id), {})


def renames(
    rows: RowsByBot,
    gone: Collection[str],
    wanted: Mapping[str, Bot],
    *,
    known: Collection[str],
    busy: Collection[str],
    declared: Callable[[str], str | None],
) -> Renames:
    """Which of the bots that are wanted, and have lost their own row, have another id by now.

    `gone` are those that have lost it; `known` are all that ever were, `busy` those of which it is
    not known what they are; `declared` says by what a bot is declared that no program renames.
    """
    if not gone:  # as nearly always, however many rows still have a former id
        return Renames()
    claims = {
        after: former
        for after, its in sorted(rows.items())
        if after not in busy and (former := former_id(its)) is not None
    }
    done: dict[str, str] = {}
    begun: dict[str, str] = {}
    kept: set[str] = set()
    refused: dict[str, tuple[str, ...]] = {}
    for before, afters in _claimed(claims, rows, gone, wanted, known).items():
        by = declared(before)
        after = _heir(before, afters, rows, wanted, claims, always=bool(by))
        why = _why(before, by) or (_why(after, declared(after)) if after else None)
        if after is not None and (why or after == SEVERAL):
            kept.add(before)
            told = refusal(before, afters, why or "several say so")
            for one in (before, *afters):
                refused[one] = (*refused.get(one, ()), told)
        elif after is not None:
            (begun if left(rows, before) else done)[before] = after
    return Renames(done, begun, frozenset(kept), refused)


SEVERAL = ""
"""No bot: several have what the former one had."""


def _claimed(
    claims: Mapping[str, str],
    rows: RowsByBot,
    gone: Collection[str],
    wanted: Mapping[str, Bot],
    known: Collection[str],
) -> dict[str, list[str]]:
    """By former id the bots that say they had it.

    A bot may have been renamed twice since the rows were last read, and its row has only the id in
    between: then it is the one bot whose parts have all come to it.
    """
    found: dict[str, list[str]] = {}
    for after, former in claims.items():
        if former in gone and former != after:
            found.setdefault(former, []).append(after)
        elif former not in known and former not in rows:
            its = ids_in(rows[after])
            of = [b for b in sorted(gone) if b not in claims.values() and _all(wanted[b], its)]
            if len(of) == 1:
                found.setdefault(of[0], []).append(after)
    return found


def _all(bot: Bot, its: _Ids) -> bool:
    had = ids_of(bot)
    return bool(had) and had <= its


def _heir(
    before: str,
    afters: Sequence[str],
    rows: RowsByBot,
    wanted: Mapping[str, Bot],
    claims: Mapping[str, str],
    *,
    always: bool,
) -> str | None:
    """The bot that this one is now; SEVERAL if more than one may be, None if it is just gone.

    One that has parts of the former is. Where none has, the former had none, or they are still
    under its id: then the one that says so is, unless it has said so for long: that is of an
    earlier bot of the same id.
    """
    had = ids_of(wanted[before])
    takers = [after for after in afters if had & ids_in(rows[after])]
    if takers:
        return takers[0] if len(takers) == 1 else SEVERAL
    if had and not left(rows, before) and not always:
        return None
    if len(afters) > 1:
        return SEVERAL
    (after,) = afters
    said_before = after in wanted and wanted[after].annotations.get(FORMER_ID) == claims[after]
    return None if said_before and not always else after


def _why(bot_id: str, by: str | None) -> str | None:
    return None if by is None else f"{bot_id!r} is declared by {by}"


def ids_of(bot: Bot) -> _Ids:
    """What this bot has and no other bot can have."""
    return frozenset((name, part.id) for name in SOLE for part in getattr(bot, name))


def ids_in(rows: Mapping[str, Sequence[Document]]) -> _Ids:
    """The same of the rows of a bot."""
    return frozenset(
        (name, str(row.get(COLLECTIONS[name].keys[0]))) for name in SOLE for row in rows[name]
    )


def left(rows: RowsByBot, before: str) -> dict[str, list[Document]]:
    """Rows of parts that still have a former id, and can be told apart, by their collection."""
    its = rows.get(before, {})
    plain = {name: [row for row in its.get(name, ()) if _is_plain(name, row)] for name in its}
    return {name: plain[name] for name in PART_NAMES if plain.get(name)}


def _is_plain(name: str, row: Document) -> bool:
    key = key_of(COLLECTIONS[name], row)
    return DAMAGED not in row and not any(isinstance(part, Mapping | list) for part in key)


def former_id(rows: Mapping[str, Sequence[Document]]) -> str | None:
    """What the row of a bot says that its id was before."""
    for row in rows.get("bots", ()):
        metadata = row.get("metadata")
        former = metadata.get(FORMER_ID) if isinstance(metadata, Mapping) else None
        if isinstance(former, str):
            return former
    return None


def to(after: str) -> Source:
    """The source of the revision with which the former bot ends."""
    return Source(ROWS, note=note_to(after))


def from_(before: str) -> Source:
    """The source of the first revision of the bot under its new id."""
    return Source(ROWS, note=note_from(before))


def note_to(after: str) -> str:
    """The note of the deletion of a bot that has this id now."""
    return f"{_TO} {after}"


def note_from(before: str) -> str:
    """The note of the first revision of a bot that had this id."""
    return f"{_FROM} {before}"


def former_in(source: Source) -> str | None:
    """The id that a bot had before its first revision, by the source of that."""
    sign, _, former = (source.note or "").partition(f"{_FROM} ")
    return former or None if not sign else None


def ends_in_rename(source: Source) -> bool:
    """True for the source of a deletion if the bot only has another id since then."""
    return (source.note or "").startswith(_TO)


def is_rename(source: Source) -> bool:
    """True for the source of a deleted bot if the bot was renamed in the rows."""
    return source.kind == ROWS and ends_in_rename(source)


def unfinished(before: str, after: str, rows: Mapping[str, Sequence[Document]]) -> str:
    """What is told while parts still have the former id."""
    parts = ", ".join(f"{len(rows[name])} of {name}" for name in rows if rows[name])
    return (
        f"bot {before!r} was renamed to {after!r} in bots, and {parts} still have the former id: "
        f"it stays until they are renamed too, which is done here once they rest; if they are not "
        f"to be: otto-reconcile delete {before}"
    )


def refusal(before: str, afters: Sequence[str], why: str) -> str:
    """What is told where it is not certain, or not allowed, that a bot was renamed."""
    names = " and ".join(map(repr, afters))
    return (
        f"{before!r} has lost its row, and the rows of {names} say that its id is theirs now "
        f"({FORMER_ID}), but {why}: nothing was renamed, and {before!r} stays as it was; if it is "
        f"to go: otto-reconcile delete {before}"
    )
