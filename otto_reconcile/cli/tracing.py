"""The command `trace`: which revision of a bot gave which answer of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from otto_reconcile.cli.console import Output, say_data, say_lines, say_table
from otto_reconcile.cli.places import Target, find_target, opened_store
from otto_reconcile.cli.scratch import ScratchStore
from otto_reconcile.errors import NotFound
from otto_reconcile.manifest.ids import shortened
from otto_reconcile.model import Bot
from otto_reconcile.model.shared import compose
from otto_reconcile.planning.redaction import scrub
from otto_reconcile.port.conversations import AGENT, Conversation, Message
from otto_reconcile.reconcile import epoch
from otto_reconcile.reconcile.stores import Stores
from otto_reconcile.records.answering import Standing, standing
from otto_reconcile.records.events import Event
from otto_reconcile.records.past import Past
from otto_reconcile.records.secret_values import secret_values
from otto_reconcile.render.lines import Line, Tone, visible
from otto_reconcile.render.tables import Table
from otto_reconcile.settings import Settings

_COLUMNS = ("time", "source", "text", "revision", "commit", "guidelines", "tools")
_SHORT = 60
"""Characters of a text in a table."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One message, with what was in force; `events` are the revisions that can be read."""

    message: Message
    standing: Standing
    events: tuple[Event, ...]
    guidelines: tuple[str, ...]


def run_trace(settings: Settings, session: str, output: Output) -> int:
    """The messages of a session; raises NotFound for one that is not there or not of a bot here."""
    target = find_target(settings)
    with opened_store(settings) as store:
        stores = Stores.over(ScratchStore(store))
        found, name = asyncio.run(_read(settings, target, stores, session))
        past = Past(store)
        events = past.events(found.agent)
        if not events:
            raise NotFound(
                f"session {session!r} is one of agent {found.agent!r}, of which nothing is known"
                " here",
                hint="otto-reconcile adopt makes a manifest of it",
            )
        records = stores.audit.find(bot_id=found.agent, target=name)
        answered = [
            _answered(message, standing(records, events, message.begun, message.time), events, past)
            for message in found.messages
        ]
    secrets = {secret for event in events if event.bot for secret in secret_values(event.bot)}
    rows = [_row(one, secrets) for one in answered]
    if output in (Output.JSON, Output.YAML):
        say_data({"session": session, "bot": found.agent, "target": name, "messages": rows}, output)
        return 0
    if output is Output.TABLE:
        heading = f"session {session} with {found.agent} on {name}"
        say_lines([Line(visible(heading), Tone.HEADING)])
    say_table(Table(_COLUMNS, [_cells(row, found.agent) for row in rows]), output)
    return 0


async def _read(
    settings: Settings, target: Target, stores: Stores, session: str
) -> tuple[Conversation, str]:
    """The conversation, and the name under which its target is kept."""
    port = target.connect(settings)
    try:
        await port.health()
        name = target.id or await epoch.identity(port, stores)
        return await port.conversation(session), name
    finally:
        await port.close()


def _answered(message: Message, held: Standing, events: Sequence[Event], past: Past) -> Answered:
    """With the ids of the guidelines that were in force, those that the bot shared included."""
    some = tuple(event for event in events if event.revision in held.revisions)
    shared = past.shared_at(message.time) if any(event.bot for event in some) else []
    wholes = [compose(event.bot, shared) for event in some if event.bot is not None]
    return Answered(message, held, some, tuple(dict.fromkeys(i for w in wholes for i in _ids(w))))


def _ids(bot: Bot) -> list[str]:
    return [guideline.id for guideline in bot.guidelines if guideline.enabled is not False]


def _row(one: Answered, secrets: set[str]) -> dict[str, Any]:
    message, revisions = one.message, one.standing.revisions
    newest = one.events[-1] if one.events else None
    return {
        "time": message.time.isoformat(timespec="milliseconds"),
        "source": message.source,
        "text": scrub(message.text, secrets),
        "revision": revisions[-1],
        "revisions": list(revisions),
        "commit": newest.source.commit if newest else None,
        "subject": newest.source.subject if newest else None,
        "guidelines": list(one.guidelines),
        "tools": list(message.tools),
        "canned_responses": list(message.canned_responses),
    }


def _cells(row: dict[str, Any], bot_id: str) -> list[object]:
    text = " ".join(row["text"].split())
    text = text if len(text) <= _SHORT else f"{text[: _SHORT - 4]} ..."
    revisions = " or ".join("?" if r is None else str(r) for r in row["revisions"])
    ids = ", ".join(shortened(bot_id, one) or one for one in row["guidelines"])
    who = {AGENT: "bot"}.get(row["source"], row["source"])
    return [row["time"], who, text, revisions, row["commit"], ids, ", ".join(row["tools"])]
