"""The guard against mass loss among the rows: many that go at once were not deleted by hand."""

from __future__ import annotations

from collections.abc import Collection

from otto_reconcile.model import Bot
from otto_reconcile.model.shared import Declaration
from otto_reconcile.planning.guard import LEAST, WINDOW, if_meant, too_many
from otto_reconcile.records import renames
from otto_reconcile.records.event_log import Log
from otto_reconcile.records.events import ROWS, Desired
from otto_reconcile.records.look import Look, main_collection
from otto_reconcile.records.rows.decoding import by_bot
from otto_reconcile.records.rows.projections import PART_NAMES, row_count
from otto_reconcile.records.rows.shared import COLLECTION_OF, shared_by_stream
from otto_reconcile.records.withheld import Withheld
from otto_reconcile.store.base import Store

AGAIN = "apply their manifests (`export` has them), and the rows are written again"


def rowless(store: Store, desired: Desired) -> set[str]:
    """What is wanted, and has no row of its own: the guard may have held its deletion back."""
    names = {"bots", *COLLECTION_OF.values()}
    rows = {name: store.find(name) for name in sorted(names)}
    found = {**by_bot(rows)[0], **shared_by_stream(rows)[0]}
    return {
        stream
        for stream in desired.bots.keys() | desired.shared.keys()
        if not found.get(stream, {}).get(main_collection(stream))
    }


class RowLoss:
    """Of one store. `begin` and `end` stand around the look of which the others are parts."""

    def __init__(self, log: Log) -> None:
        self._log, self._withheld = log, Withheld(log.store)

    def begin(self, look: Look) -> None:
        """Reads what was lost at an earlier look, and lacks its rows still."""
        look.noted = self._withheld.lost()
        look.withheld = frozenset(pair for pair in look.noted if _is_lost_still(*pair, look))

    def end(self, look: Look) -> None:
        """Keeps what is lost now for the next look of anybody."""
        self._withheld.note(look.noted, look.withheld | look.lost)

    def note_parts(self, look: Look) -> None:
        """Notes bots of which a whole collection of parts is suddenly empty.

        Bots that have lost their own row as well count: the accident may have taken both. The last
        part of all is deleted by hand as any other.
        """
        for name in PART_NAMES:
            had = {i: n for i, w in look.known.bots.items() if (n := row_count(name, w.bot))}
            now = {i: look.renames.rows_of(i, look.rows) for i in had}
            without = {i for i in had if not now[i].get(name)}
            lost = {i for i in without - look.moving if now[i].get("bots")}
            all_gone = without == had.keys() and sum(had.values()) >= LEAST
            if lost and (all_gone or too_many(len(without), len(had))):
                self._keep(look, name, lost)
                look.problems.append(
                    f"{len(lost)} of {len(had)} bots have lost all their {name} at once; they stay "
                    f"as they were: {_names(lost)}; {AGAIN}"
                )
            elif kept := {i for i in lost if (i, name) in look.withheld}:
                self._keep(look, name, kept)
                look.problems.append(
                    f"{_names(kept)}: lost all {name} with others before; as it was: {AGAIN}"
                )

    def _keep(self, look: Look, name: str, lost: set[str]) -> None:
        look.lose(lost, name)
        look.vanished |= {look.renames.done.get(i, i) for i in lost}
        look.renames = look.renames.without(lost)

    def deletions(self, look: Look, name: str, alive: Collection[str]) -> set[str]:
        """Those of `alive` whose row in this collection somebody deleted by hand.

        Many at once, or all, are more likely an accident: they are noted as lost instead.
        """
        rowless = {i for i in alive if not look.rows.get(i, {}).get(name)}
        gone = {i for i in rowless if look.declaration(i) is not None} - look.moving
        if name == "bots":
            gone -= look.renames.former
            rowless -= look.renames.done.keys()  # they live on
        if not gone:
            return set()
        if len(rowless) == len(alive) or too_many(len(gone), len(alive)):
            look.lose(gone, name)
            look.problems.append(
                f"{len(gone)} of {len(alive)} {name} have lost their row in {name} at once; "
                f"nothing was deleted; {AGAIN}; {if_meant(gone)}"
            )
            return set()
        kept = {i for i in gone if (i, name) in look.withheld}
        self._note_kept(look, name, kept)
        gone -= kept
        if not gone:
            return set()
        if name in look.nameless:
            look.lose(gone, name)
            look.problems.append(
                f"{_names(gone)}: the row in {name} is gone, and there is one of which nobody can "
                f"say whose it is: nothing was deleted; mend that row; {if_meant(gone)}"
            )
            return set()
        went = self._went(name) - set(alive)
        count, of = len(gone) + len(went), len(alive) + len(went)
        if count > LEAST and too_many(count, of):
            look.lose(gone, name)
            look.problems.append(
                f"{count} of {of} {name} have lost their row in {name} within "
                f"{WINDOW.seconds // 60} minutes; these were not deleted any more: "
                f"{_names(gone)}; {if_meant(gone)}"
            )
            return set()
        return gone

    def _note_kept(self, look: Look, name: str, kept: set[str]) -> None:
        """What lost its row in this collection with others: it is never deleted for that."""
        if not kept:
            return
        look.lose(kept, name)
        look.problems.append(
            f"{_names(kept)}: lost in {name} with others before, so nothing was deleted; {AGAIN}; "
            f"{if_meant(kept)}"
        )

    def _went(self, name: str) -> set[str]:
        """What lost its row a short while ago, and was deleted for it."""
        found = self._log.deleted(self._log.now() - WINDOW)
        lost = (i for i, s in found.items() if s.kind == ROWS and not renames.is_rename(s))
        return {stream for stream in lost if main_collection(stream) == name}


def _is_lost_still(stream: str, name: str, look: Look) -> bool:
    """True if it lacks rows that it should have, or may (while it is being written)."""
    declaration = look.declaration(stream)
    if declaration is None or not (name == main_collection(stream) or _has(name, declaration)):
        return False
    return stream in look.moving or not look.rows.get(stream, {}).get(name)


def _has(name: str, declaration: Declaration) -> bool:
    return name in PART_NAMES and isinstance(declaration, Bot) and row_count(name, declaration) > 0


def _names(bot_ids: set[str]) -> str:
    some = sorted(bot_ids)[:5]
    return " ".join(some) + (" ..." if len(bot_ids) > len(some) else "")
