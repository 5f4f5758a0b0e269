"""A bot that another program renamed in the rows: one bot under a new id, not a loss.

Such a program gives the rows of a bot another id and notes the former one in the metadata of the
bot's own row. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from otto_reconcile.events import ROWS, Source
from otto_reconcile.store.base import Document

FORMER_ID = "previous_bot_id"
_TO, _FROM = "renamed to", "renamed from"

RowsByBot = Mapping[str, Mapping[str, Sequence[Document]]]
"""By bot id and collection."""


class Renames(NamedTuple):
    """Former bot ids, each with the id that the bot has now."""

    done: dict[str, str]
    begun: dict[str, str]
    """Some rows still have the former id: the program that renames is on its way, or has left."""

    @property
    def all(self) -> dict[str, str]:
        return self.done | self.begun


def renames(rows: RowsByBot, wanted: Collection[str], coming: Collection[str]) -> Renames:
    """Which of the bots that are wanted, and have lost their own row, have another id by now.

    The bot of the new id has to be one of those that are `coming` or there: a row that is not
    understood renames nothing.
    """
    done: dict[str, str] = {}
    begun: dict[str, str] = {}
    for after, its in sorted(rows.items()):
        before = former_id(its)
        if before is None or before not in wanted or after not in coming or before == after:
            continue
        left = rows.get(before, {})
        if not left.get("bots"):
            (begun if any(left.values()) else done).setdefault(before, after)
    return Renames(done, begun)


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
    return Source(ROWS, note=f"{_TO} {after}")


def from_(before: str) -> Source:
    """The source of the first revision of the bot under its new id."""
    return Source(ROWS, note=f"{_FROM} {before}")


def is_rename(source: Mapping[str, Any]) -> bool:
    """True for the source of a deleted bot, as it is stored, if the bot was renamed."""
    return source.get("kind") == ROWS and str(source.get("note") or "").startswith(_TO)


def unfinished(before: str, after: str, rows: Mapping[str, Sequence[Document]]) -> str:
    """What is told while parts still have the former id."""
    parts = ", ".join(f"{len(rows[name])} of {name}" for name in rows if rows[name])
    return (
        f"bot {before!r} was renamed to {after!r} in bots, and {parts} still have the former id: "
        f"it stays until they are renamed too; if they are not to be: "
        f"otto-reconcile delete {before}"
    )
