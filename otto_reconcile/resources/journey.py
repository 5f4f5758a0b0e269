"""Kind `journey`: a way through a longer conversation. Never patched: see parlant-facts."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.resources.bot import Bot
from otto_reconcile.resources.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.resources.model import Ref, Resource
from otto_reconcile.resources.parts import belongings, parts

FIELDS = (
    Field("title", change=Means.REPLACE),
    Field("description", default="", change=Means.REPLACE, clear=Means.REPLACE),
    Field("conditions", default=[], shape=Shape.SET, change=Means.REPLACE, clear=Means.REPLACE),
    Field("labels", default=[], shape=Shape.SET),
    Field("priority", default=0, change=Means.REPLACE, clear=Means.REPLACE),
    Field("composition_mode", change=Means.REPLACE, clear=Means.REPLACE),
    Field("tags", default=[], shape=Shape.SET),
)


def expand(bot: Bot) -> Iterable[Resource]:
    return parts("journey", "journeys", bot, bot.journeys, FIELDS)


def needs(resource: Resource) -> Iterable[Ref]:
    return belongings(resource)


KIND = register(Kind("journey", 50, FIELDS, expand, needs))
