"""Every folder here is a scenario: what is wanted, what was applied, what is there, and the plan.

    desired.yaml    manifests of what is wanted (none: nothing is)
    applied.yaml    manifests of what was last applied (none: nothing was)
    observed.json   what the target holds, as resources (none: nothing)
    options.json    fields of `diff.Policy`, and `environ` and `applied_environ` for `${VAR}`
    plan.txt        the plan as `otto-reconcile diff` shows it

OTTO_TEST_WRITE_SCENARIOS=1 writes the plans anew; look at what changed before you keep them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from otto_reconcile import manifest
from otto_reconcile.diff import Policy, plan
from otto_reconcile.model import Ref, Resource, Snapshot, make, snapshot_of
from otto_reconcile.render.plans import text_lines
from otto_reconcile.render.reports import BotPlan, Report

HERE = Path(__file__).parent
SCENARIOS = sorted(path.name for path in HERE.iterdir() if path.is_dir() and path.name[0] != "_")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else None


Sides = dict[str, Snapshot]
"""By bot: a shared tag belongs to several."""


def read_bots(path: Path, environ: dict[str, str]) -> Sides:
    if not path.exists():
        return {}
    loaded = manifest.load([path], environ={"OTTO_ALLOW_ENV": "*", **environ})
    return {b.bot.id: snapshot_of(b.bot) for b in loaded.bots}


def read_observed(path: Path) -> Sides:
    found: dict[str, list[Resource]] = {}
    for r in read_json(path) or []:
        resource = make(r["kind"], r["key"], r["bot"], r["spec"])
        found.setdefault(resource.bot_id, []).append(resource)
    return {bot_id: Snapshot(resources) for bot_id, resources in found.items()}


def read_policy(options: dict[str, Any]) -> Policy:
    keep = frozenset(Ref(*ref) for ref in options.pop("keep", ()))
    return Policy(keep=keep, **options)


def planned(folder: Path) -> str:
    options = read_json(folder / "options.json") or {}
    environ = options.pop("environ", {})
    before = options.pop("applied_environ", environ)
    desired = read_bots(folder / "desired.yaml", environ)
    applied = read_bots(folder / "applied.yaml", before)
    observed = read_observed(folder / "observed.json")
    policy = read_policy(options)
    none = Snapshot()
    bots = [
        BotPlan(i, plan(*(side.get(i, none) for side in (desired, observed, applied)), policy))
        for i in sorted({*desired, *observed, *applied})
    ]
    return "".join(f"{line.text}\n" for line in text_lines(Report(bots)))


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_plan_is_the_one_written_down(name: str) -> None:
    text = planned(HERE / name)
    expected = HERE / name / "plan.txt"
    if os.environ.get("OTTO_TEST_WRITE_SCENARIOS"):
        expected.write_text(text, "utf-8")
    assert text == expected.read_text("utf-8")
