"""What the reconciler knows of one target at one moment."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from otto_reconcile.desired import Desired, DesiredBot
from otto_reconcile.diff import Policy
from otto_reconcile.errors import Guarded
from otto_reconcile.model import (
    Bot,
    Ref,
    Resource,
    Snapshot,
    get_kind,
    snapshot_of,
)
from otto_reconcile.model.shared import SHAREABLE, is_shared
from otto_reconcile.planning import guard
from otto_reconcile.reconcile import heirs
from otto_reconcile.reconcile.index import Index, index_of
from otto_reconcile.reconcile.owners import Owners
from otto_reconcile.records.applied import Applied, Epoch
from otto_reconcile.records.events import NEWER
from otto_reconcile.records.renames import FORMER_ID
from otto_reconcile.runtime.selecting import OPTION, Selector

RESTORING = "the target is being restored"
UNRECORDED = "the store has no record that it was to go"


@dataclass
class TargetState:
    """Read whole. The reconciler keeps `applied` current; `restoring` freezes deletions.

    The bots in `desired` have in them what they share; in `written` they are as they were written.
    """

    target: str
    desired: Desired
    applied: dict[str, Applied]
    epoch: Epoch | None
    deleted: frozenset[str] = frozenset()
    restoring: bool = False
    snapshots: dict[str, tuple[Bot, Snapshot]] = field(default_factory=dict)
    written: Mapping[str, DesiredBot] = field(default_factory=dict)
    inside: bool = False
    """The target is in this very process: nobody can have put another one in its place."""
    take_over: Container[str] = frozenset()
    """Bots whose ids are ours whoever made what the target has under them."""
    lost_names: frozenset[str] = frozenset()
    """Bots and shared documents that were managed here, and of which the store has no record."""
    selector: Selector | None = None
    """Which bots this daemon looks after, by their labels; None is all."""
    odd_rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What is wrong with the rows of single bots, where that is not in their desired state."""
    _sorted: tuple[str, ...] | None = field(default=None, init=False, repr=False, compare=False)
    _going: frozenset[str] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def bot_ids(self) -> tuple[str, ...]:
        """All that is wanted or was applied, sorted."""
        known = (self.desired.bots, self.desired.unreadable, self.applied)
        self._sorted = self._sorted or tuple(sorted({*chain(*known)}))
        return self._sorted

    def knows(self, bot_id: str) -> bool:
        """True if it is one of `bot_ids`."""
        return bot_id in self.applied or self._is_wanted(bot_id)

    def _is_wanted(self, bot_id: str) -> bool:
        return bot_id in self.desired.bots or bot_id in self.desired.unreadable

    @property
    def unwanted(self) -> frozenset[str]:
        """The bots that were applied, and that nobody wants any more."""
        if self._going is None:
            self._going = frozenset(b for b in self.applied if not self._is_wanted(b))
        return self._going

    @property
    def guarded(self) -> Guarded | None:
        """Why deletions of bots are held back, if they are."""
        if not self.unwanted:
            return None
        wanted = {*self.desired.bots, *self.desired.unreadable}
        try:
            guard.check(wanted, self.applied.keys(), self.deleted)
        except Guarded as error:
            return error
        return None

    @property
    def agents(self) -> frozenset[str]:
        """The agents that are on the target if it still lives the life that we know."""
        return frozenset(
            ref.key for applied in self.applied.values() for ref in applied.resources
            if ref.kind == "agent"
        )  # fmt: skip

    def still_used(self, bot_id: str) -> frozenset[Ref]:
        """The resources that this bot gives up and another one wants or has."""
        given_up = self.last(bot_id).keys() - self.wanted(bot_id).keys()
        if not given_up:
            return frozenset()
        return frozenset(ref for ref in given_up if self._is_of_another(ref, bot_id))

    def _is_of_another(self, ref: Ref, bot_id: str) -> bool:
        """True if another bot wants it or has it."""
        wanting = (other for other in self.index.wanting.of(ref) if ref in self.wanted(other))
        return any(other != bot_id for other in chain(wanting, self.having(ref)))

    def having(self, ref: Ref) -> Iterator[str]:
        """The bots of which this was applied, or begun."""
        for bot_id in self.index.having.of(ref):
            held = self.applied.get(bot_id)
            if held is not None and (ref in held.resources or ref in held.claims):
                yield bot_id

    @cached_property
    def index(self) -> Index:
        """Kept from one reading to the next where little has changed."""
        return index_of(self.desired.bots, self.wanted, self.applied)

    @property
    def secrets(self) -> frozenset[str]:
        """All that are known: others may have copied one into what they added."""
        return self.index.secrets

    @property
    def owners(self) -> Owners:
        return Owners(self.wanted, self.index.wanting.of, self._former)

    def _former(self, bot_id: str) -> str | None:
        wanted = self.desired.bots.get(bot_id)
        said = wanted.bot.annotations.get(FORMER_ID) if wanted is not None else None
        return said if isinstance(said, str) else None

    def lost(self, bot_id: str) -> dict[Ref, str]:
        """What this bot wants and another one owns, with the reason why it has to wait."""
        return self.owners.lost(bot_id, self.applied)

    def unreadable(self, bot_id: str) -> str | None:
        """Why the desired state of a bot cannot be read, as a sentence; None if it can."""
        why = self.desired.unreadable.get(bot_id)
        return f"its desired state cannot be read: {why}" if why else None

    def left_alone(self, bot_id: str) -> str | None:
        """Why a bot is left as it is, by its own wish or for its labels; None if it is not."""
        wanted = self.desired.bots.get(bot_id)
        return (wanted and wanted.bot.suspension) or self.outside(bot_id)

    def outside(self, bot_id: str) -> str | None:
        """Why this daemon does not look after a bot: its labels do not fit; None if it does."""
        wanted, selector = self.desired.bots.get(bot_id), self.selector
        if wanted is None or selector is None or selector.fits(wanted.bot.labels):
            return None
        return f"outside of `{OPTION} {selector.text}`, which this daemon looks after"

    def faults(self, bot_id: str) -> tuple[str, ...]:
        """What is wrong with what is wanted of a bot, whatever the target has of it."""
        told = (*filter(None, [self.unreadable(bot_id)]), *self.odd_rows.get(bot_id, ()))
        return (*told, *self.owners.faults(bot_id, self.applied))

    def heir_to_come(self, bot_id: str) -> str | None:
        """The bot that has what this one gives up for good, while it is not on the target yet."""
        if bot_id in self.desired.bots or bot_id not in self.applied:
            return None
        given = self.last(bot_id)
        perhaps = {heir for ref in given for heir in self.index.wanting.of(ref)}
        wanted = ((heir, self.wanted(heir)) for heir in sorted(perhaps))
        return heirs.to_come(given, wanted, self.applied)

    def follow(self, before: TargetState) -> None:
        """Takes over from the world before what this one could not have read."""
        self.snapshots, self.restoring = before.snapshots, before.restoring
        epochs = [one for one in (self.epoch, before.epoch) if one is not None]
        self.epoch = max(epochs, key=lambda epoch: epoch.started, default=None)

    def follow_moved(self, before: TargetState, bot_ids: AbstractSet[str]) -> None:
        """The same where nothing but these bots is wanted otherwise, and all else is kept."""
        self.follow(before)
        self.applied, self.index = dict(before.applied), before.index
        for bot_id in bot_ids:
            self.index.want(bot_id, self.desired.bots.get(bot_id), self.wanted(bot_id))
        if all(before.knows(bot_id) and self.knows(bot_id) for bot_id in bot_ids):
            self._sorted = before.bot_ids
        going = {b for b in bot_ids if b in self.applied and not self._is_wanted(b)}
        self._going = before.unwanted - bot_ids | going

    def note(self, applied: Mapping[str, Applied | None]) -> None:
        """What is applied now of some bots; None is nothing any more."""
        for bot_id, now in applied.items():
            if (bot_id in self.applied) != (now is not None):
                self._sorted = self._going = None
            if now is None:
                self.applied.pop(bot_id, None)
            else:
                self.applied[bot_id] = now
                if "index" in vars(self):
                    self.index.have(bot_id, now)

    def wanted(self, bot_id: str) -> Snapshot:
        """The desired resources of a bot; kept, since most bots stay the same object."""
        wanted = self.desired.bots.get(bot_id)
        if wanted is None:
            return Snapshot()
        held = self.snapshots.get(bot_id)
        if held is None or held[0] is not wanted.bot:
            held = self.snapshots[bot_id] = (wanted.bot, snapshot_of(wanted.bot))
        return held[1]

    def last(self, bot_id: str) -> Snapshot:
        """What was applied of a bot, and what was only begun (with what its key says of it)."""
        applied = self.applied.get(bot_id)
        if applied is None or not applied.claims:
            return applied.resources if applied is not None else Snapshot()
        begun = (
            Resource(ref.kind, ref.key, bot_id, get_kind(ref.kind).told_by_key(ref.key))
            for ref in sorted(applied.claims)
        )
        return Snapshot(begun) | applied.resources

    def is_ours(self, bot_id: str, ref: Ref) -> bool:
        """True if what the target has under this Ref may be changed: in this life we made it.

        What was begun and not confirmed counts, and so does what another of our bots made.
        """
        having = (self.applied[other] for other in self.having(ref))
        return bot_id in self.take_over or any(
            ref not in applied.foreign and self._is_of_this_life(applied) for applied in having
        )

    def _is_of_this_life(self, applied: Applied) -> bool:
        """True if what it says of the target was seen on the server that answers now."""
        epoch = self.epoch
        if epoch is None or self.inside or not epoch.watched:
            return True
        return epoch.name in (applied.begun, applied.epoch)

    @cached_property
    def _perhaps_shared(self) -> dict[str, str]:
        """Why nothing of these kinds may be deleted of a bot that goes on: it may be shared."""
        why = self._unknown_share
        return {} if why is None else dict.fromkeys(SHAREABLE, why)

    @cached_property
    def _unknown_share(self) -> str | None:
        """Why nothing may be deleted while nobody knows what bots share; None if that is known."""
        if gone := sorted(filter(is_shared, self.lost_names)):
            return (
                f"the store has lost {gone[0]!r}, and this may be of it: apply it anew; "
                f"{guard.if_meant(gone)}"
            )
        unreadable, last = self.desired.unreadable_shared, self.desired.last_shared
        lost = {name for name, why in unreadable.items() if name not in last and why != NEWER}
        if not lost:
            return None
        name = min(lost)
        return f"{name!r} cannot be read, and this may be of it: apply it anew, or delete it"

    def restarted(self, bot_id: str) -> bool:
        """True if what was applied of the bot was applied in an earlier life of the target."""
        applied = self.applied.get(bot_id)
        if applied is None:
            return False
        return self.epoch is None or applied.epoch not in (self.epoch.name, self.epoch.continues)

    def _is_unrecorded(self, bot_id: str) -> bool:
        """True if it was applied, is not wanted, and nobody is on record for having wanted that."""
        recorded = self._is_wanted(bot_id) or bot_id in self.deleted
        return bot_id in self.applied and not recorded

    def policy(self, bot_id: str, *, prune_unmanaged: bool = False) -> Policy:
        wanted = self.desired.bots.get(bot_id)
        why = self.unreadable(bot_id) or self.left_alone(bot_id)
        held = {bot_id: why} if why else {}
        undeletable: dict[str, str] = {}
        if wanted is None and self.guarded is not None and bot_id in self.guarded.names:
            undeletable[bot_id] = self.guarded.message
        elif self._is_unrecorded(bot_id):
            undeletable[bot_id] = f"{UNRECORDED}; {guard.if_meant((bot_id,))}"
        elif (heir := self.heir_to_come(bot_id)) is not None:
            undeletable[bot_id] = f"it stays until bot {heir!r} is there, which has its parts now"
        applied = self.applied.get(bot_id)
        return Policy(
            restarted=self.restarted(bot_id),
            prune_unmanaged=prune_unmanaged,
            frozen=RESTORING if self.restoring else None,
            held=held,
            undeletable=undeletable,
            undeletable_kinds=self._perhaps_shared if wanted is not None else {},
            keep=self.still_used(bot_id),
            begun=applied.claims - applied.resources.keys() if applied else frozenset(),
        )
