"""Kind `customer`: somebody with a fixed id, whom several bots may know. Its key is the id."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Shape, make, register
from otto_reconcile.model.resource import Ref, Resource

FIELDS = (
    Field("name"),
    Field("metadata", default={}, shape=Shape.MAPPING),
    # Others give customers tags too, so only those that are named count.
    Field("tags", default={}, shape=Shape.MAPPING),
)


def expand(bot: Bot) -> Iterable[Resource]:
    for customer in bot.customers:
        values = {
            "name": customer.name,
            "metadata": customer.metadata,
            "tags": dict.fromkeys(customer.tags or (), True),
        }
        prefix = f"customers/{customer.id}/"
        masked = {p.removeprefix(prefix).split("/")[0] for p in bot.masked if p.startswith(prefix)}
        yield make("customer", customer.id, bot.id, values, masked=masked)


def needs(resource: Resource) -> Iterable[Ref]:
    return (Ref("tag", name) for name in resource.spec.get("tags", ()))


KIND = register(Kind("customer", 25, FIELDS, expand, needs, shared=True))
