"""Kind `variable`: something that a bot knows of a customer. Its key has its name, its identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.part import short_tool
from otto_reconcile.model.parts import belongings, named_key, parts
from otto_reconcile.model.resource import JSON, Ref, Resource

FIELDS = (
    Field("name"),
    Field("description", default="", clear=Means.REPLACE),
    Field("tool", clear=Means.REPLACE, normal=short_tool, empty=""),
    Field("freshness_rules", empty=""),
    # What is for one customer is data of the conversations, which others write.
    Field(
        "values",
        default={},
        shape=Shape.MAPPING,
        reports=lambda key: not key.startswith("customer:"),
    ),
    Field("tags", default=[], shape=Shape.SET),
)


def expand(bot: Bot) -> Iterable[Resource]:
    return parts("variable", "variables", bot, bot.variables, FIELDS, key=named_key)


def needs(resource: Resource) -> Iterable[Ref]:
    yield from belongings(resource)
    for name in tag_names(resource.spec.get("values", {})):
        yield Ref("tag", name)


def tag_names(values: Iterable[str]) -> Iterable[str]:
    """The tags whose customers there are values for."""
    return (whose.removeprefix("tag:") for whose in values if whose.startswith("tag:"))


def told_by_key(key: str) -> Mapping[str, JSON]:
    return {"name": key.partition(":")[2]}


KIND = register(
    Kind(
        "variable",
        34,
        FIELDS,
        expand,
        needs,
        told_by_key=told_by_key,
        reaches=True,
        plural="context-variables",
    )
)
