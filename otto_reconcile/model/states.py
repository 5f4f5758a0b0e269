"""A journey with its states, as a person declares it."""

from __future__ import annotations

from pydantic import (
    Field,
)

from otto_reconcile.model.part import (
    CompositionMode,
    ExactId,
    Name,
    Part,
    PartMode,
    TagName,
    Text,
)
from otto_reconcile.model.resource import JSON


class Transition(Part):
    """A way on from a state: to another one of the journey, or to its `end`."""

    to: ExactId
    when: Text | None = None


class State(Part):
    """A step of a journey: says something (`chat`), calls `tools`, or goes through a `journey`.

    One with none of these is a fork: it only decides which of its ways is taken.
    `model.journey_rules` has the rules that all the states of a journey keep together.
    """

    id: ExactId  # within the journey; no dot: states of a sub-journey are `<state>.<state>`
    chat: Text | None = None
    tools: list[Text] | None = None  # as those of a guideline
    instruction: Text | None = None  # how the tools are to be used
    journey: ExactId | None = None  # another journey of the bot
    description: Text | None = None
    labels: list[str] | None = None
    composition_mode: CompositionMode | None = None
    metadata: dict[str, JSON] | None = None
    canned_responses: list[str] | None = None
    next: list[Transition] = Field(default=[])


class Journey(Part):
    """`states` start with the first; None is a journey that is only described in words."""

    id_from = "title"
    secret = ("title", "description", "conditions")

    id: ExactId
    title: Name
    description: str
    conditions: list[Text]
    labels: list[str] | None = None
    priority: int | None = None
    composition_mode: PartMode | None = None
    tags: list[TagName] | None = None
    canned_responses: list[ExactId] | None = None
    states: list[State] | None = None
