"""The order of doing: one drawn table, and its reverse for deletion.

    tag 10
    tool service 15
     ├── agent 20
     │    ├── term 30, capability 32, variable 34
     │    ├── guideline 40
     │    ├── canned response 45      (bears the tags of guidelines and states, made or not)
     │    ├── journey 50
     │    ├── guideline 51            (one that is only for a journey which is made too)
     │    └── relationship 60         (among guidelines, journeys, agents, tags and tools)
     └── customer 25

A kind carries its level (see `resources`); an edge above runs from a lower level to a higher one.
A plan runs in three phases:
    1. undo   deletion of what binds others together (relationships), so that no deletion or
              replacement leaves one dangling, and no new one closes a ring with an old one
    2. make   creations, updates and replacements, from the lowest level up
    3. drop   deletions, from the highest level down
Inside a level the order is bot, key: the same input gives the same bytes under any hash seed.
"""

from __future__ import annotations

from otto_reconcile.plan import Action, Operation
from otto_reconcile.resources import get_kind

BINDING = "relationship"

_MAKES = (Operation.CREATE, Operation.UPDATE, Operation.REPLACE)


def sort_key(action: Action) -> tuple[int, int, str, str, str]:
    """The order of doing; total, since a plan has at most one action to a Ref and phase."""
    phase, level = _phase(action), _level(action)
    up_or_down = level if phase == 2 else -level
    return phase, up_or_down, action.bot_id, action.ref.key, str(action.operation)


def _level(action: Action) -> int:
    level = get_kind(action.ref.kind).level
    needs_journey = any(ref.kind == "journey" for ref in action.needs)
    return max(level, get_kind("journey").level + 1) if needs_journey else level


def _phase(action: Action) -> int:
    if action.operation in _MAKES:
        return 2
    if action.operation is Operation.DELETE:
        return 1 if action.ref.kind == BINDING else 3
    return 4
