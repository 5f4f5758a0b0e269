"""Kind `guideline`: when this is so, do that."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.part import short_tool
from otto_reconcile.model.parts import belongings, parts
from otto_reconcile.model.resource import Ref, Resource

EVALUATED = frozenset(
    {
        "agent_intention_condition",
        "continuous",
        "customer_dependent_action_data",
        "internal_action",
        "tool_running_only",
    }
)
"""Metadata that Parlant's evaluation makes of condition, action and tools, stale without them."""


def _short(tools: list[str]) -> list[str]:
    return [short_tool(tool) for tool in tools]


FIELDS = (
    Field("condition"),
    Field("action", clear=Means.REPLACE, empty=""),
    Field("description", default=""),
    Field("criticality", default="medium"),
    Field("composition_mode", clear=Means.REPLACE, empty="none"),
    Field("enabled", default=True),
    Field("priority", default=0),
    Field("track", default=True, change=Means.REPLACE, clear=Means.REPLACE),
    Field("labels", default=[], shape=Shape.SET),
    Field("tags", default=[], shape=Shape.SET),
    Field("metadata", default={}, shape=Shape.MAPPING, reports=lambda key: key not in EVALUATED),
    Field("tools", default=[], shape=Shape.SET, normal=_short),
)


def expand(bot: Bot) -> Iterable[Resource]:
    return parts("guideline", "guidelines", bot, bot.guidelines, FIELDS)


def needs(resource: Resource) -> Iterable[Ref]:
    return belongings(resource)


KIND = register(Kind("guideline", 40, FIELDS, expand, needs, reaches=True, own_id=True))
