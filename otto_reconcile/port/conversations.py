"""A conversation as Parlant has it on record, for `trace`; only reads. `rest` calls it.

Parlant's public API (3.3) does not say which guidelines a message was made by; it says which tools
were called and which canned responses were used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from otto_reconcile.errors import NotFound
from otto_reconcile.port.addressing import addressed, is_addressable
from otto_reconcile.port.errors import Absent
from otto_reconcile.port.session import Wire

AGENT = "ai_agent"
"""The source of what a bot said."""


@dataclass(frozen=True, slots=True)
class Message:
    """What was said, and when by the clock of the target; of a bot's also when its turn began.

    `tools` were called in that turn, and `canned_responses` (ids that Parlant gave) were used.
    """

    time: datetime
    begun: datetime
    source: str
    text: str
    tools: tuple[str, ...] = ()
    canned_responses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One session with an agent, the first message first."""

    session: str
    agent: str
    messages: tuple[Message, ...]


async def conversation(wire: Wire, session: str) -> Conversation:
    """Raises NotFound for a session that is not there, TargetUnavailable, TargetRefused."""
    try:
        if not is_addressable(session):
            raise Absent("", session)
        found = await wire.call(wire.parlant.sessions.retrieve(addressed(session)))
        events = await wire.call(
            wire.parlant.sessions.list_events(addressed(session), wait_for_data=0)
        )
    except Absent:
        raise NotFound(
            f"{wire.target} has no session {session!r}",
            hint="a session ends with Parlant's process, unless that keeps it; --parlant-url names"
            " another server",
        ) from None
    events = sorted(events, key=lambda event: event.offset)
    said = tuple(_message(event, events) for event in events if event.kind == "message")
    return Conversation(session, str(found.agent_id), said)


def _message(event: Any, events: Sequence[Any]) -> Message:
    data = event.data if isinstance(event.data, Mapping) else {}
    turn = [other for other in events if other.trace_id == event.trace_id]
    own = event.source == AGENT
    begun = min(other.creation_utc for other in turn) if own else event.creation_utc
    canned = data.get("canned_responses") or ()
    return Message(
        event.creation_utc,
        begun,
        str(event.source),
        str(data.get("message") or ""),
        tuple(_tools(turn)) if own else (),
        tuple(str(one[0]) for one in canned if one) if own else (),
    )


def _tools(turn: Sequence[Any]) -> list[str]:
    """Each tool once, in the order of the calls."""
    called = [
        str(call.get("tool_id"))
        for event in turn
        if event.kind == "tool" and isinstance(event.data, Mapping)
        for call in event.data.get("tool_calls") or ()
    ]
    return list(dict.fromkeys(called))
