"""Reads what a target has of a bot: the other side of the diff. Reading writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from otto_reconcile.model import JSON, Ref, Resource, Snapshot, get_kind
from otto_reconcile.port.base import Observation, Port


async def observe(
    port: Port, bot_id: str, desired: Snapshot, applied: Snapshot, *, unmanaged: bool = True
) -> Snapshot:
    """What the target has of the bot: all that is desired or applied, and what carries its tag.

    Raises TargetUnavailable or TargetRefused.
    """
    return (await observation(port, bot_id, desired, applied, unmanaged=unmanaged)).snapshot


async def observation(
    port: Port, bot_id: str, desired: Snapshot, applied: Snapshot, *, unmanaged: bool = True
) -> Observation:
    """The same, with what was seen of evaluations on the way. Raises as `observe` does."""
    return await port.observe(bot_id, known(desired, applied), unmanaged=unmanaged)


async def observation_of(
    port: Port,
    bot_id: str,
    desired: Snapshot,
    applied: Snapshot,
    parts: Collection[Ref],
    seen: Snapshot,
) -> Observation:
    """The same, but only these parts are read; all else is taken to be as it was `seen` last."""
    found = await port.observe_parts(bot_id, known(desired, applied), parts)
    kinds = {ref.kind for ref in parts if not get_kind(ref.kind).own_id}
    rest = (r for ref, r in seen.items() if ref not in parts and ref.kind not in kinds)
    return replace(found, snapshot=Snapshot(rest) | found.snapshot)


def known(desired: Snapshot, applied: Snapshot) -> dict[Ref, Resource]:
    """Every Ref of interest with all the fields that either side declares of it, as it is wanted.

    But veiled fields are as they were applied: what cannot be seen is then not taken for changed.
    """
    interest = dict(applied.items())
    for ref, want in desired.items():
        last = interest.get(ref)
        spec = {**last.spec, **want.spec, **_veiled(last)} if last is not None else want.spec
        remote_id = last.remote_id if last is not None else None
        interest[ref] = replace(want, spec=spec, remote_id=remote_id)
    return interest


def _veiled(last: Resource) -> dict[str, JSON]:
    fields = get_kind(last.kind).by_name
    return {n: value for n, value in last.spec.items() if n in fields and fields[n].veiled}
