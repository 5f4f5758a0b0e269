"""What is known of a bot once its plan was carried out: for the reconciler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from otto_reconcile.applied import Applied
from otto_reconcile.audit import Record
from otto_reconcile.plan import Operation, Outcome, Result
from otto_reconcile.reconcile.world import Planned, World
from otto_reconcile.resources import Ref, Resource, Snapshot, get_kind


def concluded(record: Record, outcome: Outcome, ended: datetime) -> Record:
    """The record of an intent with what became of it."""
    return replace(
        record,
        started=ended - timedelta(seconds=outcome.duration),
        duration=round(outcome.duration, 6),
        outcome=str(outcome.result),
        error=outcome.error,
    )


def applied_after(world: World, planned: Planned, outcomes: Sequence[Outcome]) -> Applied | None:
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
    whole = all(o.result is Result.SUCCEEDED for o in outcomes) and not planned.plan.skipped
    if not held and not claims and planned.wanted is None:
        return None
    epoch = world.epoch.name if whole and world.epoch is not None else last.epoch
    revision = planned.wanted.revision if whole and planned.wanted is not None else last.revision
    return Applied(planned.bot_id, revision, epoch, Snapshot(held.values()), frozenset(claims))


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
