"""Kind `journey`: a way through a longer conversation. Never patched: see parlant-facts."""

from __future__ import annotations

from collections.abc import Iterable

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.journey_graph import Graphs, plain
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.parts import belongings, parts
from otto_reconcile.model.resource import Ref, Resource

FIELDS = (
    Field("title", change=Means.REPLACE),
    Field("description", default="", change=Means.REPLACE, clear=Means.REPLACE),
    Field("conditions", default=[], shape=Shape.SET, change=Means.REPLACE, clear=Means.REPLACE),
    Field("labels", default=[], shape=Shape.SET),
    Field("priority", default=0, change=Means.REPLACE, clear=Means.REPLACE),
    Field("composition_mode", change=Means.REPLACE, clear=Means.REPLACE, empty="none"),
    Field("tags", default=[], shape=Shape.SET),
    # As `journey_graph.Graphs` has them, in plain data.
    Field("states", default=[], change=Means.REPLACE, clear=Means.REPLACE, veiled=True),
)


def expand(bot: Bot) -> Iterable[Resource]:
    graphs = Graphs(bot.journeys)
    drawn = [
        journey.model_copy(update={"states": plain(graphs.of(journey))})
        if journey.states
        else journey
        for journey in bot.journeys
    ]
    return parts("journey", "journeys", bot, drawn, FIELDS)


def needs(resource: Resource) -> Iterable[Ref]:
    return belongings(resource)


KIND = register(Kind("journey", 50, FIELDS, expand, needs, reaches=True, own_id=True))
