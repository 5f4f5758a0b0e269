"""Applied sets, audit and leases, on every sort of store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otto_reconcile.model import Ref, Resource, Snapshot
from otto_reconcile.records.applied import Applied, AppliedSets, Epoch
from otto_reconcile.records.audit import Audit, Record
from otto_reconcile.records.events import utc
from otto_reconcile.records.leases import Leases
from otto_reconcile.records.rows.values import value_at
from otto_reconcile.store.base import Store
from otto_reconcile.store.memory import MemoryStore

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def record(number: int, **more: Any) -> Record:
    changes = ({"field": "metadata", "before": None, "after": {"a.b": 1}},)
    fields: dict[str, Any] = {
        "action_id": f"a{number}", "run_id": "r", "target": "t", "bot_id": "desk",
        "kind": "agent", "key": "desk", "operation": "create", "cause": "PendingChange",
        "changes": changes, "revision": 1, "started": NOON + timedelta(seconds=number // 2),
    }  # fmt: skip
    return Record(**{**fields, **more})


def test_applied_sets_come_back_as_they_went(store: Store) -> None:
    sets = AppliedSets(store)
    resource = Resource(
        "guideline", "desk.a", "desk", {"metadata": {"a.b": 1, "$x": None}, "tools": []},
        frozenset({"action"}), "remote-1",
    )  # fmt: skip
    applied = Applied(
        "desk", 3, "e1", Snapshot([resource]), frozenset({Ref("tag", "x"), Ref("agent", "desk")})
    )
    sets.save("t", [applied, Applied("other", 1, "e1")])
    sets.save("elsewhere", [Applied("desk", 9, "e2")])
    loaded = sets.load("t")
    assert loaded == {"desk": applied, "other": Applied("other", 1, "e1")}
    assert loaded["desk"].resources[resource.ref].remote_id == "remote-1"
    sets.drop("t", "desk")
    assert set(sets.load("t")) == {"other"}
    assert sets.load("elsewhere")["desk"].revision == 9


def test_a_damaged_set_is_left_out(store: Store) -> None:
    sets = AppliedSets(store)
    sets.save("t", [Applied("desk", 1, "e"), Applied("other", 1, "e")])
    store.swap("applied", {"target": "t", "bot_id": "desk"}, {"resources": "[["})
    assert set(sets.load("t")) == {"other"}


def test_epochs(store: Store) -> None:
    sets = AppliedSets(store)
    assert sets.epoch("t") is None
    sets.begin_epoch("t", Epoch("one", NOON))
    sets.begin_epoch("t", Epoch("two", NOON))
    assert sets.epoch("t") == Epoch("two", NOON)
    whole = Epoch("three", NOON, continues="two", watched=True, former=("one", "two"))
    sets.begin_epoch("t", whole)
    assert sets.epoch("t") == whole
    assert sets.epoch("elsewhere") is None


@pytest.mark.parametrize("field", ["continues", "watched", "former"])
def test_epoch_with_a_damaged_field_has_the_others(store: Store, field: str) -> None:
    whole = Epoch("one", NOON, continues="zero", watched=True, former=("zero",))
    AppliedSets(store).begin_epoch("t", whole)
    store.swap("epochs", {"target": "t"}, {field: 7 if field != "watched" else None})
    default = getattr(Epoch("", NOON), field)
    assert AppliedSets(store).epoch("t") == replace(whole, **{field: default})


def test_intent_and_outcome_are_one_record(store: Store) -> None:
    audit = Audit(store)
    audit.intend([record(1), record(2)])
    done = replace(record(1), outcome="succeeded", duration=0.25)
    store.batch([audit.writing([done]), AppliedSets(store).writing("t", [Applied("desk", 1, "e")])])
    assert audit.find() == [record(2), done]
    assert audit.close_open("t") == 1
    assert audit.close_open("t") == 0
    assert [(r.action_id, r.outcome) for r in audit.find()] == [
        ("a2", "unknown"), ("a1", "succeeded"),
    ]  # fmt: skip


def test_only_open_actions_of_the_target_are_closed(store: Store) -> None:
    audit = Audit(store)
    done = replace(record(3), outcome="failed", error="it said no")
    audit.intend([record(1), record(2, target="elsewhere"), done])
    assert audit.close_open("t") == 1
    found = {one.action_id: (one.outcome, one.error) for one in audit.find()}
    closed = found.pop("a1")
    assert closed == ("unknown", "the process ended between the call and its record")
    assert found == {"a2": (None, None), "a3": ("failed", "it said no")}


@pytest.mark.parametrize(
    ("observed", "kept"),
    [
        (2**63 - 1, 2**63 - 1), (2**63, "9223372036854775808"), (-(2**63), -(2**63)),
        (-(2**70), "-1180591620717411303424"), (float("inf"), "inf"), (True, True), (0.5, 0.5),
    ],
)  # fmt: skip
def test_a_number_that_a_target_says_never_stops_a_record(
    store: Store, observed: Any, kept: Any
) -> None:
    audit = Audit(store)
    change = {"field": "metadata", "before": {"k": [observed, {"d": observed}]}, "after": {"k": 1}}
    intent = record(1, changes=(change,))
    audit.intend([intent])
    audit.conclude([replace(intent, outcome="succeeded")])
    [found] = audit.find()
    assert found.outcome == "succeeded"
    assert found.changes == ({**change, "before": {"k": [kept, {"d": kept}]}},)


def test_an_applied_set_holds_numbers_of_any_size(store: Store) -> None:
    sets = AppliedSets(store)
    spec = {"metadata": {"k": 2**70}}
    applied = Applied("desk", 1, "e", Snapshot([Resource("guideline", "desk.a", "desk", spec)]))
    sets.save("t", [applied])
    assert sets.load("t") == {"desk": applied}


def test_records_are_found_newest_first_in_one_order(store: Store) -> None:
    audit = Audit(store)
    records = [record(n, bot_id=f"b{n % 2}", run_id=f"r{n // 3}") for n in range(6)]
    audit.intend(records[::-1])

    def found(**filters: Any) -> list[str]:
        return [r.action_id for r in audit.find(**filters)]

    assert found() == ["a5", "a4", "a3", "a2", "a1", "a0"]
    assert found(limit=2) == ["a5", "a4"]
    assert found(bot_id="b1") == ["a5", "a3", "a1"]
    assert found(run_id="r0") == ["a2", "a1", "a0"]
    second = NOON + timedelta(seconds=1)
    assert found(since=second) == ["a5", "a4", "a3", "a2"]
    assert found(until=second) == ["a1", "a0"]
    assert found(target="elsewhere") == []


def test_a_lease_has_one_holder_and_its_token_grows(store: Store) -> None:
    clock = [NOON]
    leases = Leases(store, lambda: clock[0], lambda: clock[0].timestamp())
    first = leases.acquire("t", "one", 10)
    assert first is not None
    assert leases.acquire("t", "two", 10) is None
    assert leases.current("t") == first
    clock[0] += timedelta(seconds=8)
    renewed = leases.renew(first, 10)
    assert renewed is not None
    assert renewed.expires == clock[0] + timedelta(seconds=10)
    assert leases.current("t") == renewed
    clock[0] += timedelta(seconds=11)
    assert leases.current("t") is None
    second = leases.acquire("t", "two", 10)
    assert second is not None
    assert second.token > first.token
    assert leases.renew(renewed, 10) is None
    leases.release(renewed)
    assert leases.current("t") == second
    leases.release(second)
    third = leases.acquire("t", "one", 10)
    assert third is not None
    assert third.token > second.token
    assert leases.renew(first, 10) is None


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
def test_leases_need_no_clocks_that_agree(store: Store, ahead: timedelta) -> None:
    passed = [0.0]

    def on_host(offset: timedelta) -> Leases:
        clock = (lambda: NOON + offset + timedelta(seconds=passed[0]), lambda: passed[0])
        return Leases(store, *clock)

    writer, reader = on_host(ahead), on_host(timedelta())
    lease = writer.acquire("t", "writer", 15)
    for _ in range(4):  # as long as it is renewed, nobody else has it
        assert reader.acquire("t", "reader", 15) is None
        passed[0] += 10
        assert lease is not None
        lease = writer.renew(lease, 15)
    assert reader.acquire("t", "reader", 15) is None
    passed[0] += 14
    assert reader.acquire("t", "reader", 15) is None
    passed[0] += 1
    taken = reader.acquire("t", "reader", 15)
    assert taken is not None
    assert lease is not None
    assert taken.token > lease.token
    assert writer.renew(lease, 15) is None
    reader.release(taken)
    assert writer.acquire("t", "writer", 15) is not None


def test_leases_of_earlier_versions_and_damaged_ones_run_out(store: Store) -> None:
    later = NOON + timedelta(hours=1)
    store.insert("leases", [{"target": "t", "holder": "x", "token": 7, "expires": later}])
    store.insert("leases", [{"target": "u", "holder": 5, "token": "seven"}])
    passed = [0.0]
    leases = Leases(store, lambda: NOON, lambda: passed[0])
    for target, token in (("t", 8), ("u", 1)):
        assert leases.acquire(target, "one", 15) is None
        passed[0] += 15
        taken = leases.acquire(target, "one", 15)
        assert taken is not None
        assert taken.token == token


class Behind(MemoryStore):
    """Shows `find` in the state of a moment ago, as two that ask at once see it."""

    shown: list[dict[str, Any]] | None = None

    def find(self, collection: str, *args: Any, **options: Any) -> list[dict[str, Any]]:
        found = super().find(collection, *args, **options)
        return found if self.shown is None or collection != "leases" else self.shown


@pytest.mark.parametrize("token", [7, "seven"])
def test_of_two_that_take_a_free_lease_at_once_one_has_it(token: Any) -> None:
    store = Behind()
    store.insert("leases", [{"target": "t", "holder": "", "token": token, "beat": "b"}])
    one, two = (Leases(store, lambda: NOON, lambda: 0.0) for _ in range(2))
    store.shown = store.find("leases")
    first = one.acquire("t", "one", 15)
    assert first is not None
    assert two.acquire("t", "two", 15) is None
    store.shown = None
    assert (stored := store.find("leases")[0])["holder"] == "one"
    assert stored["token"] == first.token


def test_lease_over_a_lost_token_is_above_all_that_was_written(store: Store) -> None:
    sets, desk = AppliedSets(store), Applied("desk", 1, "e")
    store.batch([sets.writing("t", [desk, replace(desk, bot_id="other")], token=41)])
    store.batch([sets.writing("elsewhere", [desk], token=99)])
    store.insert("leases", [{"target": "t", "holder": "", "token": "lost"}])
    taken = Leases(store).acquire("t", "one", 15)
    assert taken is not None
    assert 41 < taken.token < 99
    assert taken.holder == "one"
    assert (current := Leases(store).current("t")) is not None
    assert (current.holder, current.token) == ("one", taken.token)


def test_released_lease_says_since_when(store: Store) -> None:
    clock = [NOON]
    leases = Leases(store, lambda: clock[0], lambda: clock[0].timestamp())
    lease = leases.acquire("t", "one", 15)
    assert lease is not None
    clock[0] += timedelta(seconds=3)
    leases.release(lease)
    (stored,) = store.find("leases")
    assert (stored["holder"], utc(stored["expires"])) == ("", clock[0])
    assert leases.current("t") is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "N"), ("terms/t.1/description", "D"), ("tools/1", "b"), ("tools/2", None),
        ("values/a~1b/c~0d", 1), ("values/a/b", None), ("services/S/url", "u"),
        ("capabilities/Lend/description", "L"), ("name/x", None), ("tools/x", None),
    ],
)  # fmt: skip
def test_value_is_found_at_its_path(path: str, value: Any) -> None:
    document = {
        "name": "N",
        "terms": [{"id": "t.1", "description": "D"}],
        "tools": ["a", "b"],
        "values": {"a/b": {"c~d": 1}},
        "services": [{"name": "S", "url": "u"}],
        "capabilities": [{"title": "Lend", "description": "L"}],
    }
    assert value_at(document, path) == value
