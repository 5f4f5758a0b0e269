"""Kind `guideline`: when this is so, do that."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.parts import belongings, parts
from otto_reconcile.model.resource import Ref, Resource

BUILT_IN = "built-in"
"""The service of the tools that are hosted with the server."""
LOCAL = "local"
"""The service of the tools that `run --tools` hosts."""
HOSTED = (BUILT_IN, LOCAL)
"""A bare name of a tool means one of these, so they are nobody's to give."""

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


def short_tool(name: str) -> str:
    """`look_up` for `built-in:look_up` and `local:look_up`; others keep their service."""
    service, _, tool = name.partition(":")
    return tool if tool and service in HOSTED else name


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


KIND = register(Kind("guideline", 40, FIELDS, expand, needs, reaches=True))
