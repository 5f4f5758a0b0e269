"""The three-way diff: desired, observed and applied in, one complete frozen Plan out.

Pure: no clock, no input or output, and the same snapshots give the same plan under any hash seed.
Only what is declared compares. What was declared when it was last applied and no longer is goes
back to its default; what was never declared is the target's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from otto_reconcile.model import JSON, Field, Kind, Ref, Resource, Snapshot, get_kind
from otto_reconcile.planning.compare import (
    covers,
    differences,
    extra_keys,
    is_disturbed,
    needs_replacing,
)
from otto_reconcile.planning.order import BINDING, in_order
from otto_reconcile.planning.plan import NEEDS, Action, Cause, Change, Operation, Plan


@dataclass(frozen=True, slots=True)
class Policy:
    """What is known beside the three snapshots.

    `restarted`: the target began a new life since `applied` was written.
    `frozen`: why no deletion may happen now, for any bot; None if it may.
    `held`: bots of which nothing may be done, with the reason (suspended).
    `undeletable`: bots of which nothing may be deleted, with the reason (mass deletion).
    `undeletable_kinds`: kinds of which nothing may be deleted, with the reason (perhaps of a lost
    glossary).
    `keep`: shared resources that other bots still want.
    `unable`: what the target cannot hold as it is wanted, with the reason.
    `begun`: what of `applied` was only begun, and perhaps never made.
    `foreign`: what the target has and was never ours, with what to do about it.
    `undeletable_ids`: what no call can delete, for its id, with the reason.
    `waiting`: why changes of what is wanted wait, for any bot; drift and a restart do not.
    `again`: what is to be made again though nothing differs, since it takes its evaluation only
    when it is made.
    `successors`: what goes because it was renamed, with what is to be there before it goes.
    """

    restarted: bool = False
    prune_unmanaged: bool = False
    frozen: str | None = None
    held: Mapping[str, str] = field(default_factory=dict)
    undeletable: Mapping[str, str] = field(default_factory=dict)
    undeletable_kinds: Mapping[str, str] = field(default_factory=dict)
    keep: frozenset[Ref] = frozenset()
    unable: Mapping[Ref, str] = field(default_factory=dict)
    begun: frozenset[Ref] = frozenset()
    foreign: Mapping[Ref, str] = field(default_factory=dict)
    again: frozenset[Ref] = frozenset()
    waiting: str | None = None
    undeletable_ids: Mapping[Ref, str] = field(default_factory=dict)
    successors: Mapping[Ref, Ref] = field(default_factory=dict)


def plan(
    desired: Snapshot, observed: Snapshot, applied: Snapshot, policy: Policy | None = None
) -> Plan:
    """What brings `observed` to `desired`: actions in the order in which they may be done.

    `desired` is what is declared, from `snapshot_of`; `observed` what a target reports, from
    `observe`; `applied` what was put there the last time, with the spec that it had then, which
    tells a change of ours from drift, and what to take away. Without a `policy` nothing holds back
    anything. What may not be done now is among the skips, with the reason. Raises nothing.
    """
    policy = policy or Policy()
    actions = [
        *_wanted(desired, observed, applied, policy),
        *_unwanted(desired, observed, applied, policy),
        *_unmanaged(desired, observed, applied, policy),
    ]
    if not actions:
        return Plan()
    actions = [_hold(action, policy, applied) for action in actions]
    rebound = _rebindings(actions, desired, observed, applied)
    actions = [*actions, *(_hold(action, policy, applied) for action in rebound)]
    return Plan(tuple(_without_ground(in_order(_with_needs(list(_hung(actions)), policy)))))


def _wanted(
    desired: Snapshot, observed: Snapshot, applied: Snapshot, policy: Policy
) -> Iterator[Action]:
    for ref, want in desired.items():
        have = observed.get(ref)
        last = applied.get(ref)
        if have is None:
            yield _creation(want, last, policy)
        elif (last is not None and last.spec == want.spec) and covers(have, want):
            yield from _again(want, have, policy)
        elif changes := tuple(differences(want, have, last, prune=policy.prune_unmanaged)):
            yield _alteration(want, have, last, changes)
        else:
            yield from _again(want, have, policy)


def _again(want: Resource, have: Resource, policy: Policy) -> Iterator[Action]:
    if want.ref in policy.again and want.ref not in policy.unable:
        ref, bot_id, why = want.ref, want.bot_id, "it takes its evaluation when it is made"
        cause, operation = Cause.EVALUATED, Operation.REPLACE
        yield Action(operation, ref, bot_id, cause, desired=want, observed=have, why=why)


def _creation(want: Resource, last: Resource | None, policy: Policy) -> Action:
    new = last is None or want.ref in policy.begun
    if new or (last is not None and not policy.restarted and last.spec != want.spec):
        cause = Cause.PENDING_CHANGE
    else:
        cause = Cause.RESTARTED if policy.restarted else Cause.DRIFTED
    changes = tuple(
        Change(name, None, value, name in want.masked) for name, value in sorted(want.spec.items())
    )
    return Action(Operation.CREATE, want.ref, want.bot_id, cause, changes, desired=want)


def _alteration(
    want: Resource, have: Resource, last: Resource | None, changes: tuple[Change, ...]
) -> Action:
    kind = get_kind(want.kind)
    reasons = [why for change in changes if (why := needs_replacing(want.kind, change))]
    return Action(
        Operation.REPLACE if reasons else Operation.UPDATE,
        want.ref,
        want.bot_id,
        Cause.DRIFTED if _desired_stood_still(kind, want, last, changes) else Cause.PENDING_CHANGE,
        changes,
        desired=want,
        observed=have,
        why="; ".join(reasons) or None,
    )


def _desired_stood_still(
    kind: Kind, want: Resource, last: Resource | None, changes: tuple[Change, ...]
) -> bool:
    if last is None:
        return False
    return all(
        _value(want, kind.field(c.field)) == _value(last, kind.field(c.field)) for c in changes
    )


def _value(resource: Resource, field_: Field) -> JSON:
    return resource.spec.get(field_.name, field_.default)


def _unwanted(
    desired: Snapshot, observed: Snapshot, applied: Snapshot, policy: Policy
) -> Iterator[Action]:
    """What was ours and is wanted no longer. What other bots still want is theirs from now on."""
    for ref, last in applied.items():
        if ref in desired:
            continue
        have = observed.get(ref)
        gone = have is None or ref in policy.keep or ref in policy.foreign
        operation = Operation.FORGET if gone else Operation.DELETE
        yield Action(operation, ref, last.bot_id, Cause.PENDING_CHANGE, observed=have)


def _unmanaged(
    desired: Snapshot, observed: Snapshot, applied: Snapshot, policy: Policy
) -> Iterator[Action]:
    for ref, have in observed.items():
        if ref not in desired and ref not in applied:
            why = policy.undeletable_ids.get(ref) if policy.prune_unmanaged else None
            deletes = policy.prune_unmanaged and why is None
            operation = Operation.DELETE if deletes else Operation.REPORT
            yield Action(operation, ref, have.bot_id, Cause.UNMANAGED, observed=have, why=why)
    for ref, want in desired.items():
        if ref in observed and not policy.prune_unmanaged:
            yield from _added(want, observed[ref], applied.get(ref))


def _added(want: Resource, have: Resource, last: Resource | None) -> Iterator[Action]:
    """Reports what others added to a mapping; what was ours and is declared no more just goes."""
    changes = []
    for field_ in get_kind(want.kind).mappings:
        ours = (last.spec.get(field_.name) or {}) if last is not None else {}
        if keys := [key for key in extra_keys(field_, want, have) if key not in ours]:
            before = {key: have.spec[field_.name][key] for key in keys}
            masked = field_.name in want.masked
            changes.append(Change(field_.name, before, dict.fromkeys(keys), masked))
    if changes:
        ref, cause = want.ref, Cause.UNMANAGED
        yield Action(Operation.REPORT, ref, want.bot_id, cause, tuple(changes), observed=have)


def _rebindings(
    actions: list[Action], desired: Snapshot, observed: Snapshot, applied: Snapshot
) -> Iterator[Action]:
    """Our relationships of what is replaced: undone before it, made again after it."""
    replaced = {a.ref for a in actions if a.operation is Operation.REPLACE and a.acts}
    if not replaced:
        return
    planned = {action.ref for action in actions}
    for ref, want in desired.items():
        if ref.kind != BINDING or ref in planned or ref not in observed:
            continue
        touched = sorted(str(r) for r in get_kind(BINDING).needs(want) if r in replaced)
        if touched:
            have, cause = observed[ref], _cause_of(actions, touched[0])
            why = f"{touched[0]} is replaced"
            yield Action(Operation.DELETE, ref, want.bot_id, cause, observed=have, why=why)
            again = Action(Operation.CREATE, ref, want.bot_id, cause, desired=want, why=why)
            yield again


def _cause_of(actions: list[Action], ref: str) -> Cause:
    return next(a.cause for a in actions if str(a.ref) == ref)


def _hold(action: Action, policy: Policy, applied: Snapshot) -> Action:
    """The action with the reason why it is not to be done now, if there is one."""
    if action.operation in (Operation.REPORT, Operation.FORGET):
        return action
    reason = policy.held.get(action.bot_id)
    if reason is None and action.operation is Operation.DELETE and action.why is None:
        reason = policy.frozen or policy.undeletable.get(action.bot_id)
        reason = reason or policy.undeletable_kinds.get(action.ref.kind)
    if reason is None and action.cause is Cause.PENDING_CHANGE and policy.waiting is not None:
        last = None if action.ref in policy.begun else applied.get(action.ref)
        healing = action.desired is not None and last is not None
        if not (healing and is_disturbed(last, action.observed)):
            reason = policy.waiting
    if reason is None and action.desired is not None:
        reason = policy.unable.get(action.ref) or policy.foreign.get(action.ref)
    return replace(action, skipped=reason) if reason is not None else action


def _hung(actions: list[Action]) -> Iterator[Action]:
    """Holds back what depends on something by a relationship that will not be made."""
    reasons = {
        end: action.skipped
        for action, end, _ in _dependencies(actions)
        if action.skipped is not None
    }
    for action in actions:
        hangs = action.operation is Operation.CREATE and action.ref in reasons and action.acts
        yield replace(action, skipped=reasons[action.ref]) if hangs else action


def _dependencies(actions: list[Action]) -> Iterator[tuple[Action, Ref, Ref]]:
    """Each dependency to be made, what depends, and on what."""
    for action in actions:
        if action.ref.kind != BINDING or action.operation is not Operation.CREATE:
            continue
        assert action.desired is not None
        if action.desired.spec["kind"] == "dependency":
            source, target = (
                Ref(*str(action.desired.spec[side]).split(":", 1)) for side in ("source", "target")
            )
            yield action, source, target


def _with_needs(actions: list[Action], policy: Policy) -> Iterator[Action]:
    """Each action with the Refs among `actions` that have to succeed before it.

    What depends on something needs it too: alone it would apply where it may not. What was renamed
    goes only once it is there under its new id.
    """
    made = {a.ref for a in actions if a.operation in (Operation.CREATE, Operation.REPLACE)}
    undone = [a for a in actions if a.operation is Operation.DELETE and a.ref.kind == BINDING]
    binders: dict[Ref, set[Ref]] = {}
    for action in undone:
        assert action.observed is not None
        for ref in get_kind(BINDING).needs(action.observed):
            binders.setdefault(ref, set()).add(action.ref)
    grounds: dict[Ref, set[Ref]] = {}
    for _, source, target in _dependencies(actions):
        grounds.setdefault(source, set()).add(target)
    for action in actions:
        needs: set[Ref] = set()
        if action.desired is not None:
            kind = get_kind(action.ref.kind)
            needs.update(ref for ref in kind.needs(action.desired) if ref in made)
        if action.operation is Operation.CREATE:
            needs.update(grounds.get(action.ref, set()) & made)
        if action.operation in (Operation.DELETE, Operation.REPLACE):
            needs.update(binders.get(action.ref, ()))
        if action.operation is Operation.DELETE and action.ref in policy.successors:
            needs.update({policy.successors[action.ref]} & made)
        yield replace(action, needs=frozenset(needs)) if needs else action


def _without_ground(actions: list[Action]) -> Iterator[Action]:
    """Holds back what needs something that will not be made, and says where that began."""
    unmade: dict[Ref, str] = {}
    for action in actions:
        if action.acts and (missing := sorted(action.needs & unmade.keys())):
            action = replace(action, skipped=unmade[missing[0]])
        if action.operation is Operation.CREATE and not action.acts:
            rests = action.skipped is not None and action.skipped.startswith(NEEDS)
            unmade[action.ref] = str(action.skipped) if rests else f"{NEEDS}{action.ref}"
        yield action
