"""Makes Otto in an embedded Parlant that is about to serve. Imports Parlant; `daemon` calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import parlant.sdk as p

from otto_reconcile.model import OTTO
from otto_reconcile.otto import tools
from otto_reconcile.otto.prompts import (
    DESCRIPTION,
    JOURNEY,
    JOURNEY_CONDITION,
    JOURNEY_TITLE,
    RULES,
    STEPS,
    Step,
)
from otto_reconcile.otto.service import OttoService

if TYPE_CHECKING:
    from parlant.core.common import JSONSerializable

ID = OTTO
NAME = "Otto"
ITERATIONS = 6
"""Rounds of tools in a turn: a bot of some pages is looked up, and a draft mended, in one."""


async def make(server: p.Server, service: OttoService) -> None:
    """Otto with its tools, guidelines and journey; nothing of it is evaluated by a model."""
    agent = await server.create_agent(
        id=ID,
        name=NAME,
        description=DESCRIPTION,
        max_engine_iterations=ITERATIONS,
        perceived_performance_policy=p.NullPerceivedPerformancePolicy(),
    )
    entries = tools.make(service)
    for rule in RULES:
        guideline = await agent.create_guideline(
            id=p.GuidelineId(f"{ID}.{rule.key}"),
            condition=rule.condition,
            action=rule.action,
            tools=[entries[rule.tool]] if rule.tool else [],
            criticality=p.Criticality.HIGH if rule.high else p.Criticality.MEDIUM,
            track=False,  # each of them holds anew whenever its condition does
        )
        if rule.after:
            await guideline.reevaluate_after(*(entries[name] for name in rule.after))
    await _journey(agent)


async def _journey(agent: p.Agent) -> None:
    condition = await agent.create_guideline(
        id=p.GuidelineId(f"{ID}.wants-a-bot"), condition=JOURNEY_CONDITION, track=False
    )
    journey = await agent.create_journey(
        id=p.JourneyId(f"{ID}.make-a-bot"),
        title=JOURNEY_TITLE,
        description=JOURNEY,
        conditions=[condition],
    )
    state: p.InitialJourneyState | p.ChatJourneyState = journey.initial_state
    for place, step in enumerate(STEPS):
        transition = await state.transition_to(
            chat_state=step.action,
            condition=STEPS[place - 1].leave if place else None,
            metadata={"journey_node": _reach(step, place)},
            id=p.JourneyStateId(f"{ID}.{step.key}"),
        )
        state = transition.target
    await state.transition_to(state=p.END_JOURNEY, condition=STEPS[-1].leave)


def _reach(step: Step, place: int) -> dict[str, JSONSerializable]:
    """What Parlant would ask a model for: where the conversation may go from a state.

    Parlant numbers the states of a journey in order; the initial one, which says nothing, is 1.
    """
    last = place == len(STEPS) - 1
    path: list[JSONSerializable] = ["None" if last else str(place + 3)]
    return {"kind": "chat", "reachable_follow_ups": [{"condition": step.leave, "path": path}]}
