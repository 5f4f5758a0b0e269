"""Kind `term`: a word of the bot's trade and what it means."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.parts import belongings, parts
from otto_reconcile.model.resource import JSON, Ref, Resource


def _apart(synonyms: JSON) -> JSON:
    """Parlant keeps them as one text, with `, ` between them."""
    return [name for synonym in synonyms for name in str(synonym).split(", ") if name]


FIELDS = (
    Field("name"),
    Field("description"),
    Field("synonyms", default=[], shape=Shape.SET, clear=Means.REPLACE, normal=_apart),
    Field("tags", default=[], shape=Shape.SET),
)


def expand(bot: Bot) -> Iterable[Resource]:
    return parts("term", "terms", bot, bot.terms, FIELDS)


def needs(resource: Resource) -> Iterable[Ref]:
    return belongings(resource)


KIND = register(Kind("term", 30, FIELDS, expand, needs, reaches=True, own_id=True))
