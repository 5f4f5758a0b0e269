"""The plan of one bot, made from what is known of the target and what it reports.

The loop and the command `diff` plan through here alike, so that a dry run shows what would be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from otto_reconcile.desired import DesiredBot
from otto_reconcile.diff import Policy, plan
from otto_reconcile.model import (
    OTTO,
    Ref,
    Resource,
    Snapshot,
    get_kind,
)
from otto_reconcile.model.evaluation import EvaluationCheck
from otto_reconcile.model.former import successors
from otto_reconcile.model.windows import CLOSED, closed
from otto_reconcile.observed import observation, observation_of
from otto_reconcile.planning.ignoring import left_to_target
from otto_reconcile.planning.plan import Action, Cause, Operation, Plan
from otto_reconcile.planning.redaction import without_secrets
from otto_reconcile.port.addressing import is_addressable
from otto_reconcile.port.base import Observation, Port
from otto_reconcile.reconcile import heirs
from otto_reconcile.reconcile.target_state import TargetState

LASTING = "it stays until Parlant restarts, for its id cannot be addressed"


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of one bot with all that it was made from.

    `lost` is what another bot owns that wants it too; `faults` say what is wrong with what is
    wanted of this one. `foreign` is what the target has under its ids and was never ours.
    `left_alone` says why this daemon leaves the bot as it is, if it does.
    """

    bot_id: str
    wanted: DesiredBot | None
    desired: Snapshot
    observed: Snapshot
    applied: Snapshot
    plan: Plan
    lost: frozenset[Ref] = frozenset()
    faults: tuple[str, ...] = ()
    foreign: frozenset[Ref] = frozenset()
    checks: tuple[EvaluationCheck, ...] = ()
    left_alone: str | None = None

    @property
    def calm(self) -> bool:
        """True if nothing stands in the way of what is wanted of the bot."""
        return self.wanted is not None and not (self.faults or self.lost or self.left_alone)

    @property
    def waits(self) -> bool:
        """True if a change waits for a sync window."""
        return any(str(action.skipped).startswith(CLOSED) for action in self.plan.skipped)

    @property
    def present(self) -> bool:
        """True if the bot's agent is on the target."""
        return Ref("agent", self.bot_id) in self.observed


@dataclass(frozen=True, slots=True)
class Glance:
    """A look at some parts of a bot that was in place: all else is taken to be so still.

    `others` is what the target had then beside what is on record as applied.
    """

    parts: frozenset[Ref]
    others: Snapshot


async def plan_bot(
    world: TargetState,
    port: Port,
    bot_id: str,
    *,
    absent: bool = False,
    unmanaged: bool = True,
    prune_unmanaged: bool = False,
    again: frozenset[Ref] = frozenset(),
    now: datetime | None = None,
    glance: Glance | None = None,
) -> Planned:
    """Observes one bot and plans it; with `absent` nothing of its own is there to be asked for.

    With a `glance` only some of its parts are read, and what is bound to them.
    `now` is the time by which its sync windows are open or not; without it nothing waits for them.
    Raises TargetUnavailable or TargetRefused.
    """
    desired, applied = world.wanted(bot_id), world.last(bot_id)
    if absent:
        # A tag may be there all the same: a person's, which then does not become ours.
        shared = (
            r
            for r in desired.values()
            if get_kind(r.kind).shared and not (r.ref in applied and world.is_ours(bot_id, r.ref))
        )
        tags = Snapshot(shared)
        seen = (
            await observation(port, bot_id, tags, tags, unmanaged=False) if tags else Observation()
        )
    elif glance is not None:
        parts = glance.parts | bound_to(glance.parts, desired)
        seen = await observation_of(port, bot_id, desired, applied, parts, applied | glance.others)
    else:
        seen = await observation(port, bot_id, desired, applied, unmanaged=unmanaged)
    observed = seen.snapshot
    if (wanted := world.desired.bots.get(bot_id)) is not None:
        desired, applied = left_to_target(wanted.bot, desired, observed, applied)
    policy = world.policy(bot_id, prune_unmanaged=prune_unmanaged)
    lost = world.lost(bot_id)
    unable = world.index.claims.contested(bot_id, desired) | await _unable(port, desired) | lost
    keep = policy.keep - heirs.copies(bot_id, policy.keep, observed, world.applied)
    lasting = {ref: LASTING for ref, part in observed.items() if not _has_address(part)}
    waiting = closed(wanted.bot, now) if wanted is not None and now is not None else None
    heirs_of = successors(wanted.bot, applied, desired) if wanted is not None else {}
    policy = replace(
        policy,
        unable=unable,
        again=again,
        keep=keep,
        undeletable_ids=lasting,
        waiting=waiting,
        successors=heirs_of,
    )
    made = plan(desired, observed, applied, policy)
    foreign = frozenset(_foreign(world, bot_id, made))
    if foreign:
        made = plan(desired, observed, applied, _leaving_alone(policy, bot_id, foreign))
    made = Plan(tuple(_claimed(world, bot_id, action) for action in made))
    if world.heir_to_come(bot_id) is not None:  # till then it is remembered what is to be its
        made = Plan(tuple(a for a in made if a.operation is not Operation.FORGET))
    made = without_secrets(made, world.secrets)
    faults = world.faults(bot_id)
    return Planned(
        bot_id,
        wanted,
        desired,
        observed,
        applied,
        made,
        frozenset(lost),
        faults,
        foreign,
        seen.checks,
        world.left_alone(bot_id),
    )


def bound_to(parts: frozenset[Ref], desired: Snapshot) -> frozenset[Ref]:
    """The relationships of these parts: they may go with them, and are never told of alone."""
    ends = {f"{ref.kind}:{ref.key}" for ref in parts}
    return frozenset(
        ref
        for ref, one in desired.items()
        if ref.kind == "relationship"
        and not ends.isdisjoint((one.spec["source"], one.spec["target"]))
    )


def _foreign(world: TargetState, bot_id: str, made: Plan) -> Iterator[Ref]:
    """What the plan would change or delete although nobody of ours put it there."""
    for action in made:
        changes = action.operation in (Operation.UPDATE, Operation.REPLACE)
        deletes = action.operation is Operation.DELETE and action.cause is not Cause.UNMANAGED
        if (changes or (deletes and action.why is None)) and not world.is_ours(bot_id, action.ref):
            yield action.ref


def _leaving_alone(policy: Policy, bot_id: str, foreign: frozenset[Ref]) -> Policy:
    """Without its agent nothing of a bot may be done: the parts would change what others made."""
    held = dict(policy.held)
    if Ref("agent", bot_id) in foreign:
        held.setdefault(bot_id, f"the agent {not_ours(bot_id)}")
    return replace(policy, held=held, foreign=dict.fromkeys(foreign, f"it {not_ours(bot_id)}"))


def not_ours(bot_id: str) -> str:
    """Why something is left as it is, and what to do about it."""
    return (
        "is on the server and was not made by this daemon: "
        f"`run --take-over {bot_id}` makes it ours"
    )


def _claimed(world: TargetState, bot_id: str, action: Action) -> Action:
    if action.operation is Operation.CREATE and not world.is_ours(bot_id, action.ref):
        return replace(action, claimed=False)
    return action


def _has_address(part: Resource) -> bool:
    return is_addressable(part.key if part.remote_id is None else part.remote_id)


async def _unable(port: Port, desired: Snapshot) -> dict[Ref, str]:
    """What of it the target cannot hold, with the reasons."""
    reasons = [(ref, await port.unable(resource)) for ref, resource in desired.items()]
    return {ref: reason for ref, reason in reasons if reason is not None}


def foreign(world: TargetState, agents: Iterable[Resource]) -> Plan:
    """A report of the agents that are neither wanted nor ever were applied."""
    known = {*world.bot_ids, OTTO}
    actions = (
        Action(Operation.REPORT, agent.ref, agent.key, Cause.UNMANAGED, observed=agent)
        for agent in sorted(agents, key=lambda agent: agent.key)
        if agent.key not in known
    )
    return without_secrets(Plan(tuple(actions)), world.secrets)
