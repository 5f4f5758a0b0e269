"""One look at all rows beside what is wanted: what is found out on the way, for `ingest`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from otto_reconcile.model.shared import Declaration, is_shared
from otto_reconcile.records.composition import users
from otto_reconcile.records.events import Desired
from otto_reconcile.records.heads import Head, Step
from otto_reconcile.records.renames import Renames
from otto_reconcile.records.rows.shared import main_row
from otto_reconcile.records.withheld import Lost
from otto_reconcile.store.base import Document

REMEDY = "put the row right, or apply the bot's manifest (`export` has it), which writes it again"


@dataclass
class Look:
    """One look at everything, and what has come of it so far."""

    heads: Mapping[str, Head]
    rows: Mapping[str, Mapping[str, Sequence[Document]]]
    known: Desired
    moving: frozenset[str]
    problems: list[str] = field(default_factory=list)
    faults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    vanished: set[str] = field(default_factory=set)
    noted: Lost = frozenset()
    """What vanished at an earlier look, each with the collection in which its rows were missing."""
    withheld: Lost = frozenset()
    """What of that lacks these rows still."""
    lost: set[tuple[str, str]] = field(default_factory=set)
    """The same of this look."""
    amiss: set[str] = field(default_factory=set)
    """What has rows that are damaged or gone, while it is wanted as it was."""
    late: set[str] = field(default_factory=set)
    nameless: frozenset[str] = frozenset()
    """The collections with a row of which nobody can say whose it is."""
    steps: list[Step] = field(default_factory=list)
    renames: Renames = field(default_factory=Renames)

    def lose(self, streams: Collection[str], name: str) -> None:
        """Their rows in this collection vanished, and they stay as they were."""
        self.vanished |= set(streams)
        self.amiss |= set(streams)
        self.lost |= {(stream, name) for stream in streams}
        for stream in streams:
            if not is_shared(stream):
                gone = f"its rows in {name} are gone, with those of others: it stays as it was"
                self._blame(stream, gone, REMEDY)
                continue
            gone = f"{stream}, which it uses, has lost its row in {name}: it stays as it was"
            for bot_id in users(stream, self.known):
                self._blame(bot_id, gone, f"apply {stream} again, which writes the row")

    def tell(self, stream: str, problems: Sequence[str]) -> None:
        """What is wrong with the rows of one bot or shared document."""
        self.problems += problems
        if not problems:
            return
        self.amiss.add(stream)
        if not is_shared(stream):
            remedy = () if self.declaration(stream) is None else (REMEDY,)
            self._blame(stream, *problems, *remedy)

    def _blame(self, bot_id: str, *faults: str) -> None:
        """Notes each fault of a bot once, in order."""
        self.faults[bot_id] = tuple(dict.fromkeys((*self.faults.get(bot_id, ()), *faults)))

    def declaration(self, stream: str) -> Declaration | None:
        """The bot or shared document of this name, as it is known."""
        if (shared := self.known.shared.get(stream)) is not None:
            return shared.document
        wanted = self.known.bots.get(stream)
        return wanted.bot if wanted else None


def main_collection(stream: str) -> str:
    """The collection whose row says that there is such a bot or shared document."""
    return main_row(stream)[0] if is_shared(stream) else "bots"
