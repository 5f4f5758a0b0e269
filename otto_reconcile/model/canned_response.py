"""Kind `canned_response`: an answer that is worded beforehand, for the bot or for some of it.

A target gives it an id of its own, so ours goes with it, in its metadata. One that guidelines or
states name is for those only; that it is for them cannot be changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from otto_reconcile.model.bot import Bot
from otto_reconcile.model.journey_graph import Graphs, identity
from otto_reconcile.model.kinds import Field, Kind, Means, Shape, register
from otto_reconcile.model.parts import belongings, parts
from otto_reconcile.model.resource import JSON, Ref, Resource

MARK = "otto_reconcile_id"
"""The key of a canned response's metadata that has its complete id."""
PREAMBLE = "__preamble__"
"""The id of Parlant's tag of preambles, which no list of tags has; `p.Tag.preamble()`."""


def _as_data(fields: Iterable[Any]) -> JSON:
    return [field if isinstance(field, dict) else field.model_dump() for field in fields]


FIELDS = (
    Field("value"),
    Field("fields", default=[], normal=_as_data),
    Field("signals", default=[], shape=Shape.SET, change=Means.REPLACE, clear=Means.REPLACE),
    Field(
        "field_dependencies",
        default=[],
        shape=Shape.SET,
        change=Means.REPLACE,
        clear=Means.REPLACE,
    ),
    Field("preamble", default=False, change=Means.REPLACE, clear=Means.REPLACE),
    Field("applies_to", default=[], shape=Shape.SET, change=Means.REPLACE, clear=Means.REPLACE),
    Field("tags", default=[], shape=Shape.SET),
    Field("metadata", default={}, shape=Shape.MAPPING, reports=lambda key: key != MARK),
)


def expand(bot: Bot) -> Iterable[Resource]:
    links = _links(bot)

    def told(response: Any) -> dict[str, JSON]:
        return {
            "applies_to": sorted(links.get(response.id, {f"agent:{bot.id}"})),
            "metadata": {**(response.metadata or {}), MARK: response.id},
        }

    return parts(
        "canned_response", "canned_responses", bot, bot.canned_responses, FIELDS, told=told
    )


def _links(bot: Bot) -> dict[str, set[str]]:
    """What names each canned response, as the tags of a target have it."""
    links: dict[str, set[str]] = {}
    for guideline in bot.guidelines:
        for named in guideline.canned_responses or ():
            links.setdefault(named, set()).add(f"guideline:{guideline.id}")
    graphs = Graphs(bot.journeys)
    states = (state for journey in bot.journeys for state in journey.states or ())
    named_in_states = any(state.canned_responses for state in states)
    for journey in bot.journeys:
        for named in journey.canned_responses or ():
            links.setdefault(named, set()).add(f"journey:{journey.id}")
        if not named_in_states:
            continue
        for state in graphs.of(journey):
            for named in state.canned_responses or ():
                node = f"journey_node:{identity(journey.id, state)}"
                links.setdefault(named, set()).add(node)
    return links


def needs(resource: Resource) -> Iterable[Ref]:
    yield from belongings(resource)
    for tag in resource.spec.get("applies_to", ()):
        if tag.startswith("journey:"):  # which Parlant's API asks for
            yield Ref("journey", tag.removeprefix("journey:"))


def told_by_key(key: str) -> Mapping[str, JSON]:
    return {"metadata": {MARK: key}}


KIND = register(
    Kind("canned_response", 45, FIELDS, expand, needs, told_by_key=told_by_key, reaches=True)
)
