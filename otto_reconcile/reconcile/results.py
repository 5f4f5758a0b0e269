"""What is known of a bot once its plan was carried out: for the reconciler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from otto_reconcile.errors import (
    OttoError,
    TargetUnavailable,
)
from otto_reconcile.model import Ref, Resource, Snapshot, get_kind
from otto_reconcile.planning.plan import Operation, Outcome, Result
from otto_reconcile.reconcile.bot_plan import Planned
from otto_reconcile.reconcile.target_state import TargetState
from otto_reconcile.records.applied import Applied
from otto_reconcile.records.audit import Record


def concluded(record: Record, outcome: Outcome, ended: datetime) -> Record:
    """The record of an intent with what became of it."""
    return replace(
        record,
        started=ended - timedelta(seconds=outcome.duration),
        duration=round(outcome.duration, 6),
        outcome=str(outcome.result),
        error=outcome.error,
    )


def applied_after(
    world: TargetState, planned: Planned, outcomes: Sequence[Outcome]
) -> Applied | None:
    """The applied set that now holds; None when nothing of the bot is left to know."""
    last = world.applied.get(planned.bot_id) or Applied(planned.bot_id, 0, "", Snapshot())
    held: dict[Ref, Resource] = dict(last.resources.items())
    claims = set(last.claims)
    planned_refs = {a.ref for a in planned.plan if a.operation is not Operation.REPORT}
    for ref, want in planned.desired.items():
        sole = not get_kind(ref.kind).shared and ref not in planned.lost
        ours = ref in held or ref in claims or sole
        if ref not in planned_refs and ours:  # it is there as wanted
            held[ref] = replace(want, remote_id=planned.observed[ref].remote_id)
    for action in planned.plan:
        if action.operation is Operation.FORGET:
            held.pop(action.ref, None)
            claims.discard(action.ref)
    for outcome in outcomes:
        _settle(held, claims, outcome)
    claims -= held.keys()
    refused = {outcome.action.ref for outcome in outcomes if outcome.foreign}
    foreign = planned.foreign | refused
    begun = world.epoch.name if world.epoch is not None else last.begun
    whole = all(o.result is Result.SUCCEEDED for o in outcomes) and not planned.plan.skipped
    if not held and not claims and planned.wanted is None:
        return None
    epoch = world.epoch.name if whole and world.epoch is not None else last.epoch
    revision = planned.wanted.revision if whole and planned.wanted is not None else last.revision
    resources, begun_ones = Snapshot(held.values()), frozenset(claims - refused)
    return Applied(planned.bot_id, revision, epoch, resources, begun_ones, begun, foreign)


def handed_over(world: TargetState, planned: Planned) -> dict[str, Applied]:
    """What a bot gave up and another of ours wants stays ours: the other one's, from now on."""
    given = [
        action.ref
        for action in planned.plan
        if action.operation is Operation.FORGET
        and action.observed is not None
        and action.ref not in planned.foreign
    ]
    heirs: dict[str, Applied] = {}
    for ref in given:
        wanting = (bot for bot in world.index.wanting.of(ref) if ref in world.wanted(bot))
        heir = min(wanting, default=None)
        if heir is None or heir == planned.bot_id:
            continue
        begun = world.epoch.name if world.epoch is not None else None
        new = Applied(heir, 0, "", Snapshot(), begun=begun)
        known = heirs.get(heir) or world.applied.get(heir) or new
        if ref not in known.resources and ref not in known.claims:
            heirs[heir] = replace(known, claims=known.claims | {ref})
    return heirs


def _settle(held: dict[Ref, Resource], claims: set[Ref], outcome: Outcome) -> None:
    action = outcome.action
    if outcome.result is not Result.SUCCEEDED:
        if action.operation is Operation.CREATE:
            claims.add(action.ref)
        return
    if action.operation is Operation.DELETE:
        held.pop(action.ref, None)
        claims.discard(action.ref)
    elif action.desired is not None:
        remote_id = outcome.made.remote_id if outcome.made is not None else None
        held[action.ref] = replace(action.desired, remote_id=remote_id)


@dataclass(frozen=True, slots=True)
class BotResult:
    """What one look at a bot came to. `error` says why it could not be looked at or saved.

    `held` says why what was planned was not done. `waiting` is what failed before and was not tried
    this time. `lacking` says which tools are not there, though all that names them is in place.
    `heirs` are the bots to which went what this one gave up.
    """

    bot_id: str
    planned: Planned | None = None
    outcomes: tuple[Outcome, ...] = ()
    error: OttoError | None = None
    held: str | None = None
    waiting: tuple[Outcome, ...] = ()
    lacking: str | None = None
    heirs: frozenset[str] = frozenset()

    @property
    def failures(self) -> tuple[Outcome, ...]:
        tried = tuple(o for o in self.outcomes if o.result is not Result.SUCCEEDED)
        return (*tried, *self.waiting)

    @property
    def target_gone(self) -> str | None:
        """Why the target is taken for gone, if it is."""
        if isinstance(self.error, TargetUnavailable):
            return self.error.message
        return next((outcome.error for outcome in self.outcomes if outcome.gone), None)

    @property
    def tried(self) -> bool:
        """True if all was done that can be now: what still lacks was refused, or has to wait."""
        if self.planned is None or self.target_gone is not None:
            return False
        idle = not self.planned.plan.acting or self.held is not None
        return idle or bool(self.outcomes or self.waiting)

    @property
    def in_place(self) -> bool:
        """True if the bot is now on the target as it is wanted."""
        if self.planned is None or self.failures or self.planned.plan.skipped:
            return False
        return bool(self.outcomes) or not self.planned.plan.acting
