"""Where bots are wanted while they are moved: never nowhere, and in the end on one target."""

from __future__ import annotations

from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.fleet.spread import Move, Spread
from tests.fleet.test_assignment import Target, labelled

EU, US = {"region": "eu"}, {"region": "us"}


def regions() -> Assignment:
    return Assignment([labelled("eu", "region=eu"), labelled("us", "region=us")])


def test_a_new_bot_is_wanted_where_it_belongs() -> None:
    spread = Spread(regions())
    spread.put("a", EU, None)
    assert spread.on("eu") == {"a"}
    assert spread.on("us") == frozenset()
    assert spread.home_of("a") == "eu"


def test_a_bot_that_moves_is_wanted_on_both() -> None:
    spread = Spread(regions())
    spread.put("a", US, "eu")
    assert spread.on("eu") == spread.on("us") == {"a"}
    assert spread.moves == [Move("a", "eu", "us")]
    spread.put("a", US, "us")
    assert spread.on("eu") == frozenset()
    assert spread.moves == []


def test_nothing_moves_while_daemons_disagree() -> None:
    spread = Spread(regions(), settled=False)
    spread.put("a", US, "eu")
    assert spread.on("eu") == {"a"}
    assert spread.on("us") == frozenset()


def test_what_fits_nowhere_any_more_stays() -> None:
    spread = Spread(regions())
    spread.put("a", {}, "eu")
    assert spread.on("eu") == {"a"}
    spread.put("b", {}, None)
    spread.put("c", EU, None)
    assert list(spread.without([("a", {}), ("b", {}), ("c", EU)])) == ["a", "b"]
    assert (spread.home_of("a"), spread.home_of("b")) == ("eu", None)


def test_a_target_that_is_gone_holds_no_bot_back() -> None:
    spread = Spread(regions())
    spread.put("a", EU, "old")
    assert spread.on("eu") == {"a"}
    assert spread.moves == []


def test_a_bot_that_nobody_can_read_stays_where_it_is() -> None:
    spread = Spread(regions())
    spread.put("a", None, "us")
    spread.put("b", None, None)
    assert spread.on("us") == {"a"}
    assert spread.targets_of("b") == frozenset()


def test_a_bot_that_goes_is_wanted_nowhere() -> None:
    spread = Spread(regions())
    spread.put("a", US, "eu")
    assert spread.drop("a") == {"eu", "us"}
    assert spread.targets_of("a") == frozenset()
    assert spread.targets == frozenset()
    assert spread.moves == []


def test_target_is_assigned_by_the_one_that_was_asked_for() -> None:
    spread = Spread(Assignment([Target("a"), Target("b", drain=True)]))
    spread.put("x", {}, "b")
    assert spread.moves == [Move("x", "b", "a")]


def test_a_bot_that_has_moved_is_not_awaited_where_it_was() -> None:
    """It is still wanted there for a moment, and is not to be placed there again."""
    spread = Spread(regions())
    spread.put("a", US, "us", "eu")
    assert spread.on("eu") == spread.on("us") == {"a"}
    assert spread.goes_to("a") is None
    assert spread.moves == []


def test_what_is_awaited_is_new_or_on_its_way() -> None:
    spread = Spread(regions())
    spread.put("a", US, None)
    spread.put("b", US, "eu")
    assert spread.goes_to("a") == spread.goes_to("b") == "us"
