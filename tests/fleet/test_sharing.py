"""Which daemon acts on which target, by what all of them see: evenly, and the same for each."""

from __future__ import annotations

from collections import Counter

import pytest

from otto_reconcile.fleet.sharing import shared_out
from otto_reconcile.records.presence import Peer

TARGETS = frozenset(f"t{number}" for number in range(10))


def daemons(count: int, targets: frozenset[str] = TARGETS) -> tuple[Peer, ...]:
    return tuple(Peer(f"host:{number}", "layout", targets) for number in range(count))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 10, 15])
def test_no_daemon_has_more_than_its_part(count: int) -> None:
    owners = shared_out(daemons(count))
    assert owners.keys() == TARGETS
    assert max(Counter(owners.values()).values()) == -(-len(TARGETS) // count)


def test_a_daemon_acts_only_on_what_it_knows() -> None:
    one, two = daemons(2)
    some = Peer(two.holder, two.layout, frozenset({"t1"}))
    owners = shared_out((one, some))
    assert {name for name, holder in owners.items() if holder == some.holder} <= {"t1"}
    assert owners.keys() == TARGETS


def test_a_daemon_less_moves_few_targets() -> None:
    before, after = shared_out(daemons(4)), shared_out(daemons(3))
    had = {name for name, holder in before.items() if holder == "host:3"}
    kept = sum(before[name] == after[name] for name in TARGETS - had)
    assert kept >= len(TARGETS) / 2
