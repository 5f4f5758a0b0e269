"""The tools that a guideline may use: read, attached and taken off. For its adapter.

With a dependency on an agent or journey, or a re-evaluation by a tool, Parlant answers 404 or 500
for the guideline, also where it does what it was told, and nothing else of its API lists tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.host_process import Place
from otto_reconcile.port.session import Wire
from otto_reconcile.port.tools import not_there, tool_from_wire


class Attached(NamedTuple):
    """What came of attaching: what is not there to be attached, and whether anything changed."""

    missing: Sequence[str]
    changed: bool


async def usable(wire: Wire, key: str) -> list[str] | None:
    """The tools of a guideline that are there; None if Parlant cannot show the guideline."""
    held = await _held(wire, key)
    if held is None:
        return None
    names = [tool_from_wire(place) for place in held]
    missing = await wire.tools.missing(names)
    right = [n for n, place in zip(names, held, strict=True) if await wire.tools.place(n) == place]
    return sorted({name for name in right if name not in missing})


async def attach(wire: Wire, key: str, before: Iterable[str], after: Iterable[str]) -> Attached:
    """Gives a guideline the tools `after`, as far as they are there, and no others.

    `before` is what it had, should Parlant not be able to show it.
    """
    after = sorted(set(after))
    missing = await wire.tools.missing(after)
    wanted = {await wire.tools.place(name) for name in after}
    gone = {await wire.tools.place(name) for name in missing}
    held = await _held(wire, key)
    if held is None:
        await _blindly(wire, key, before, wanted - gone)
        return Attached([*missing.values()], changed=True)
    extra = [place for place in held if place not in wanted]
    added = sorted(wanted - gone - set(held))
    while extra:  # adding a tool twice doubles it, and removing takes one away
        once = sorted(set(extra))
        await _patch(wire, key, remove=once)
        for place in once:
            extra.remove(place)
    try:
        if added:
            await _patch(wire, key, add=added)
    except Failed as error:  # of a service whose tools Parlant cannot tell
        names = [f"{tool_from_wire(place)} (its service does not answer)" for place in added]
        raise not_there([*missing.values(), *names], made=True) from error
    return Attached([*missing.values()], changed=bool(added) or set(held) > wanted)


async def _held(wire: Wire, key: str) -> list[Place] | None:
    try:
        call = wire.parlant.guidelines.retrieve(addressed(key))
        answer = await wire.call(call, may_fail=True)
    except (Absent, Failed):
        return None
    return places_of(answer)


def places_of(answer: Any) -> list[Place]:
    """The tools in Parlant's answer about a guideline, a doubled one twice."""
    ids = [association.tool_id for association in answer.tool_associations]
    return [Place(tool.service_name, tool.tool_name) for tool in ids]


async def _blindly(wire: Wire, key: str, before: Iterable[str], wanted: Iterable[Place]) -> None:
    """The answer of each call is the same whether it did anything: each is made on its own."""
    known = {place for name in before for place in wire.tools.candidates(name)}
    for place in sorted({*known, *wanted}):
        with suppress(Absent, Failed):
            await _patch(wire, key, remove=[place])
    for place in sorted(wanted):
        with suppress(Absent, Failed):
            await _patch(wire, key, add=[place])


async def _patch(wire: Wire, key: str, **places: Sequence[Place]) -> None:
    values: Any = {way: [place.to_wire() for place in some] for way, some in places.items()}
    call = wire.parlant.guidelines.update(addressed(key), tool_associations=values)
    await wire.call(call)
