"""Kind `agent`: what customers talk to. Its key is the bot's id."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, make, register
from otto_reconcile.model.resource import Ref, Resource

FIELDS = (
    Field("name"),
    # Parlant keeps no empty description: it is none.
    Field("description", clear=Means.REPLACE, empty=""),
    Field("composition_mode", default="fluid"),
    Field("max_engine_iterations", default=3),
    Field("message_output_mode", default="block"),
    Field("tags", default=[], shape=Shape.SET),
)


def expand(bot: Bot) -> Iterable[Resource]:
    values = {field.name: getattr(bot, field.name) for field in FIELDS}
    values["composition_mode"] = bot.composition_mode or "fluid"
    yield make("agent", bot.id, bot.id, values, masked=bot.masked.keys())


def needs(resource: Resource) -> Iterable[Ref]:
    return (Ref("tag", name) for name in resource.spec.get("tags", ()))


KIND = register(Kind("agent", 20, FIELDS, expand, needs, reaches=True, own_id=True))
