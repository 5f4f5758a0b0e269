"""Kind `capability`: what a bot can do for a customer. Its key has its title, its identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.parts import belongings, named_key, parts
from otto_reconcile.model.resource import JSON, Ref, Resource

FIELDS = (
    Field("title"),
    Field("description"),
    Field("signals", default=[], shape=Shape.SET, clear=Means.REPLACE),
    Field("tags", default=[], shape=Shape.SET),
)


def expand(bot: Bot) -> Iterable[Resource]:
    return parts("capability", "capabilities", bot, bot.capabilities, FIELDS, key=named_key)


def needs(resource: Resource) -> Iterable[Ref]:
    return belongings(resource)


def told_by_key(key: str) -> Mapping[str, JSON]:
    return {"title": key.partition(":")[2]}


KIND = register(
    Kind(
        "capability",
        32,
        FIELDS,
        expand,
        needs,
        told_by_key=told_by_key,
        reaches=True,
        plural="capabilities",
    )
)
