"""The order of doing: one drawn table, and its reverse for deletion.

    tag 10
    tool service 15
     ├── agent 20
     │    ├── term 30, capability 32, variable 34
     │    ├── guideline 40
     │    ├── canned response 45      (bears the tags of guidelines and states, made or not)
     │    ├── journey 50
     │    └── relationship 60         (among guidelines, journeys, agents, tags and tools)
     └── customer 25

A kind carries its level (see `model`); an edge above runs from a lower level to a higher one.
A plan runs in three phases:
    1. undo   deletion of what binds others together (relationships), so that no deletion or
              replacement leaves one dangling, and no new one closes a ring with an old one
    2. make   creations, updates and replacements, from the lowest level up
    3. drop   deletions, from the highest level down
Inside a level the order is bot, key: the same input gives the same bytes under any hash seed.
What depends on something that is made too (a guideline only for a journey) waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from otto_reconcile.model import Ref, get_kind
from otto_reconcile.planning.plan import Action, Operation

BINDING = "relationship"

_MAKES = (Operation.CREATE, Operation.UPDATE, Operation.REPLACE)


def in_order(actions: Iterable[Action]) -> list[Action]:
    """The order of doing. What needs each other in a ring comes last, as the table has it."""
    table = sorted(actions, key=_place)
    given = {action.ref for action in table if _gives(action)}
    done: set[Ref] = set()
    waiting: dict[Ref, list[int]] = {}
    ready, ordered, left = list(range(len(table))), [], dict(enumerate(table))
    while ready:
        at = heappop(ready)
        action = left[at]
        if missing := sorted((action.needs & given) - done - {action.ref}):
            waiting.setdefault(missing[0], []).append(at)
            continue
        ordered.append(left.pop(at))
        if _gives(action):
            done.add(action.ref)
            for other in waiting.pop(action.ref, ()):
                heappush(ready, other)
    return [*ordered, *left.values()]


def _gives(action: Action) -> bool:
    """True for the one action of a Ref that others may wait for."""
    undoes = action.operation is Operation.DELETE
    return undoes if action.ref.kind == BINDING else action.operation in _MAKES


def _place(action: Action) -> tuple[int, int, str, str, str]:
    """The place in the table; total, since a plan has at most one action to a Ref and phase."""
    phase, level = _phase(action), get_kind(action.ref.kind).level
    up_or_down = level if phase == 2 else -level
    return phase, up_or_down, action.bot_id, action.ref.key, str(action.operation)


def _phase(action: Action) -> int:
    if action.operation in _MAKES:
        return 2
    if action.operation is Operation.DELETE:
        return 1 if action.ref.kind == BINDING else 3
    return 4
