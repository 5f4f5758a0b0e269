"""Planning 2,000 bots that do not differ, against DeepDiff on the same states; and `ticks`."""

from __future__ import annotations

import copy
import time
from dataclasses import replace

from benchmarks import figures, ticks
from benchmarks.bots import made
from otto_reconcile.diff import plan
from otto_reconcile.model import Resource, Snapshot, get_kind, snapshot_of

BOTS = 2000


def measure() -> None:
    from deepdiff import DeepDiff

    desired = snapshot_of(*made(BOTS))
    observed = Snapshot(_reported(resource) for resource in desired.values())
    ours = min(_seconds(lambda: plan(desired, observed, desired)) for _ in range(5))
    assert not plan(desired, observed, desired).actions
    left = {str(ref): dict(observed[ref].spec) for ref in desired}
    right = copy.deepcopy(left)
    theirs = min(_seconds(lambda: DeepDiff(left, right)) for _ in range(2))
    print(
        f"planning {BOTS} bots ({len(desired)} resources) without a difference: "
        f"{ours:.3f} s; DeepDiff {theirs:.2f} s; {theirs / ours:.0f} times as fast "
        f"(to reach: 1 s, 50 times)"
    )
    figures.note(f"planning {BOTS} bots", ours, 1.0, "s")
    ticks.measure()


def _reported(resource: Resource) -> Resource:
    """As a target reports it: with all fields, and no object shared with the desired side."""
    defaults = {field.name: field.default for field in get_kind(resource.kind).fields}
    return replace(resource, spec=copy.deepcopy({**defaults, **resource.spec}))


def _seconds(work: object) -> float:
    assert callable(work)
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
