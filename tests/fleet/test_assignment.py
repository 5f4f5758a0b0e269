"""Which target a bot belongs on: by labels first, then in equal parts that hardly move."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from otto_reconcile.errors import SettingsError
from otto_reconcile.fleet.assignment import Assignment
from otto_reconcile.runtime import selecting, sharding
from otto_reconcile.runtime.selecting import Selector
from otto_reconcile.runtime.sharding import Shard

BOTS = [f"bot-{number}" for number in range(1000)]


@dataclass(frozen=True)
class Target:
    """What the settings of a target say of its bots."""

    name: str
    selector: Selector | None = None
    shard: Shard | None = None
    drain: bool = False
    url: str = "http://127.0.0.1"


def labelled(name: str, text: str) -> Target:
    return Target(name, selecting.parsed(text))


def shards(*numbers: int, of: int) -> Assignment:
    return Assignment([Target(f"s{n}", shard=Shard(n, of)) for n in numbers])


def spread(assignment: Assignment) -> dict[str, str | None]:
    return {bot_id: assignment.of(bot_id, {}) for bot_id in BOTS}


def test_the_first_target_whose_selector_fits_has_it() -> None:
    assignment = Assignment([labelled("eu", "region=eu"), labelled("big", "size"), Target("rest")])
    assert assignment.of("a", {"region": "eu", "size": "l"}) == "eu"
    assert assignment.of("a", {"size": "l"}) == "big"
    assert assignment.of("a", {}) == "rest"


def test_what_fits_nowhere_has_no_target() -> None:
    assignment = Assignment([labelled("eu", "region=eu")])
    assert assignment.of("a", {}) is None
    assert not assignment.fits({})


@pytest.mark.parametrize("number", [2, 3, 5, 8])
def test_targets_of_one_selector_share_evenly(number: int) -> None:
    counts = Counter(spread(Assignment([Target(f"t{n}") for n in range(number)])).values())
    assert len(counts) == number
    assert all(abs(count - 1000 / number) < 0.35 * 1000 / number for count in counts.values())


def test_one_more_target_moves_only_what_it_gets() -> None:
    before = spread(Assignment([Target(f"t{n}") for n in range(4)]))
    after = spread(Assignment([Target(f"t{n}") for n in reversed(range(5))]))
    moved = {bot_id for bot_id in BOTS if before[bot_id] != after[bot_id]}
    assert {after[bot_id] for bot_id in moved} == {"t4"}
    assert 120 < len(moved) < 280


def test_one_target_less_moves_only_what_it_had() -> None:
    before = spread(Assignment([Target(f"t{n}") for n in range(4)]))
    after = spread(Assignment([Target(f"t{n}", drain=n == 2) for n in range(4)]))
    assert {before[b] for b in BOTS if before[b] != after[b]} == {"t2"}
    assert "t2" not in after.values()


def test_shards_of_several_daemons_are_disjoint_and_whole() -> None:
    parts = [spread(shards(number, of=8)) for number in range(1, 9)]
    whole = spread(shards(*range(1, 9), of=8))
    for bot_id in BOTS:
        having = [name for part in parts if (name := part[bot_id]) is not None]
        assert having == [whole[bot_id]]


def test_a_drained_target_leaves_its_labels_to_the_next() -> None:
    selector = selecting.parsed("region=eu")
    targets = [Target("eu", selector, drain=True), Target("rest")]
    assert Assignment(targets).of("a", {"region": "eu"}) == "rest"


def test_layouts_are_told_apart_by_what_they_mean() -> None:
    one = Assignment([Target("a"), Target("b")])
    assert one.digest == Assignment([Target("b"), Target("a")]).digest
    assert one.digest != Assignment([Target("a"), Target("c")]).digest
    assert one.digest != Assignment([Target("a"), Target("b", url="http://x")]).digest
    assert one.digest != Assignment([Target("a"), Target("b", drain=True)]).digest
    assert shards(3, of=8).digest == shards(4, of=8).digest
    assert shards(3, of=8).digest != shards(3, of=9).digest


def test_a_target_that_others_may_have_is_not_gone() -> None:
    assert Assignment([Target("a")]).is_gone("old")
    assert not Assignment([Target("a")]).is_gone("a")
    assert not shards(1, of=2).is_gone("s2")
    assert shards(1, 2, of=2).is_gone("s3")


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "3/0", "-1/8", "a/b", "1/8/2", "٣/٨"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="no shard"):
        sharding.parsed(text)


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(sharding.parsed(" 3/8 ")) == "3/8"
