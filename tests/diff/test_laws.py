"""The laws of the diff, for any bots: it converges, it spares what is not ours, it keeps order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from otto_reconcile.diff import Policy, plan
from otto_reconcile.model import Bot, Ref, Relationship, Snapshot, make, snapshot_of
from otto_reconcile.planning.plan import Cause, Operation
from tests.diff.bots import bots, texts
from tests.diff.model import Model, _filled
from tests.support.examples import examples

FOREIGN = Snapshot(
    [
        make("agent", "stranger", "stranger", {"name": "Not ours"}),
        make("guideline", "desk.by-hand", "desk", {"condition": "somebody typed this"}),
        make("guideline", "stranger.x", "stranger", {"condition": "theirs"}),
    ]
)


def on_target(*bots: Bot) -> Snapshot:
    """What a target holds after exactly these bots were put on it."""
    return Snapshot(_filled(resource) for resource in snapshot_of(*bots).values())


@st.composite
def drifted(draw: st.DrawFn, snapshot: Snapshot) -> Snapshot:
    """A target to which things happened: some resources are gone, some texts are others."""
    kept = []
    for resource in snapshot.values():
        fate = draw(st.sampled_from(["kept", "kept", "changed", "gone"]))
        if fate == "gone" and resource.kind in ("agent", "tag"):
            fate = "kept"  # a target never holds a part whose agent was never there
        if fate == "changed" and "description" in resource.spec:
            resource = replace(resource, spec={**resource.spec, "description": draw(texts)})
        if fate != "gone":
            kept.append(resource)
    present = {resource.ref for resource in kept}
    whole = [
        r for r in kept if r.kind != "relationship" or _ends(r.spec) <= present
    ]  # a relationship goes with its ends
    return Snapshot(whole)


def _ends(spec: object) -> set[Ref]:
    assert isinstance(spec, dict)
    sides = (spec["source"].partition(":"), spec["target"].partition(":"))
    return {Ref(kind, name) for kind, _, name in sides}


@st.composite
def situations(draw: st.DrawFn) -> tuple[Snapshot, Snapshot, Snapshot]:
    """Desired, observed, applied: an older bot was applied and drifted, a newer is wanted."""
    older, newer = draw(bots()), draw(bots())
    applied = snapshot_of(older) if draw(st.booleans()) else Snapshot()
    before = on_target(older) if applied else Snapshot()
    observed = draw(drifted(before)) | FOREIGN
    desired = snapshot_of(newer) if draw(st.booleans()) or not applied else Snapshot()
    return desired, observed, applied


@settings(max_examples=examples(80), deadline=None)
@given(situations())
def test_applying_a_plan_leaves_nothing_to_plan(situation):
    desired, observed, applied = situation
    target = Model(observed)
    target.apply(plan(desired, observed, applied))
    again = plan(desired, target.snapshot(), desired)
    assert again.in_sync, again
    for ref, want in desired.items():
        have = target.held[ref].spec
        for name, value in want.spec.items():
            if name == "metadata":
                assert value.items() <= have[name].items()
            else:
                assert have[name] == value
    assert not {ref for ref in applied if ref not in desired} & target.held.keys()


@settings(max_examples=examples(60), deadline=None)
@given(situations(), st.booleans())
def test_what_is_not_ours_is_never_touched(situation, restarted):
    desired, observed, applied = situation
    target = Model(observed)
    result = plan(desired, observed, applied, Policy(restarted=restarted))
    target.apply(result)
    for ref, theirs in observed.items():
        if ref not in desired and ref not in applied:
            assert target.held[ref] == theirs
            reports = [a for a in result if a.ref == ref]
            assert [a.operation for a in reports] == [Operation.REPORT]


@settings(max_examples=examples(40), deadline=None)
@given(situations())
def test_a_frozen_plan_deletes_nothing(situation):
    desired, observed, applied = situation
    frozen = plan(desired, observed, applied, Policy(frozen="replaying"))
    for action in frozen.acting:
        assert action.operation is not Operation.DELETE or action.why is not None
    held_back = {a.ref for a in frozen.skipped}
    free = plan(desired, observed, applied)
    assert held_back == {
        a.ref for a in free.acting if a.operation is Operation.DELETE and a.why is None
    }


@settings(max_examples=examples(40), deadline=None)
@given(situations())
def test_the_order_of_the_input_does_not_show(situation):
    desired, observed, applied = situation
    turned = [Snapshot(reversed(list(s.values()))) for s in situation]
    assert plan(desired, observed, applied) == plan(*turned)


@settings(max_examples=examples(40), deadline=None)
@given(bots())
def test_a_restart_is_told_from_drift_and_from_a_change(bot):
    desired = snapshot_of(bot)
    lost = Snapshot()
    causes = {
        "restart": plan(desired, lost, desired, Policy(restarted=True)),
        "drift": plan(desired, lost, desired),
        "change": plan(desired, lost, lost),
    }
    assert {a.cause for a in causes["restart"]} == {Cause.RESTARTED}
    assert {a.cause for a in causes["drift"]} == {Cause.DRIFTED}
    assert {a.cause for a in causes["change"]} == {Cause.PENDING_CHANGE}
    assert {len(p) for p in causes.values()} == {len(desired)}


@settings(max_examples=examples(40), deadline=None)
@given(bots(), bots())
def test_a_held_bot_is_compared_but_left_alone(older, newer):
    desired, applied = snapshot_of(newer), snapshot_of(older)
    result = plan(desired, on_target(older), applied, Policy(held={"desk": "suspended"}))
    assert not result.acting
    assert all(a.skipped == "suspended" for a in result if a.operation is not Operation.FORGET)


def scoped() -> Bot:
    return Bot(
        id="desk",
        name="Desk",
        guidelines=[
            {"id": "desk.urgent", "condition": "It cannot wait"},
            {"id": "desk.calm", "condition": "They are angry"},
        ],
        journeys=[
            {"id": "desk.visit", "title": "Visit", "description": "A time", "conditions": ["Visit"]}
        ],
        relationships=[
            {
                "kind": "dependency",
                "source": "guideline:desk.urgent",
                "target": "journey:desk.visit",
            },
            {
                "kind": "priority",
                "source": "guideline:desk.urgent",
                "target": "guideline:desk.calm",
            },
        ],
    )


def test_guideline_is_not_made_without_its_journey():
    bot = scoped()
    unable = {Ref("journey", "desk.visit"): "it cannot hold states"}
    target = Model(Snapshot())
    result = plan(snapshot_of(bot), Snapshot(), Snapshot(), Policy(unable=unable))
    target.apply(result)
    assert {str(ref) for ref in target.held} == {"agent/desk", "guideline/desk.calm"}
    reasons = {a.ref.key: a.skipped for a in result.skipped}
    assert reasons["desk.urgent"] == "it needs journey/desk.visit"


def test_guideline_is_made_after_its_journey_or_not_at_all():
    actions = plan(snapshot_of(scoped()), Snapshot(), Snapshot()).acting
    order = [action.ref.key for action in actions if action.ref.kind in ("guideline", "journey")]
    assert order == ["desk.calm", "desk.visit", "desk.urgent"]
    assert Ref("journey", "desk.visit") in actions[-3].needs


def test_a_guideline_is_made_after_another_that_it_depends_on():
    bot = scoped()
    ends = {"source": "guideline:desk.calm", "target": "guideline:desk.urgent"}
    bot = bot.model_copy(
        update={"relationships": [*bot.relationships, Relationship(kind="dependency", **ends)]}
    )
    actions = plan(snapshot_of(bot), Snapshot(), Snapshot()).acting
    order = [action.ref.key for action in actions if action.ref.kind in ("guideline", "journey")]
    assert order == ["desk.visit", "desk.urgent", "desk.calm"]
    calm = next(action for action in actions if action.ref.key == "desk.calm")
    assert Ref("guideline", "desk.urgent") in calm.needs


def test_what_depends_in_a_ring_is_planned_all_the_same():
    ends = [("desk.calm", "desk.urgent"), ("desk.urgent", "desk.calm")]
    ring = [
        Relationship(kind="dependency", source=f"guideline:{one}", target=f"guideline:{other}")
        for one, other in ends
    ]
    bot = scoped().model_copy(update={"relationships": ring})
    assert len(plan(snapshot_of(bot), Snapshot(), Snapshot()).acting) == len(snapshot_of(bot))
