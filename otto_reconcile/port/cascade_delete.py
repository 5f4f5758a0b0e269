"""Deletions that Parlant leaves half done, done wholly. The adapters call it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from otto_reconcile.errors import TargetRefused
from otto_reconcile.port.addressing import addressed
from otto_reconcile.port.errors import Absent, Failed
from otto_reconcile.port.session import Wire, agent_tag, has_owner, journey_tag

_MOST_DANGLING = 20


async def delete_guideline(wire: Wire, key: str, bot_id: str) -> None:
    """Deletes it, and first such of its relationships as Parlant trips over."""
    for _ in range(_MOST_DANGLING):
        try:
            await wire.call(wire.parlant.guidelines.delete(addressed(key)))
            return
        except Absent as error:
            if error.item in ("", key):
                return
            if error.item.startswith(("agent:", "journey:")):
                await _release(wire, key)
            else:
                await _unbind(wire, error.item, bot_id)
        except Failed:
            await _release(wire, key)
    await wire.call(wire.parlant.guidelines.delete(addressed(key)))


async def _release(wire: Wire, key: str) -> None:
    """Deletes its relationships; those to an agent, a journey or a tool keep it from being read."""
    listing = wire.parlant.relationships.list(guideline_id=key, indirect=False)
    try:
        found = await wire.call(listing, may_fail=wire.host.relations is not None)
    except Failed:  # the API cannot show those of which one target is enough
        if wire.host.relations is None:
            raise
        for one in await wire.host.relations.all():
            ends = (one.source_guideline, one.target_guideline)
            if key in (end.id for end in ends if end is not None):
                await wire.host.relations.delete(one.id)
        return
    for relationship in found:
        await wire.call(wire.parlant.relationships.delete(relationship.id))


async def release_dangling(wire: Wire, end: str, query: Mapping[str, Any], bot_id: str) -> None:
    """Deletes the relationships to guidelines that are gone, which hide all others of `end`.

    `query` is how to list those of `end`. Raises TargetRefused if something else hides them.
    """
    tried: set[str] = set()
    while True:
        try:
            await wire.call(wire.parlant.relationships.list(indirect=False, **query))
            return
        except Absent as error:
            if error.item in ("", *tried):
                raise _hidden(end, error.item) from error
            tried.add(error.item)
            await _unbind(wire, error.item, bot_id)


def _hidden(end: str, item: str) -> TargetRefused:
    return TargetRefused(
        f"Parlant cannot list the relationships of {end}: {item or 'something'} is gone, "
        "and something is still bound to it",
        status=404,
        hint="make it again under that id, delete its relationships, then delete it",
    )


async def _unbind(wire: Wire, missing: str, bot_id: str) -> None:
    """Deletes the relationships of a guideline that is gone: Parlant shows them once it is back."""
    back = wire.parlant.guidelines.create(
        id=missing, condition="(gone)", tags=[agent_tag(bot_id)] if bot_id else None
    )
    await wire.call(back)
    try:
        await _release(wire, missing)
    finally:
        await wire.call(wire.parlant.guidelines.delete(addressed(missing)))


async def delete_journey(wire: Wire, key: str) -> None:
    """Deletes it and its condition guidelines, also those that Parlant would leave behind."""
    try:
        conditions = (await wire.call(wire.journeys.retrieve(key))).conditions
    except Absent:
        return
    except Failed:  # it cannot be shown, and as long as it is there no list of journeys can
        conditions = []
    for condition in conditions:  # a relationship to one that is gone ends every turn in an error
        with suppress(Absent, Failed):
            if await _goes_along(wire, condition):
                await _release(wire, condition)
    try:
        await wire.call(wire.journeys.delete(key))
    except Absent:  # it stumbled over a condition that is gone, and left the others
        await _delete_conditions(wire, key, conditions)


async def _goes_along(wire: Wire, condition: str) -> bool:
    """False for a guideline of a bot that somebody made a condition too: Parlant keeps it."""
    try:
        asked = wire.parlant.guidelines.retrieve(addressed(condition))
        found = await wire.call(asked, may_fail=True)
    except (Absent, Failed):  # its relationships are what keeps it from being shown
        return True
    return not has_owner(found.guideline.tags)


async def _delete_conditions(wire: Wire, key: str, conditions: Collection[str]) -> None:
    tag = journey_tag(key)
    for guideline in await wire.call(wire.parlant.guidelines.list(tag_id=tag)):
        if guideline.id in conditions and list(guideline.tags) == [tag]:
            try:
                await wire.call(wire.parlant.guidelines.delete(addressed(guideline.id)))
            except Absent:
                continue


async def delete_orphans(wire: Wire, conditions: Collection[str]) -> None:
    """Deletes the global guidelines that a refused creation of a journey left behind.

    They carry no mark of their origin: no tag, no action, and the text of a condition. Dear, since
    it lists all guidelines, but a global guideline speaks to every agent of the target.
    """
    for guideline in await wire.call(wire.parlant.guidelines.list()):
        bare = not (guideline.tags or guideline.action or guideline.metadata)
        if bare and guideline.condition in conditions:
            try:
                await wire.call(wire.parlant.guidelines.delete(addressed(guideline.id)))
            except Absent:
                continue
