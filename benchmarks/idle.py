"""The share of a core that an idle daemon and its embedded Parlant take: with bots, and with none.

What it takes with none is Parlant's own and that of a daemon that has nothing to look after.
"""

from __future__ import annotations

from benchmarks import figures
from benchmarks.daemon import Daemon, end, kept

BOTS = (100, 500)
SETTLE, SECONDS = 10.0, 40.0
TARGETS = {100: 0.01, 500: 0.02}


def measure() -> None:
    with Daemon(0) as daemon:
        daemon.share(SETTLE)
        empty = daemon.share(SECONDS)
    for bots in BOTS:
        daemon = kept(bots)
        daemon.share(SETTLE)
        share = daemon.share(SECONDS)
        if bots != BOTS[-1]:  # which the next measure uses too
            end()
        print(
            f"idle with {bots} bots: {share:.1%} of a core; with none {empty:.1%}; "
            f"{share / empty:.1f} times as much (to reach: {TARGETS[bots]:.0%} above none; "
            f"above it {share - empty:.1%})"
        )
        figures.note(f"idle, {bots} bots", share - empty, TARGETS[bots], "%")
