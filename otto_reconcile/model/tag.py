"""Kind `tag`: a name that several bots may share. Its key is the name; a target gives it an id."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.groups import TAGGED
from otto_reconcile.model.kinds import Kind, make, register
from otto_reconcile.model.resource import Resource
from otto_reconcile.model.variable import tag_names


def expand(bot: Bot) -> Iterable[Resource]:
    for name in sorted(_names(bot)):
        yield make("tag", name, bot.id, {})


def _names(bot: Bot) -> set[str]:
    names = set(bot.tags or ())
    for group in TAGGED:
        for part in group.of(bot):
            if part.tags:
                names.update(part.tags)
    for variable in bot.variables:
        names.update(tag_names(variable.values or ()))
    for relationship in bot.relationships:
        for endpoint in (relationship.source, relationship.target):
            kind, _, name = endpoint.partition(":")
            if kind in ("tag", "any"):
                names.add(name)
    return names


KIND = register(Kind("tag", 10, (), expand, shared=True, reaches=True))
