"""Kind `guideline`: when this is so, do that."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.resources.bot import Bot
from otto_reconcile.resources.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.resources.model import Ref, Resource
from otto_reconcile.resources.parts import belongings, parts

BUILT_IN = "built-in"
"""The service of the tools that are hosted with the server; a bare name of a tool means it."""


def _short(tools: list[str]) -> list[str]:
    return [tool.removeprefix(f"{BUILT_IN}:") for tool in tools]


FIELDS = (
    Field("condition"),
    Field("action", clear=Means.REPLACE, normal=lambda action: action or None),
    Field("description", default=""),
    Field("criticality", default="medium"),
    Field("composition_mode", clear=Means.REPLACE),
    Field("enabled", default=True),
    Field("priority", default=0),
    Field("track", default=True, change=Means.REPLACE, clear=Means.REPLACE),
    Field("labels", default=[], shape=Shape.SET),
    Field("tags", default=[], shape=Shape.SET),
    Field("metadata", default={}, shape=Shape.MAPPING),
    Field("tools", default=[], shape=Shape.SET, normal=_short),
)


def expand(bot: Bot) -> Iterable[Resource]:
    return parts("guideline", "guidelines", bot, bot.guidelines, FIELDS)


def needs(resource: Resource) -> Iterable[Ref]:
    return belongings(resource)


KIND = register(Kind("guideline", 40, FIELDS, expand, needs))
