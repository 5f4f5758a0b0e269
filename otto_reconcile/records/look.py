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

MEND = "put the row right, or apply the bot's manifest (`export` has it), which writes it again"


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
    lost: set[tuple[str, str]] = field(default_factory=set)
    """What vanished, each with the collection in which its rows are missing."""
    withheld: Lost = field(default_factory=dict)
    """What vanished at an earlier look, and lacks these rows still."""
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
        for stream in streams:
            if is_shared(stream):
                fault = f"{stream}, which it uses, has lost its row in {name}: it stays as it was"
                mend = f"apply {stream} again, which writes the row"
            else:
                fault = f"its rows in {name} are gone, with those of others: it stays as it was"
                mend = MEND
            for bot_id in users(stream, self.known) if is_shared(stream) else [stream]:
                self.faults[bot_id] = (*self.faults.get(bot_id, ()), fault, mend)
        self.lost |= {(stream, name) for stream in streams}

    def tell(self, stream: str, problems: Sequence[str]) -> None:
        """What is wrong with the rows of one bot or shared document."""
        self.problems += problems
        if problems:
            self.amiss.add(stream)
        if problems and not is_shared(stream):
            mend = () if self.declaration(stream) is None else (MEND,)
            self.faults[stream] = (*self.faults.get(stream, ()), *problems, *mend)

    def declaration(self, stream: str) -> Declaration | None:
        """The bot or shared document of this name, as it is known."""
        if (shared := self.known.shared.get(stream)) is not None:
            return shared.document
        wanted = self.known.bots.get(stream)
        return wanted.bot if wanted else None


def main_collection(stream: str) -> str:
    """The collection whose row says that there is such a bot or shared document."""
    return main_row(stream)[0] if is_shared(stream) else "bots"
