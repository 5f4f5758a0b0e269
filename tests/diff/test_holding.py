"""What holds an action back, what comes again though nothing differs, and what others added."""

from __future__ import annotations

from typing import Any

import pytest

from otto_reconcile.diff import Policy, plan
from otto_reconcile.model import Bot, Guideline, Ref, Relationship, Resource, Snapshot, snapshot_of
from otto_reconcile.planning.compare import differences
from otto_reconcile.planning.plan import Action, Cause, Operation, Plan

BASE, NEXT = Ref("guideline", "desk.base"), Ref("guideline", "desk.next")


def bot(**more: Any) -> Bot:
    guidelines = [
        Guideline(id="desk.base", condition="They ask", action="Answer"),
        Guideline(id="desk.next", condition="They ask on", action="Answer again"),
    ]
    return Bot(id="desk", name="Desk", **{"guidelines": guidelines, **more})


def depending() -> Bot:
    link = Relationship(
        kind="dependency", source="guideline:desk.next", target="guideline:desk.base"
    )
    return bot(relationships=[link])


def binding_of(snapshot: Snapshot) -> Ref:
    return next(ref for ref in snapshot if ref.kind == "relationship")


def only(found: Plan, ref: Ref) -> Action:
    (action,) = [action for action in found if action.ref == ref]
    return action


def changed(snapshot: Snapshot, ref: Ref, **spec: Any) -> Snapshot:
    """The same with other fields in one resource."""
    one = snapshot[ref]
    other = Resource(one.kind, one.key, one.bot_id, {**one.spec, **spec}, one.masked, "r-1")
    return Snapshot(other if resource.ref == ref else resource for resource in snapshot.values())


def test_what_takes_an_evaluation_is_made_again() -> None:
    there = snapshot_of(bot())
    action = only(plan(there, there, there, Policy(again=frozenset({BASE}))), BASE)
    assert (action.operation, action.cause) == (Operation.REPLACE, Cause.EVALUATED)
    assert (action.bot_id, action.desired, action.observed) == ("desk", there[BASE], there[BASE])
    assert action.why == "it takes its evaluation when it is made"
    without = Policy(again=frozenset({BASE}), unable={BASE: "no"})
    assert not plan(there, there, there, without)


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Policy(held={"desk": "suspended"}), "suspended"),
        (Policy(frozen="not now"), "not now"),
        (Policy(undeletable={"desk": "too many"}), "too many"),
        (Policy(undeletable_kinds={"guideline": "lost"}), "lost"),
        (Policy(undeletable_kinds={"journey": "lost"}), None),
        (Policy(undeletable={"other": "too many"}), None),
        (Policy(unable={BASE: "it cannot"}), None),
    ],
)
def test_a_deletion_is_held_back_for_its_reason_alone(policy: Policy, why: str | None) -> None:
    there = snapshot_of(bot())
    gone = Snapshot(one for ref, one in there.items() if ref != BASE)
    action = only(plan(gone, there, there, policy), BASE)
    assert (action.operation, action.skipped, action.acts) == (Operation.DELETE, why, why is None)


@pytest.mark.parametrize("field", ["unable", "foreign"])
def test_what_cannot_be_made_says_why_and_leaves_the_rest(field: str) -> None:
    there = snapshot_of(bot())
    found = plan(there, Snapshot(), Snapshot(), Policy(**{field: {BASE: "it is another's"}}))
    assert only(found, BASE).skipped == "it is another's"
    assert only(found, NEXT).acts


def test_what_depends_on_what_is_not_made_waits_for_it() -> None:
    there = snapshot_of(depending())
    link = binding_of(there)
    held = plan(there, Snapshot(), Snapshot(), Policy(unable={link: "no such kind"}))
    assert only(held, NEXT).skipped == "no such kind"  # alone it would apply where it may not
    assert only(held, BASE).acts
    missing = plan(there, Snapshot(), Snapshot(), Policy(unable={BASE: "too long"}))
    told = {str(action.ref): action.skipped for action in missing if not action.acts}
    assert told[str(NEXT)] == told[str(link)]
    assert str(BASE) in str(told[str(NEXT)])
    assert BASE in only(missing, NEXT).needs


def test_relationship_of_what_is_replaced_is_made_again() -> None:
    wanted = snapshot_of(depending())
    link = binding_of(wanted)
    found = plan(wanted, wanted, wanted, Policy(again=frozenset({BASE})))
    steps = [(action.operation, action.ref) for action in found]
    assert steps == [
        (Operation.DELETE, link), (Operation.REPLACE, BASE), (Operation.CREATE, link),
    ]  # fmt: skip
    assert all(action.bot_id == "desk" for action in found)
    undone, replaced, again = found
    assert link in replaced.needs
    assert BASE in again.needs
    assert undone.why == again.why == f"{BASE} is replaced"
    held = plan(wanted, wanted, wanted, Policy(again=frozenset({BASE}), held={"desk": "rests"}))
    assert [action.ref for action in held] == [BASE]


def test_keys_that_others_added_are_reported_or_pruned() -> None:
    metadata = {"ours": 1}
    wanted = snapshot_of(bot(guidelines=[
        Guideline(id="desk.base", condition="c", action="a", metadata=metadata)
    ]))  # fmt: skip
    there = changed(wanted, BASE, metadata={**metadata, "mine": 2, "yours": 3})
    action = only(plan(wanted, there, wanted), BASE)
    assert (action.operation, action.cause) == (Operation.REPORT, Cause.UNMANAGED)
    (change,) = action.changes
    assert (change.field, change.before) == ("metadata", {"mine": 2, "yours": 3})
    assert change.after == {"mine": None, "yours": None}
    assert (action.bot_id, action.observed) == ("desk", there[BASE])
    pruned = only(plan(wanted, there, wanted, Policy(prune_unmanaged=True)), BASE)
    (change,) = pruned.changes
    assert pruned.operation is Operation.UPDATE
    assert change.before == {"mine": 2, "yours": 3}
    assert set(change.after) == {"mine", "yours"}
    # What was ours and is declared no more just goes, and is nobody else's.
    before = changed(wanted, BASE, metadata={**metadata, "mine": 2, "yours": 3})
    assert only(plan(wanted, there, before), BASE).operation is Operation.UPDATE


def test_unmanaged_thing_that_no_call_can_delete_is_reported() -> None:
    stray = Resource("guideline", "..", "desk", {"condition": "c"}, frozenset(), "..")
    there = Snapshot([*snapshot_of(bot()).values(), stray])
    wanted = snapshot_of(bot())
    for prune, operation, why in (
        (False, Operation.REPORT, None), (True, Operation.REPORT, "its id leads elsewhere"),
    ):  # fmt: skip
        policy = Policy(
            prune_unmanaged=prune, undeletable_ids={stray.ref: "its id leads elsewhere"}
        )
        action = only(plan(wanted, there, wanted, policy), stray.ref)
        assert (action.operation, action.why) == (operation, why)
    pruned = only(plan(wanted, there, wanted, Policy(prune_unmanaged=True)), stray.ref)
    assert (pruned.operation, pruned.acts) == (Operation.DELETE, True)


def guideline(masked: frozenset[str] = frozenset(), **spec: Any) -> Resource:
    return Resource("guideline", "desk.base", "desk", {"condition": "c", **spec}, masked, "r")


def test_field_that_could_not_be_seen_is_as_it_was_last() -> None:
    want = guideline(action="new", tools=["a"])
    have = Resource(
        "guideline", "desk.base", "desk", {"condition": "c", "action": "new"}, frozenset(), "r",
        frozenset({"tools"}),
    )  # fmt: skip
    assert not list(differences(want, have, guideline(action="old", tools=["a"])))
    (change,) = differences(want, have, guideline(action="old", tools=["b"]))
    assert (change.field, change.before, change.after) == ("tools", ["b"], ["a"])


@pytest.mark.parametrize(
    ("now", "before", "masked"),
    [({"action"}, set(), True), (set(), {"action"}, True), (set(), set(), False)],
)
def test_change_of_a_secret_is_masked_whichever_side_has_it(
    now: set[str], before: set[str], masked: bool
) -> None:
    last = guideline(frozenset(before), action="was")
    (change,) = differences(guideline(frozenset(now), action="new"), guideline(action="old"), last)
    assert change.masked is masked


def test_field_that_only_a_newer_version_knows_is_passed_over() -> None:
    last = guideline(action="was", aaa="of a newer version")
    (change,) = differences(guideline(action="new"), guideline(action="was"), last)
    assert change.field == "action"
    assert not list(differences(guideline(action="new"), guideline(), fields=["condition"]))


def test_outside_of_a_window_what_others_broke_is_healed() -> None:
    """A change waits; a customer does not: what was taken away or altered comes as it is wanted."""
    applied = snapshot_of(bot())
    wanted = changed(changed(applied, BASE, action="New"), NEXT, action="New")
    policy = Policy(waiting="later")
    assert {a.skipped for a in plan(wanted, applied, applied, policy)} == {"later"}
    gone = Snapshot(one for ref, one in applied.items() if ref != BASE)
    found = plan(wanted, gone, applied, policy)
    assert (only(found, BASE).operation, only(found, BASE).skipped) == (Operation.CREATE, None)
    assert only(found, NEXT).skipped == "later"
    altered = changed(applied, BASE, condition="EVIL")
    found = plan(wanted, altered, applied, policy)
    assert (only(found, BASE).operation, only(found, BASE).skipped) == (Operation.UPDATE, None)
    assert only(found, NEXT).skipped == "later"
    never = plan(wanted, Snapshot(), Snapshot(), policy)
    assert {action.skipped for action in never} == {"later"}, "a new bot waits"
    begun = plan(wanted, gone, applied, Policy(waiting="later", begun=frozenset({BASE})))
    assert only(begun, BASE).skipped == "later", "what was never whole does too"
