"""What every store promises (store/base.py), asked of each of them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from otto_reconcile.errors import Conflict, PermanentError, StoreUnavailable
from otto_reconcile.store.base import Store, Write

NOON = datetime(2026, 5, 4, 12, 0, 0, 123000, tzinfo=UTC)


def event(bot_id: str, revision: int, **more: Any) -> dict[str, Any]:
    return {"bot_id": bot_id, "revision": revision, **more}


def keys(documents: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(d["bot_id"], d["revision"]) for d in documents]


def test_a_document_comes_back_as_it_went(store: Store) -> None:
    document = event(
        "a", 1, time=NOON, none=None, yes=True, no=False, number=1.5, big=2**53, text="ü\n☃",
        nested={"list": [1, "two", None, {"three": []}], "empty": {}, "when": [NOON]},
    )  # fmt: skip
    store.insert("events", [document])
    assert store.find("events") == [document]


def test_times_are_utc_in_whole_milliseconds(store: Store) -> None:
    odd = datetime(2026, 1, 1, 2, 0, 0, 999999, tzinfo=timezone(timedelta(hours=2)))
    store.insert("events", [event("a", 1, time=odd)])
    found = store.find("events")[0]["time"]
    assert found == datetime(2026, 1, 1, 0, 0, 0, 999000, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("key", ["plain", "with.dot", "$dollar", "ü", "", "$date"])
def test_keys_of_all_sorts_inside_a_document(store: Store, sort: str, key: str) -> None:
    document = event("a", 1, inner={key: "value"})
    if (sort, key) in REFUSED_KEYS:
        with pytest.raises(StoreUnavailable):
            store.insert("events", [document])
        return
    store.insert("events", [document])
    assert store.find("events") == [document]


REFUSED_KEYS = {("ferret", "with.dot"), ("ferret", "$dollar"), ("ferret", "$date")}
"""What a server cannot hold, though MongoDB from 5.0 on can."""


def test_what_is_given_is_not_changed_and_what_is_got_is_a_copy(store: Store) -> None:
    document = event("a", 1, inner={"x": [1]})
    store.insert("events", [document])
    assert document == event("a", 1, inner={"x": [1]})
    store.find("events")[0]["inner"]["x"].append(2)
    assert store.find("events") == [document]


def test_a_key_that_is_there_is_a_conflict(store: Store) -> None:
    store.insert("events", [event("a", 1, who="first")])
    with pytest.raises(Conflict):
        store.insert("events", [event("a", 1, who="second")])
    assert store.find("events") == [event("a", 1, who="first")]


def test_others_collections_may_hold_duplicates(store: Store) -> None:
    rows = [{"bot_id": "a", "name": "one"}, {"bot_id": "a", "name": "two"}]
    store.insert("bots", rows)
    assert len(store.find("bots", {"bot_id": "a"})) == 2
    store.put("bots", [{"bot_id": "a", "name": "three"}])
    names = sorted(row["name"] for row in store.find("bots"))
    assert len(names) == 2
    assert "three" in names


@pytest.mark.parametrize("collection", ["heads", "bots"])
def test_put_replaces_wholly_and_can_be_done_again(store: Store, collection: str) -> None:
    store.put(collection, [{"bot_id": "a", "x": 1}, {"bot_id": "b", "x": 1}])
    for _ in range(2):
        store.put(collection, [{"bot_id": "a", "y": 2}])
    found = store.find(collection, order=[("bot_id", 1)])
    assert found == [{"bot_id": "a", "y": 2}, {"bot_id": "b", "x": 1}]


def test_put_by_several_keys(store: Store) -> None:
    rows = [{"bot_id": "a", "guideline_id": "g", "tool_name": t, "n": 1} for t in ("x", "y")]
    store.put("tool_mappings", rows)
    store.put("tool_mappings", [{**rows[0], "n": 2}])
    found = store.find("tool_mappings", order=[("tool_name", 1)])
    assert found == [{**rows[0], "n": 2}, rows[1]]


def test_swap_changes_one_that_fits_and_only_then(store: Store) -> None:
    store.insert("leases", [{"target": "t", "token": 1, "expires": NOON}])
    assert not store.swap("leases", {"target": "t", "token": 2}, {"token": 9})
    assert store.swap("leases", {"target": "t", "expires": NOON}, {"token": 2, "new": [1]})
    assert store.find("leases") == [{"target": "t", "token": 2, "expires": NOON, "new": [1]}]


def test_swap_to_the_same_value_is_a_success(store: Store) -> None:
    store.insert("leases", [{"target": "t", "token": 1}])
    assert store.swap("leases", {"target": "t"}, {"token": 1})


def test_of_many_threads_each_generation_has_one_winner(store: Store, sort: str) -> None:
    store.insert("leases", [{"target": "t", "token": 0}])
    replaced: list[int] = []

    def compete() -> None:
        for _ in range(20):
            token = store.find("leases")[0]["token"]
            if store.swap("leases", {"target": "t", "token": token}, {"token": token + 1}):
                replaced.append(token)

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    generations = list(range(store.find("leases")[0]["token"]))
    if sort in ("ferret", "mongomock"):  # their updates are not atomic: no leases for them
        assert set(replaced) >= set(generations)
    else:
        assert sorted(replaced) == generations


def test_delete_says_how_many(store: Store) -> None:
    store.insert("events", [event("a", 1), event("a", 2), event("b", 1)])
    assert store.delete("events", {"bot_id": "a"}) == 2
    assert store.delete("events", {"bot_id": "a"}) == 0
    assert keys(store.find("events")) == [("b", 1)]
    store.insert("events", [event("a", 1)])
    assert store.delete("events", {}) == 2


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [1, 2, 3, 4]),
    ({"bot_id": "a"}, [1, 2, 3, 4]),
    ({"bot_id": "z"}, []),
    ({"n": {"$gt": 2}}, [3]),
    ({"n": {"$gte": 2}}, [2, 3]),
    ({"n": {"$lt": 2}}, [1]),
    ({"n": {"$gte": 1, "$lt": 3}}, [1, 2]),
    ({"n": {"$in": [1, 3, 7]}}, [1, 3]),
    ({"n": {"$in": []}}, []),
    ({"n": {"$ne": 2}}, [1, 3, 4]),
    ({"n": None}, [4]),
    ({"n": {"$ne": None}}, [1, 2, 3]),
    ({"n": {"$in": [None, 1]}}, [1, 4]),
    ({"time": {"$gte": NOON}}, [2, 3]),
    ({"time": {"$gt": NOON}}, [3]),
    ({"time": {"$lt": NOON}}, [1]),
    ({"time": NOON}, [2]),
    ({"word": {"$gt": "a"}}, [2, 3]),
    ({"flag": True}, [1]),
    ({"flag": False}, [2]),
    ({"flag": {"$ne": True}, "n": {"$gt": 0}}, [2, 3]),
]


@pytest.mark.parametrize(("where", "expected"), FILTERS)
def test_filters(store: Store, where: dict[str, Any], expected: list[int]) -> None:
    second = timedelta(milliseconds=1)
    store.insert(
        "events",
        [
            event("a", 1, n=1, time=NOON - second, word="a", flag=True),
            event("a", 2, n=2, time=NOON, word="b", flag=False),
            event("a", 3, n=3, time=NOON + second, word="ü", flag=None),
            event("a", 4),
        ],
    )
    assert sorted(d["revision"] for d in store.find("events", where)) == expected


def test_order_limit_and_fields(store: Store) -> None:
    store.insert("events", [event(b, r, x=1) for b in ("b", "a") for r in (2, 10, 1)])
    up = store.find("events", order=[("bot_id", 1), ("revision", -1)])
    assert keys(up) == [("a", 10), ("a", 2), ("a", 1), ("b", 10), ("b", 2), ("b", 1)]
    top = store.find("events", {"bot_id": "b"}, order=[("revision", -1)], limit=2)
    assert keys(top) == [("b", 10), ("b", 2)]
    some = store.find("events", order=[("bot_id", 1), ("revision", 1)], limit=1, fields=["x", "no"])
    assert some == [{"x": 1}]


def test_a_batch_does_all_in_order(store: Store) -> None:
    store.insert("bots", [{"bot_id": "old"}])
    store.batch(
        [
            Write("insert", "events", [event("a", 1)]),
            Write("delete", "bots", [{"bot_id": "old"}, {"bot_id": "none"}]),
            Write("put", "bots", [{"bot_id": "a"}]),
            Write("put", "heads", []),
        ]
    )
    assert store.find("events") == [event("a", 1)]
    assert store.find("bots") == [{"bot_id": "a"}]


def test_conflict_undoes_a_whole_batch_of_an_atomic_store(store: Store) -> None:
    store.insert("events", [event("a", 1)])
    with pytest.raises(Conflict):
        store.batch(
            [Write("put", "bots", [{"bot_id": "a"}]), Write("insert", "events", [event("a", 1)])]
        )
    assert len(store.find("bots")) == (0 if store.atomic else 1)


def test_a_larger_token_stands_against_a_smaller_one(store: Store) -> None:
    def applied(bot_id: str, token: int, **more: Any) -> dict[str, Any]:
        return {"target": "t", "bot_id": bot_id, "token": token, **more}

    def supersede(*documents: dict[str, Any]) -> None:
        store.batch([Write("supersede", "applied", documents)])

    store.put("applied", [{"target": "t", "bot_id": "unfenced"}])
    supersede(applied("unfenced", 3), applied("new", 3))
    supersede(applied("new", 3, again=True))
    supersede(applied("unfenced", 4))
    with pytest.raises(Conflict):
        supersede(applied("unfenced", 3, late=True))
    now = store.find("applied", order=[("bot_id", 1)])
    assert now == [applied("new", 3, again=True), applied("unfenced", 4)]


def test_size_changes_with_every_insert(store: Store) -> None:
    sizes = [store.size("events")]
    for revision in range(1, 4):
        store.insert("events", [event("a", revision)])
        sizes.append(store.size("events"))
    assert sizes == sorted(set(sizes))


def test_nothing_to_write_is_nothing(store: Store) -> None:
    store.insert("events", [])
    store.put("bots", [])
    store.batch([])
    assert store.find("events") == []


def nested(levels: int) -> Any:
    value: Any = "core"
    for at in range(levels):
        value = [value] if at % 2 else {"in": value}
    return value


UNFIT: dict[str, Any] = {
    "a reference": {"link": {"$ref": "a", "$id": "b"}},
    "more than 64 bits": {"n": [2**63]},
    "not a number": {"n": float("nan")},
    "infinite": {"n": -float("inf")},
    "bytes": {"raw": b"x"},
    "a set": {"some": {1}},
    "a key that is no text": {1: "one"},
    "NUL in a key": {"a\0b": 1},
    "half a character": {"text": "x\ud800"},
    "half a character in a key": {"\udc00": 1},
    "too deep": nested(95),
    "too large": {"text": ["x" * 1024 * 1024] * 16},
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_would_not_come_back_is_refused_by_all(store: Store, what: str) -> None:
    bad = event("a", 1, inner=UNFIT[what])
    for write in (
        lambda: store.insert("events", [event("b", 1), bad]),
        lambda: store.put("events", [bad]),
        lambda: store.batch([Write("insert", "events", [bad])]),
    ):
        with pytest.raises(PermanentError, match=r"cannot be stored: (inner|it is)"):
            write()
    store.put("applied", [{"target": "t", "bot_id": "a", "token": 1}])
    with pytest.raises(PermanentError, match="cannot be stored"):
        store.batch(
            [Write("supersede", "applied", [{"target": "t", "bot_id": "a", "token": 2, **bad}])]
        )
    with pytest.raises(PermanentError, match="cannot be stored"):
        store.swap("applied", {"target": "t"}, {"inner": UNFIT[what]})
    assert keys(store.find("events")) in ([], [("b", 1)])
    assert store.find("applied") == [{"target": "t", "bot_id": "a", "token": 1}]


def test_what_is_too_large_as_bson_alone_is_refused_by_all(store: Store) -> None:
    """Of JSON it would not be too large. One write for all: a million values take their time."""
    with pytest.raises(PermanentError, match="cannot be stored: it is too large"):
        store.batch([Write("insert", "events", [event("a", 1, inner=[1] * 1_100_000)])])
    assert store.find("events") == []


def test_what_is_only_odd_comes_back_as_it_went(store: Store, sort: str) -> None:
    if sort == "ferret":
        pytest.skip("it refuses keys with a dollar sign")
    odd = {
        "schema": {"$ref": "#/definitions/x"}, "$id": 1, "$where": {"$gt": ""}, "a.b": {"": 0},
        "text": "\0 \x1b \u2028 \U0001f600", "least": -(2**63), "most": 2**63 - 1,
        "deep": nested(80), "small": 5e-324, "date": {"$date": "2026"}, "\u00e9": 1, "e\u0301": 2,
    }  # fmt: skip
    store.insert("events", [event("a", 1, odd=odd, zero=-0.0)])
    (found,) = store.find("events")
    assert found == event("a", 1, odd=odd, zero=0.0)
    assert str(found["zero"]) == "-0.0"


def test_unknown_collections_are_refused(store: Store) -> None:
    with pytest.raises(KeyError):
        store.find("nonsense")


def test_many_documents(store: Store) -> None:
    store.insert("events", [event(f"b{n}", 1, text="x" * 50) for n in range(2000)])
    assert len(store.find("events")) == 2000
    some = {"bot_id": {"$in": [f"b{n}" for n in range(0, 2000, 4)]}}
    assert len(store.find("events", some)) == 500


def test_a_store_says_whether_it_notices_changes(store: Store, sort: str) -> None:
    if sort == "mongomock":
        with pytest.raises(NotImplementedError):  # it does not know `hello`
            store.changes(threading.Event())
        return
    assert (store.changes(threading.Event()) is None) == (sort != "sqlite")


def test_after_close_operations_say_so(store: Store, sort: str) -> None:
    store.close()
    store.close()
    if sort == "memory":
        return
    with pytest.raises(StoreUnavailable, match="closed"):
        store.find("events")
