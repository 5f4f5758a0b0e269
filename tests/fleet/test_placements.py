"""The record of where bots are: one target each, whoever writes, and daemons that are there."""

from __future__ import annotations

from otto_reconcile.records.placements import FEW, Placement, Placements
from otto_reconcile.records.presence import TTL, Peer, Presence
from otto_reconcile.store.base import Store

ME = Peer("me", "layout", frozenset({"eu", "us"}))
OTHER = Peer("other", "layout", frozenset({"eu"}))


def test_bots_are_placed_and_moved(store: Store) -> None:
    placements = Placements(store)
    assert placements.place({"a": None, "b": None}, "eu") == {}
    assert placements.place({"a": "eu"}, "us") == {}
    assert placements.read() == {"a": Placement("us", "eu"), "b": Placement("eu")}


def test_the_target_before_keeps_a_bot_until_it_was_seen(store: Store) -> None:
    placements = Placements(store)
    placements.place({"a": None}, "eu")
    placements.place({"a": "eu"}, "us")
    placements.confirm({"a": "asia"}, "us")
    placements.confirm({"a": "eu"}, "asia")
    assert placements.read() == {"a": Placement("us", "eu")}
    placements.confirm({"a": "eu"}, "us")
    assert placements.read() == {"a": Placement("us")}


def test_a_server_with_another_name_keeps_nothing(store: Store) -> None:
    placements = Placements(store)
    placements.place({"a": None}, "eu")
    placements.place({"a": "eu"}, "europe", keep=False)
    assert placements.read() == {"a": Placement("europe")}


def test_of_two_that_place_a_bot_one_wins(store: Store) -> None:
    mine, theirs = Placements(store), Placements(store)
    assert mine.place({"a": None}, "eu") == {}
    assert theirs.place({"a": None, "b": None}, "us") == {"a": Placement("eu")}
    assert mine.place({"b": "nowhere"}, "eu") == {"b": Placement("us")}
    assert mine.read() == {"a": Placement("eu"), "b": Placement("us")}


def test_a_bot_that_is_placed_twice_stays(store: Store) -> None:
    placements = Placements(store)
    placements.place({"a": None}, "eu")
    assert placements.place({"a": None}, "eu") == {}
    assert placements.read() == {"a": Placement("eu")}


def test_many_are_placed_at_once(store: Store) -> None:
    placements, many = Placements(store), [f"bot-{n}" for n in range(3 * FEW)]
    placements.place({"bot-7": None}, "us")
    assert placements.place(dict.fromkeys(many), "eu") == {"bot-7": Placement("us")}
    assert len(placements.read()) == len(many)


def test_only_what_is_still_there_is_forgotten(store: Store) -> None:
    placements = Placements(store)
    placements.place({"a": None, "b": None}, "eu")
    placements.place({"b": "eu"}, "us")
    placements.forget(["a", "b"], "eu")
    assert placements.read() == {"b": Placement("us", "eu")}


def test_a_damaged_placement_is_passed_over(store: Store) -> None:
    store.insert("placements", [{"bot_id": "a", "target": None}, {"bot_id": "b", "target": 3}])
    assert Placements(store).read() == {}


def test_daemons_see_each_other(store: Store) -> None:
    mine, theirs = Presence(store, ME), Presence(store, OTHER)
    assert mine.show() == (ME,)
    assert theirs.show() == (ME, OTHER)
    assert mine.show() == (ME, OTHER)
    theirs.leave()
    assert mine.show() == (ME,)


def test_one_whose_beat_stands_still_is_gone(store: Store) -> None:
    now = [0.0]
    mine, theirs = Presence(store, ME, (), lambda: now[0]), Presence(store, OTHER)
    theirs.show()
    assert mine.show() == (ME, OTHER)
    now[0] = TTL - 1
    theirs.show()
    assert mine.show() == (ME, OTHER)
    now[0] = 2 * TTL - 2
    assert mine.show() == (ME, OTHER)
    now[0] = 2 * TTL
    assert mine.show() == (ME,)
    theirs.show()
    assert mine.show() == (ME, OTHER)


def test_a_damaged_daemon_counts_until_its_time_is_up(store: Store) -> None:
    store.put("daemons", [{"holder": "odd", "layout": None, "beat": "x", "targets": 3}])
    now = [0.0]
    mine = Presence(store, ME, (), lambda: now[0])
    assert [peer.holder for peer in mine.show()] == ["me", "odd"]
    now[0] = TTL
    assert mine.show() == (ME,)


def test_a_server_is_known_by_its_former_names(store: Store) -> None:
    placements = Placements(store)
    assert placements.register("eu", "server-a", "http://a") == frozenset()
    assert placements.register("us", "server-b", "http://b") == frozenset()
    assert placements.register("us", "server-a", "http://a") == {"eu"}
    assert placements.register("eu", "server-b", "http://b2") == frozenset()
    assert placements.addresses() == {"us": "http://a", "eu": "http://b2"}
