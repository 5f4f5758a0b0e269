"""What `status` says of several targets: a line for each, and what moves between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otto_reconcile.reconcile.restore_report import so_far
from otto_reconcile.render.lines import Line, Tone, counted, visible

SHOWN = 10
"""At most this many moves and bots are listed by name."""


def fleet_lines(fleet: Mapping[str, Any]) -> Iterator[Line]:
    """Nothing of a daemon that has one target with all bots."""
    for name, target in (fleet.get("targets") or {}).items():
        yield _target(name, target)
    for name, other in (fleet.get("clashes") or {}).items():
        what = f"{name} and {other} are the same server: take one of them out"
        if fleet.get("shard"):
            what = f"{name} has {other} too: give one of them another number"
        yield Line(visible(f"clash      {what}"), Tone.REMOVED)
    if missing := fleet.get("missing"):
        text = f"missing    shard {', '.join(missing)}: no daemon has it, so its bots are nowhere"
        yield Line(text, Tone.REMOVED)
    yield from _staying(fleet.get("staying") or {})
    if fleet.get("shard"):
        yield Line(f"shard      {fleet['shard']} of all bots; other daemons have the rest")
    if not fleet.get("agreed", True):
        text = "daemons    they have other targets or shards in their settings: no bot moves"
        yield Line(text, Tone.REMOVED)
    if len(others := fleet.get("daemons") or ()) > 1:
        yield Line(visible(f"daemons    {len(others)} share the targets: {', '.join(others)}"))
    yield from _moves(fleet.get("moves") or ())


def _target(name: str, target: Mapping[str, Any]) -> Line:
    what = f"{target.get('url')}{', over its bridge' if target.get('bridged') else ''}"
    said = "".join(
        f", {word} {target[key]}"
        for key, word in (("selector", "-l"), ("shard", "shard"))
        if target.get(key)
    )
    said += ", drained" if target.get("drain") else ""
    if target.get("led_by"):
        text = f"  {name}: {what}{said}: {target['led_by']} has it"
        return Line(visible(text), Tone.QUIET)
    state, bots = target.get("state"), counted(target.get("bots") or 0, "bot")
    text = f"  {name}: {what}{said}: {state}, {target.get('synced')} of {bots} Synced"
    restore = target.get("restore") or {}
    if "done" in restore:
        text += f", {so_far(restore)}"
    if target.get("message"):
        text += f", {target['message']}"
    return Line(visible(text), Tone.PLAIN if state == "Connected" else Tone.CHANGED)


def _moves(moves: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for move in moves[:SHOWN]:
        text = f"moves      {move['bot_id']} from {move['before']} to {move['after']}"
        yield Line(visible(text), Tone.CHANGED)
    if len(moves) > SHOWN:
        yield Line(f"           and {len(moves) - SHOWN} more", Tone.CHANGED)


def _staying(staying: Mapping[str, str]) -> Iterator[Line]:
    """Bots that are on a target though they belong on none."""
    for name in sorted(set(staying.values())):
        bots = sorted(bot_id for bot_id, target in staying.items() if target == name)
        some = ", ".join(bots[:SHOWN]) + (", ..." if len(bots) > SHOWN else "")
        what = f"{counted(len(bots), 'bot')} on {name}, which no other target is for"
        text = f"stay       {what}: {some}"
        yield Line(visible(text), Tone.CHANGED)
